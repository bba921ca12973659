"""Places are called by one function, whose names are unique and claim no more than the log shows."""

import itertools

import pytest

from keyrota.findings.key_places import Places, keys_by_place

DECLARED = (3, 4, 5, 6)


def names(shown, declared=DECLARED):
    """Return the name of each place."""
    places = Places(keys_by_place(shown, declared))
    return [places.name(place) for place in range(1, 5)]


@pytest.mark.parametrize(
    ("shown", "called"),
    [
        ({}, "key 3, key 4, key 5, key 6"),
        ({1: 3, 2: 4, 4: 6}, "key 3, key 4, key 5, key 6"),
        ({1: 4, 2: 5}, "key 4, key 5, key 3, key 6"),
        ({1: 4}, "key 4, key 3, key 5, key 6"),
        ({1: 4, 2: 3}, "key 4, key 3, key 5, key 6"),
        ({1: 3, 2: 5}, "key 3, key 5, key 4, key 6"),
        ({1: 13, 2: 4}, "key 13, key 4, key 5, key 6"),
        ({1: 13, 2: 14}, "key 13, key 14, position 3, position 4"),
        ({1: 3, 2: 6, 3: 13}, "key 3, key 6, key 13, position 4"),
        ({1: 3, 2: 3, 3: 5}, "key 3 at position 1, key 3 at position 2, key 5, key 6"),
        ({2: 3, 3: 3}, "position 1, key 3 at position 2, key 3 at position 3, position 4"),
    ],
)
def test_names(shown, called):
    """The key that the log shows; elsewhere the declared one, a key that is left, or the position."""
    assert names(shown) == called.split(", ")


def test_names_are_unique_and_keys_that_are_not_shown_have_no_picks():
    """Whatever the log shows: no two places are called alike, and no shown key is claimed elsewhere."""
    for keys in itertools.product((None, 3, 4, 5, 6, 13), repeat=4):
        shown = {place: key for place, key in enumerate(keys, start=1) if key is not None}
        assert len(set(names(shown))) == 4
        told = keys_by_place(shown, DECLARED)
        assert all(told[place] == key for place, key in shown.items())
        assert not {key for place, key in told.items() if place not in shown} & set(shown.values())


def test_without_a_declaration_only_what_is_shown_has_a_key():
    """A pool that nobody declared, or with another size."""
    assert names({2: 7}, ()) == ["position 1", "key 7", "position 3", "position 4"]
