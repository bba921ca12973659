"""What a log's fields may be: ids, numbers, states; anything else is nothing."""

import pytest

from keyrota.logs.values import identifier, number_of, shared_identifier, status_of


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ("c71a-1.2:3_4", "c71a-1.2:3_4"),
        ("a" * 80, "a" * 80),
        ("a" * 81, None),
        ("", None),
        ("a b", None),
        ("é", None),
        ("٣", None),
        (17, "17"),
        (-17, "-17"),
        (10**20 - 1, str(10**20 - 1)),
        (10**20, None),
        (10**21, None),
        (-(10**20), None),
        (True, None),
        (1.5, None),
        (None, None),
        ([], None),
    ],
)
def test_ids(value, known):
    """Up to 80 characters of a small alphabet, or an integer of up to 20 digits."""
    assert identifier(value) == known
    assert shared_identifier(value) == known


@pytest.mark.parametrize("words", [["shared", "-", "id"], ["a" * 40, "b" * 40]])
def test_a_shared_id_is_one_object(words):
    """Equal texts of many rows are kept once, also the longest."""
    first, second = ("".join(words) for _ in range(2))
    assert first is not second
    assert shared_identifier(first) is shared_identifier(second)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0.0),
        (7, 7.0),
        (2.5, 2.5),
        ("12", 12.0),
        ("0.25", 0.25),
        ("٣", None),
        ("-1", None),
        ("1e3", None),
        ("", None),
        ("1" * 13, None),
        (-1, None),
        (-0.5, None),
        (10**12 - 1, 1e12 - 1),
        (10**12, None),
        (10**15, None),
        (10**400, None),
        (float("nan"), None),
        (float("inf"), None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_numbers(value, number):
    """From 0 to 1e12, as one or as its ASCII digits; neither a truth value nor what has no value is one."""
    assert number_of(value) == number


@pytest.mark.parametrize(
    ("value", "status"),
    [(200, 200), ("429", 429), (100, 100), (999, 999), (99, None), (1000, None), (429.9, 429), ("x", None)],
)
def test_states(value, status):
    """Three digits."""
    assert status_of(value) == status
