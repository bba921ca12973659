"""A rotation and its quota while they happen: events in, findings out; no clock, no file."""
