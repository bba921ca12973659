"""A span of a store as columns: the names of isolates, in order and each once."""

import duckdb
import numpy as np

from keyrota.history.loading import _isolates


def test_one_isolate_under_two_codes_is_one_name():
    """As of two adds; the names that no code asks for stay out, and a missing code stays missing."""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE isolates (code BIGINT, name VARCHAR)")
        connection.execute("INSERT INTO isolates VALUES (9, 'b'), (5, 'c'), (7, 'b'), (6, 'never'), (8, 'Z')")
        names, codes = _isolates(connection, np.array([9, -1, 5, 7, 8, 9]))
    assert names.tolist() == ["Z", "b", "c"]
    assert codes.tolist() == [1, -1, 2, 1, 0, 1]
