"""What the textbook's test of equal shares says where the truth is known, beside the rotation's own tests.

Pearson's chi-square takes picks for independent draws. The picks of a run are not: they follow one another,
so that the shares of fair logs are more even than those of independent picks, or less, by the length of
the runs and the number of keys.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from keyrota.display import shown
from keyrota.errors import ModelError
from keyrota.rotation.shares import rotation_null
from keyrota.streams import named_stream

LEAST_P_VALUE = 1e-300
"""Of the textbook's test, so that it can be drawn on a logarithmic axis."""


@dataclass(frozen=True)
class LogTests:
    """P-values of three tests on logs of a rotation whose starts follow a known law.

    Parameters
    ----------
    size, run_length, runs
        Keys of the pool, picks of each run, runs of each log.
    first_share
        Probability that a run starts at the first key; the others are alike. 1 / size is fair.
    chi_square
        P-values of Pearson's test of equal shares over all picks, shape (logs,).
    shares
        Those of the shares against the declared rotation with these runs, shape (logs,).
    starts
        Those of the starts against the uniform law, shape (logs,).
    """

    size: int
    run_length: int
    runs: int
    first_share: float
    chi_square: NDArray[np.float64]
    shares: NDArray[np.float64]
    starts: NDArray[np.float64]

    @property
    def is_fair(self) -> bool:
        """Whether every key is as likely to be a start."""
        return abs(self.first_share * self.size - 1) < 1e-9

    @property
    def p_values(self) -> dict[str, NDArray[np.float64]]:
        """The p-values by the name of the test."""
        return {"chi-square": self.chi_square, "shares": self.shares, "starts": self.starts}

    def called_unfair(self, level: float) -> dict[str, float]:
        """Return the share of the logs that each test calls unfair at a level, by the name of the test."""
        return {name: float((p_values <= level).mean()) for name, p_values in self.p_values.items()}


def logs_under_test(
    *,
    size: int,
    run_length: int,
    runs: int,
    first_share: float | None = None,
    logs: int = 4_000,
    draws: int = 40_000,
    seed: int = 0,
) -> LogTests:
    """Draw logs of runs that go on in order, and test each in three ways.

    If the starts are uniform the rotation is the declared one, and at a level of alpha a sound test calls
    a share of alpha of the logs unfair, or less; each more is a false alarm. Else each is a fault found.

    Parameters
    ----------
    size
        Keys K, at least 2.
    run_length
        Picks of each run.
    runs
        Runs of each log.
    first_share
        Probability that a run starts at the first key; ``None`` for 1 / K.
    logs
        How many logs.
    draws
        Of the nulls of the rotation's own tests, drawn apart from the logs.
    seed
        The seed.

    Raises
    ------
    ModelError
        If a number is below 1, `size` below 2, or `first_share` no probability.

    Examples
    --------
    >>> logs_under_test(size=2, run_length=3, runs=300).called_unfair(0.05)["chi-square"] < 0.01
    True
    """
    for name, value, least in (("size", size, 2), ("run_length", run_length, 1), ("runs", runs, 1)):
        if value < least:
            raise ModelError(f"{name} is {shown(value)}; it is a whole number of {least} or more")
    first = 1 / size if first_share is None else first_share
    if not 0 <= first <= 1:
        raise ModelError(f"first_share is {shown(first)}; it is a probability, from 0 to 1")
    law = np.full(size, (1 - first) / (size - 1))
    law[0] = first
    names = (f"{size} keys", f"{run_length} picks a run", f"{runs} runs")
    starts = named_stream(seed, "starts", *names, str(first)).multinomial(runs, law, size=logs)
    counts = np.zeros_like(starts)
    for step in range(run_length):
        counts += np.roll(starts, step, axis=1)
    rng = named_stream(seed, "null", *names)
    null_starts = rotation_null(np.ones(runs, dtype=np.int64), size, rng=rng, draws=draws)
    null_counts = rotation_null(np.full(runs, run_length), size, rng=rng, draws=draws)
    return LogTests(
        size, run_length, runs, first, pearson_p_values(counts),
        p_values_against(counts, null_counts), p_values_against(starts, null_starts),
    )  # fmt: skip


def pearson_p_values(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return Pearson's p-value of equal shares for each row of counts, as if picks were independent.

    Examples
    --------
    >>> pearson_p_values(np.array([[60, 40], [50, 50]])).round(4).tolist()
    [0.0455, 1.0]
    """
    expected = counts.sum(axis=1, keepdims=True) / counts.shape[1]
    statistic = (np.square(counts - expected) / expected).sum(axis=1)
    return np.asarray(np.maximum(LEAST_P_VALUE, chdtrc(counts.shape[1] - 1, statistic)))


def p_values_against(counts: NDArray[np.int64], null: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return p-values (b + 1) / (m + 1) of the sum of squared counts, from one sample of the null for all."""
    sample = np.sort(np.square(null).sum(axis=1))
    at_least = len(sample) - np.searchsorted(sample, np.square(counts).sum(axis=1), side="left")
    return np.asarray((at_least + 1) / (len(sample) + 1), dtype=np.float64)
