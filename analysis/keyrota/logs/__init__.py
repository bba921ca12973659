"""Logs to events and back: the reader, its grammar, and the writer that tests and simulations use."""
