"""A watch at work: the files and the clock, the state that survives a restart, hooks and metrics."""
