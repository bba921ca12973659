"""The history: events of many days in one file, each row once, although the platform keeps a day.

>>> from keyrota.history import open_store
>>> store = open_store("history.duckdb")  # doctest: +SKIP
>>> store.add("export.json").rows  # doctest: +SKIP
1000
>>> report = keyrota.judge(store.read(since="2025-11-01"))  # doctest: +SKIP
"""

from keyrota.history.accounts import Add, AddedSource, DayTotal, Exported, Listing, Pruned
from keyrota.history.place import default_store
from keyrota.history.store import History, open_store

__all__ = [
    "Add", "AddedSource", "DayTotal", "Exported", "History", "Listing", "Pruned", "default_store",
    "open_store",
]  # fmt: skip
