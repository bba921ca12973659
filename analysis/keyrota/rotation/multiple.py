"""Several tests at once: p-values that keep the family-wise error rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keyrota.display import shown
from keyrota.errors import ModelError


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p-values by Holm's step-down method.

    Rejecting where the adjusted value is at most alpha makes the probability of any false rejection
    at most alpha, whatever the dependence between the tests [1]_.

    Parameters
    ----------
    p_values : array_like of float, shape (m,)
        Probabilities in [0, 1], one for each test.

    Returns
    -------
    ndarray of float, shape (m,)
        Adjusted p-values in the order given, each at least its p-value and at most 1.

    Raises
    ------
    ModelError
        When `p_values` is not a row of probabilities.

    References
    ----------
    .. [1] S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal
       of Statistics 6, 1979, pp. 65-70.

    Examples
    --------
    >>> holm([0.25, 0.0625, 0.5]).tolist()
    [0.5, 0.1875, 0.5]
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1:
        raise ModelError(f"p_values must be a row of probabilities, not of shape {shown(p.shape)}")
    if not np.all((p >= 0) & (p <= 1)):  # NaN fails as well
        raise ModelError(f"p-values lie in [0, 1]; got {shown(p.tolist())}")
    order = np.argsort(p, kind="stable")
    hypotheses_left = p.size - np.arange(p.size)
    stepped = np.maximum.accumulate(p[order] * hypotheses_left)  # [1]
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
