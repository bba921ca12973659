"""Logs of the platform's Management API into a folder: each row once, however often it is fetched.

>>> from keyrota.fetch import fetch_logs
>>> fetch_logs("logs/", "abcdefghijklmnopqrst").rows  # doctest: +SKIP
{'logs': 1834, 'invocations': 912}
"""

from keyrota.fetch.run import Fetched, fetch_logs

__all__ = ["Fetched", "fetch_logs"]
