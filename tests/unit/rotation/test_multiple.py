"""Holm's adjustment."""

import numpy as np
import pytest

from keyrota.errors import ModelError
from keyrota.rotation.multiple import holm


def test_worked_example():
    """Holm's steps by hand: 3 x .01, 2 x .02, and the last no smaller than the one before."""
    assert holm([0.02, 0.5, 0.01]) == pytest.approx([0.04, 0.5, 0.03])
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_nothing_and_one():
    """No test needs no adjustment, nor does one."""
    assert holm([]).tolist() == []
    assert holm([0.2]).tolist() == [0.2]


def test_capped_at_one_and_data_left_alone():
    """Adjusted values are probabilities; the input is not changed."""
    p_values = np.array([0.9, 0.8])
    assert holm(p_values).tolist() == [1.0, 1.0]
    assert p_values.tolist() == [0.9, 0.8]


@pytest.mark.parametrize("p_values", [[-0.1], [1.1], [float("nan"), 0.5], [[0.1, 0.2]], 0.5])
def test_what_is_no_p_value_is_refused(p_values):
    """Only a row of probabilities can be adjusted."""
    with pytest.raises(ModelError):
        holm(p_values)
