"""What a store holds: the tables, and the steps from each version to the next.

The events stand in `rows` in the order in which they came: each add in time order, so that a span of time
is a few runs of row groups, which DuckDB finds by their smallest and largest time. There is no index: on
10^8 rows it would take more memory and time than all else. Names that repeat (kinds, pools, functions,
models, causes) are numbers from `names`. Isolates are numbered anew by each source, without a look-up: one
that two sources hold has two numbers, which become one name again when it is read.
"""

from __future__ import annotations

from typing import Final

MARK: Final = "keyrota_history"
"""The table that tells a store from any other database; its one row is the version."""

STEPS: Final = (
    # Version 1. `content` and `row_id` are what repeats are told by (keyrota.logs.duplicates).
    """
    CREATE TABLE names (code INTEGER NOT NULL, name VARCHAR NOT NULL);
    CREATE TABLE isolates (code BIGINT NOT NULL, name VARCHAR NOT NULL);
    CREATE TABLE key_labels (number INTEGER NOT NULL, label VARCHAR NOT NULL);
    CREATE TABLE adds (id INTEGER NOT NULL, added_ns BIGINT NOT NULL, pools VARCHAR NOT NULL);
    CREATE TABLE sources (
        id INTEGER NOT NULL, add_id INTEGER NOT NULL, label VARCHAR NOT NULL, rows BIGINT NOT NULL,
        duplicates BIGINT NOT NULL, first_ns BIGINT, last_ns BIGINT, fingerprint VARCHAR NOT NULL,
        account VARCHAR NOT NULL, found VARCHAR NOT NULL
    );
    CREATE TABLE rows (
        time_ns BIGINT, kind INTEGER NOT NULL, pool INTEGER, key INTEGER, position INTEGER, size INTEGER,
        function INTEGER, isolate BIGINT, model INTEGER, status SMALLINT, cause INTEGER, "limit" BIGINT,
        retry_after_s DOUBLE, duration_ms DOUBLE, source INTEGER NOT NULL, line BIGINT,
        row_id UBIGINT NOT NULL, content UBIGINT NOT NULL
    );
    """,
)
"""The statements that lead from version n to version n + 1; version 0 is an empty store."""

VERSION: Final = len(STEPS)

NAMED: Final = ("kind", "pool", "function", "model", "cause")
"""Columns that hold codes of `names`."""
