"""Traffic: the processes by which requests arrive."""
