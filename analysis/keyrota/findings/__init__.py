"""Findings: what is wrong with a log, by rules with a code, a severity and a page each."""
