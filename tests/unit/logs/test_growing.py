"""A column that grows is the one that its parts make, whatever length was expected."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrota.logs.columns import Growing, expected_rows, is_constant

PARTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([-1.0, 0.0, 7.0, float("nan")]), st.integers(1, 20)).map(
            lambda told: [told[0]] * told[1]
        ),
        st.lists(st.sampled_from([-1.0, 1.0, 7.0, float("nan")]), min_size=1, max_size=30),
    ),
    max_size=12,
)


@given(PARTS, st.integers(0, 200), st.booleans())
def test_it_is_what_its_parts_make(parts: list[list[float]], expected: int, is_whole: bool) -> None:
    """Of numbers that are all the same, also not at all, until they are not; the parts are used again."""
    dtype = "int32" if is_whole else "float64"
    arrays = [
        np.nan_to_num(np.array(part), nan=5).astype(dtype) if is_whole else np.array(part) for part in parts
    ]
    column, buffer = Growing(dtype), np.empty(40, dtype=dtype)
    for array in arrays:
        buffer[: len(array)] = array
        column.add(buffer[: len(array)], expected)
        buffer[:] = 99
    told, whole = column.done(), np.concatenate([np.empty(0, dtype=dtype), *arrays])
    assert np.array_equal(told, whole, equal_nan=not is_whole)
    assert told.dtype == dtype
    if len(whole):
        same = bool((whole == whole[0]).all()) or bool(np.isnan(whole).all())
        assert is_constant(told) == same


@pytest.mark.parametrize("expected", [0, 10, 1000])
def test_it_is_copied_once_where_its_length_is_told(expected: int) -> None:
    """More room than expected is made where it was told wrongly."""
    column = Growing("int64")
    places = []
    for start in range(0, 1000, 50):
        column.add(np.arange(start, start + 50), expected)
        places.append(column._whole.ctypes.data)
    assert column.done().tolist() == list(range(1000))
    assert len(set(places)) <= (1 if expected == 1000 else 7)


def test_what_is_expected_has_bounds() -> None:
    """A tenth more than would come if the log went on so, of a huge log not all; nothing if unknown."""
    assert expected_rows(1000, 0.5) == 2200
    assert expected_rows(1000, 0.0) == 0
    assert expected_rows(10**7, 1e-6) < 2 * 10**8
