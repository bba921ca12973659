"""Evidence against uniform starts that may be looked at after every start: an e-process.

Under the declared rotation the starts of a pool's runs are independent and uniform over its K positions.
Against that stands a mixture of Dirichlet alternatives [1]_, each from its own moment on: one from the
first start, and blocks at four scales, so that a fault after a long healthy time is not averaged away
[3]_. A block at a scale of life 64, 512, 4,096 or 32,768 starts begins at every eighth of that life, bets
on its own starts only, and keeps what it has won or lost when its life is over. Block number j of a scale
has the weight c(j) - c(j + 1) of its scale, c(j) = 1 / (1 + ln(1 + j)): late blocks pay the logarithm of
their number, and little more.

Why E may be watched for ever: a component is worth 1 until it begins. While it lives, a start at position
x multiplies it by K q(x), where q, its law for the next start, depends on earlier starts only; the mean of
K q(x) over uniform x is the sum of q, 1. Frozen it stays. So each component is a martingale that begins at
1, the weights add up to 1 (what has not begun counts as 1 each), and E is a non-negative martingale that
begins at 1. By Ville's inequality [2]_ the probability that E *ever* reaches 1 / alpha is at most alpha.

It holds for starts that are independent and uniform; starts that are left out (because they are
uncertain) must be left out for reasons that do not depend on their position.

References
----------
.. [1] R. Krichevsky, V. Trofimov, "The performance of universal encoding", IEEE Transactions on
   Information Theory 27, 1981.
.. [2] J. Ville, "Etude critique de la notion de collectif", 1939; G. Shafer, A. Shen, N. Vereshchagin,
   V. Vovk, "Test martingales, Bayes factors and p-values", Statistical Science 26, 2011.
.. [3] J. Shin, A. Ramdas, A. Rinaldo, "E-detectors: a nonparametric framework for sequential change
   detection", New England Journal of Statistics in Data Science 2, 2024.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from keyrota.errors import ConfigurationError, InputError

LIVES: Final = (64, 512, 4_096, 32_768)
"""For how many starts a block of each scale bets: powers of two."""
BLOCKS: Final = 8
"""How many blocks of a scale live at once."""
PRIOR: Final = 0.5
"""Parameter of the Dirichlet law: with a half no law of the starts is much worse to bet on than another."""

_PIECE: Final = 1_024
"""So many starts are worked on at once: their tables fit into a processor's cache."""
_TICK: Final = LIVES[0] // BLOCKS
# One row for each component that can live at a time. The first lives for ever: its life is beyond any count.
_LIFE: Final = np.array([1 << 62, *np.repeat(LIVES, BLOCKS)])[:, None]
_STRIDE: Final = np.array([1 << 62, *np.repeat(LIVES, BLOCKS) // BLOCKS])
_OFFSET: Final = (_STRIDE * np.array([0, *np.tile(np.arange(BLOCKS), len(LIVES))]))[:, None]
_SHARE: Final = 1 / (1 + len(LIVES))
_ROWS: Final = len(_STRIDE)
_LAST_OFFSET: Final = int(_OFFSET.max())


class StartStream:
    """Running e-value of the starts of one pool against the declared rotation.

    Memory is bounded: 33 rows of K counts, whatever the number of starts.

    Parameters
    ----------
    size
        Number of positions K, at least 1. With one position there is nothing to see: ln E is 0 for ever.

    Attributes
    ----------
    log_e : float
        Natural logarithm of E now. Alarm when it reaches ln(1 / alpha).
    highest : float
        The largest ln E so far; 0 before the first start.
    seen : int
        Number of starts.

    Raises
    ------
    ConfigurationError
        If `size` is below 1.

    Examples
    --------
    >>> stream = StartStream(4)
    >>> bool(stream.add(np.zeros(30, dtype=np.int64))[-1] > np.log(1000))
    True
    >>> stream.suspected_since(), stream.favoured()
    (0, 0)
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ConfigurationError(f"a pool has 1 position at least, not {size}: give the number of keys")
        self.size = size
        self.log_e = 0.0
        self.highest = 0.0
        self.seen = 0
        self._counts: NDArray[np.int64] = np.zeros(size, dtype=np.int64)
        # For each row: the counts when its component began, and ln of weight times wealth.
        self._begun: NDArray[np.int64] = np.zeros((_ROWS, size), dtype=np.int64)
        self._wealth: NDArray[np.float64] = np.zeros(_ROWS)
        self._frozen = -np.inf

    def add(self, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """Take the next starts and return ln E after each.

        How a stream is cut into calls changes the result by rounding only (below 1e-9).

        Parameters
        ----------
        positions
            0-based positions of the next starts, in their order, shape (n,).

        Returns
        -------
        ndarray of float, shape (n,)
            Natural logarithm of E after each of these starts.

        Raises
        ------
        InputError
            If a position is not in the pool. Nothing is taken then.
        """
        starts = np.asarray(positions, dtype=np.int64)
        if starts.size and not 0 <= starts.min() <= starts.max() < self.size:
            wrong = starts[(starts < 0) | (starts >= self.size)][0]
            raise InputError(f"start at position {wrong}, but a pool of {self.size} has 0 to {self.size - 1}")
        if self.size == 1 or not starts.size:
            self.seen += starts.size
            self._counts += starts.size if self.size == 1 else 0
            return np.zeros(starts.size)
        pieces = [self._advance(starts[first : first + _PIECE]) for first in range(0, starts.size, _PIECE)]
        log_e = np.concatenate(pieces)
        self.log_e = float(log_e[-1])
        self.highest = max(self.highest, float(log_e.max()))
        return log_e

    def suspected_since(self) -> int:
        """Return the 0-based number of the start from which the evidence is strongest.

        It is the beginning of the living component that is worth most: the fault began within about an
        eighth of the time since then.
        """
        return int(self._begins()[self._strongest()])

    def favoured(self) -> int:
        """Return the 0-based position that has had most starts since then, the first of equals."""
        return int(np.argmax(self._counts - self._begun[self._strongest()]))

    def to_dict(self) -> dict[str, object]:
        """Return the whole state in numbers, lists and None, exact in JSON."""
        return {
            "size": self.size,
            "log_e": self.log_e,
            "highest": self.highest,
            "seen": self.seen,
            "counts": self._counts.tolist(),
            "begun": self._begun.tolist(),
            "wealth": self._wealth.tolist(),
            "frozen": None if np.isinf(self._frozen) else self._frozen,
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, object]) -> StartStream:
        """Return the stream that `to_dict` told of.

        Raises
        ------
        InputError
            If something is missing, of the wrong shape, or no number.
        """
        try:
            stream = cls(_whole(told["size"]))
            stream.seen = _whole(told["seen"])
            stream.log_e, stream.highest = _finite(told["log_e"]), _finite(told["highest"])
            stream._frozen = -np.inf if told["frozen"] is None else _finite(told["frozen"])
            stream._counts = np.array(told["counts"], dtype=np.int64).reshape(stream.size)
            stream._begun = np.array(told["begun"], dtype=np.int64).reshape(_ROWS, stream.size)
            stream._wealth = np.array(told["wealth"], dtype=np.float64).reshape(_ROWS)
            is_sound = bool(np.isfinite(stream._wealth).all() and (stream._begun >= 0).all())
            is_sound &= bool((stream._begun <= stream._counts).all()) and stream.seen == stream._counts.sum()
        except (KeyError, TypeError, ValueError, OverflowError, ConfigurationError):
            is_sound = False
        if not is_sound:
            raise InputError("the state of a stream of starts is damaged: remove it to begin anew")
        return stream

    def _begins(self) -> NDArray[np.int64]:
        """Return when the component of each row began; below 0 if it has not."""
        now = max(self.seen - 1, 0)
        return np.asarray((now - ((now - _OFFSET) & (_LIFE - 1)))[:, 0])

    def _strongest(self) -> int:
        return int(np.argmax(np.where(self._begins() >= 0, self._wealth, -np.inf)))

    def _advance(self, starts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Take one piece of starts: all components side by side, one column for each start."""
        count = starts.size
        time = np.arange(self.seen, self.seen + count)
        age = (time - _OFFSET) & (_LIFE - 1)
        # A segment is what one component sees of this piece: from its birth or the first column on.
        is_birth = age == 0
        is_first = is_birth.copy()
        is_first[:, 0] = True
        first = np.flatnonzero(is_first)
        row, column = np.divmod(first, count)
        is_born = is_birth.ravel()[first]
        lengths = np.diff(first, append=_ROWS * count)

        ranks = _ranks(starts, self._counts)
        ticks = self._counts_at_ticks(starts)
        begun = np.concatenate([self._begun, ticks])
        tick = (self.seen + column) // _TICK - -(-self.seen // _TICK)
        source = np.where(is_born, _ROWS + tick, row)
        cells = np.repeat(source * self.size, lengths).reshape(_ROWS, count) + starts
        own = ranks - begun.ravel().take(cells)

        # The predictive share of a Dirichlet mixture, times K [1]_.
        gains = (own + PRIOR) * self.size
        gains /= age + self.size * PRIOR
        wealth = np.cumsum(np.log(gains, out=gains), axis=1)
        born_row, born_column = row[is_born], column[is_born]
        before = np.where(born_column > 0, wealth[born_row, born_column - 1], 0.0)
        base = self._wealth[row]
        base[is_born] = _log_weights(born_row, self.seen + born_column) - before
        wealth += np.repeat(base, lengths).reshape(_ROWS, count)

        frozen = self._freeze(wealth, born_row, born_column, time)
        if self.seen <= _LAST_OFFSET:
            wealth[time < _OFFSET] = -np.inf
        log_e = _log_sum(wealth, _log_reserve(time), frozen)

        last = np.flatnonzero(np.diff(row, append=_ROWS))
        self._begun = begun[source[last]]
        self._wealth = np.where(np.isinf(wealth[:, -1]), 0.0, wealth[:, -1])
        self._counts = self._counts + np.bincount(starts, minlength=self.size)
        self.seen += count
        return log_e

    def _counts_at_ticks(self, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the counts before each start of this piece at which a block may begin, shape (ticks, K)."""
        ahead = -self.seen % _TICK
        ticks = -(-(starts.size - ahead) // _TICK)
        if ticks <= 0:
            return np.zeros((0, self.size), dtype=np.int64)
        span = (np.arange(starts.size) - ahead) // _TICK + 1
        table = np.bincount(span * self.size + starts, minlength=(ticks + 1) * self.size)
        return np.cumsum(table.reshape(ticks + 1, self.size)[:-1], axis=0) + self._counts

    def _freeze(
        self,
        wealth: NDArray[np.float64],
        row: NDArray[np.intp],
        column: NDArray[np.intp],
        time: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Add up what components are worth whose row another takes; return the ln of it at each start."""
        is_end = time[column] - _OFFSET[row, 0] >= _LIFE[row, 0]
        row, column = row[is_end], column[is_end]
        if not row.size:
            return np.full(time.size, self._frozen)
        order = np.argsort(column, kind="stable")
        row, column = row[order], column[order]
        worth = np.where(column > 0, wealth[row, column - 1], self._wealth[row])
        sums = np.logaddexp.accumulate(np.concatenate([[self._frozen], worth]))
        self._frozen = float(sums[-1])
        return np.asarray(sums[np.searchsorted(column, np.arange(time.size), side="right")])


def _ranks(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how often each start's position was seen before it, `counts` being those before the first."""
    order = np.argsort(starts, kind="stable")
    own = np.bincount(starts, minlength=counts.size)
    ranks = np.empty(starts.size, dtype=np.int64)
    ranks[order] = np.arange(starts.size) - np.repeat(np.cumsum(own) - own - counts, own)
    return ranks


def _log_weights(row: NDArray[np.intp], begin: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return ln of the weight of the components that begin then: a scale's share times c(j) - c(j + 1)."""
    number = begin // _STRIDE[row]
    # c(j) - c(j + 1) without a difference of nearly equal numbers.
    drop = np.log1p(1 / (number + 1)) / ((1 + np.log1p(number)) * (1 + np.log(number + 2)))
    return np.log(_SHARE * np.where(row == 0, 1.0, drop))


def _log_reserve(time: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return ln of the weight of all blocks that have not begun after the starts with these numbers."""
    ticks = np.arange(time[0] // _TICK, time[-1] // _TICK + 1)
    begun = [ticks // (life // LIVES[0]) + 1 for life in LIVES]
    reserve = np.log(_SHARE * np.sum([1 / (1 + np.log1p(number)) for number in begun], axis=0))
    return np.asarray(reserve[time // _TICK - ticks[0]])


def _log_sum(wealth: NDArray[np.float64], *others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ln of the sum of exponentials over the rows and the others."""
    top = np.maximum.reduce([wealth.max(axis=0), *others])
    below = wealth - top
    total = np.exp(below, out=below).sum(axis=0)
    for other in others:
        total += np.exp(other - top)
    return np.asarray(np.log(total) + top)


def _whole(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(value)
    return value


def _finite(value: object) -> float:
    if type(value) not in (int, float) or not np.isfinite(value):  # type: ignore[call-overload]
        raise ValueError(value)
    return float(value)  # type: ignore[arg-type]
