"""Rows and their order."""

import pytest

from keyrota import errors
from keyrota.logs.write import LogRow, newest_first, scrambled_ties


def many() -> list[LogRow]:
    return [LogRow(1_000_000 * (n // 4) + n, str(n)) for n in range(40)]


def test_newest_first_orders_milliseconds_and_scrambles_inside() -> None:
    """The milliseconds descend; each keeps its four rows, in another order somewhere."""
    ordered = newest_first(many(), 5)
    ticks = [row.time_ns // 1_000_000 for row in ordered]
    assert ticks == sorted(ticks, reverse=True)
    assert sorted(row.message for row in ordered) == sorted(row.message for row in many())
    assert [row.time_ns for row in ordered] != sorted((row.time_ns for row in many()), reverse=True)


def test_scrambling_depends_on_the_seed_only() -> None:
    """Equal seeds give equal orders, others another one."""
    assert scrambled_ties(many(), 1) == scrambled_ties(many(), 1)
    assert scrambled_ties(many(), 1) != scrambled_ties(many(), 2)


def test_rows_of_distinct_ticks_stay() -> None:
    """Nothing is scrambled when the tick is finer than the rows."""
    assert scrambled_ties(many(), 1, tick_ns=1) == many()


def test_no_rows_are_no_rows() -> None:
    """The empty log is in order."""
    assert newest_first([]) == []


def test_missing_time_is_refused_with_a_way_out() -> None:
    """The error names a shape that needs no time."""
    with pytest.raises(errors.ConfigurationError, match="console"):
        LogRow(None, "x").at()


def test_life_cycle_rows_have_level_log() -> None:
    """Whatever level was given, the platform stores log for them."""
    assert LogRow(0, "booted", "Boot", level="error").logged_level == "log"
    assert LogRow(0, "line", level="error").logged_level == "error"


def test_deployment_names_project_function_and_version() -> None:
    """Without a function there is no deployment."""
    assert LogRow(0, "", function_id="f", version=26).deployment_id == "abcdefghijklmnopqrst_f_26"
    assert LogRow(0, "").deployment_id is None
