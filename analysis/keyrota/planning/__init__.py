"""From simulation and theory to decisions: when 429s begin, and how many keys that takes."""
