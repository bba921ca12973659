"""The pools in motion: arrivals, isolates, rotation and limits, in two engines that agree."""
