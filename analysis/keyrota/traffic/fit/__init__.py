"""Traffic and isolates fitted to a log: what a simulation of the same application starts from."""
