"""Columns of names: a number for each row, and what the numbers stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Names: TypeAlias = "Sequence[str | None] | pd.Index[Any]"


def name_column(codes: NDArray[Any], names: Names) -> Any:
    """Return names that are told by codes as a column of an event table.

    Parameters
    ----------
    codes
        Indices of `names`, negative where missing.
    names
        Of several codes of one name all are that name, and one of ``None`` is missing too. Many names
        are best given as a pandas index, which must hold each once and in order: they are taken as they are.

    Returns
    -------
    pandas.Categorical
        Its categories are the names that occur, in order.
    """
    import pandas as pd

    # A missing code finds the last place of a table.
    places = np.zeros(len(names) + 1, dtype=bool)
    places[codes] = True
    told = np.flatnonzero(places[:-1])
    if isinstance(names, pd.Index):
        dtype = pd.CategoricalDtype(names if len(told) == len(names) else names[told])
        own = np.arange(len(told))
    else:
        column: Any = pd.Series([names[code] for code in told.tolist()], dtype=object).astype("category")
        dtype, own = column.dtype, column.cat.codes.to_numpy()
    lookup = np.full(len(names) + 1, -1, dtype=np.min_scalar_type(-1 - len(told)))
    lookup[told] = own
    return pd.Categorical.from_codes(lookup[codes], dtype=dtype)
