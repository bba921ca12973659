"""Two laws of loss: a Poisson number of calls that meets a limit, and Erlang's loss formula."""

from __future__ import annotations

import math
import sys
from typing import Final

from scipy.special import gammainc, gammaincc

from keyrota.theory.arguments import MOST_RATE, amount, whole

_STIRLING_FROM: Final = 16


def poisson_overflow(mean: float, limit: int) -> float:
    """Return the share of calls beyond a limit, E[max(N - limit, 0)] / mean, N Poisson.

    The long-run share of 429s at one key whose calls are counted in fixed windows: `mean` calls fall
    into a window on average and the first `limit` of them pass. It does not hold for bursts (more
    variable than Poisson) nor for clients that come again after a rejection.

    From k p(k) = mean p(k - 1) it follows that the share is p(L) + (1 - L / mean) P(N > L), where
    P(N > L) is the regularised incomplete gamma function at (L + 1, mean) [1]_. Below the limit the
    terms cancel; there the sum of (k - L) p(k) over k > L is taken instead, all of it positive.

    Parameters
    ----------
    mean : float
        Calls per window on average, at least 0.
    limit : int
        Calls that a window admits, from 0 to 1e12.

    Returns
    -------
    float
        A share in [0, 1], with a relative error below 1e-9 where it is above 1e-300; 0 if mean is 0.

    Raises
    ------
    ModelError
        When an argument is outside its range.

    References
    ----------
    .. [1] NIST Digital Library of Mathematical Functions, section 8.4, https://dlmf.nist.gov/8.4

    Examples
    --------
    >>> round(poisson_overflow(1.0, 2), 6)  # two calls a minute over two keys of limit 2
    0.103638
    """
    return overflow(
        amount(mean, "mean", most=sys.float_info.max), whole(limit, "limit", least=0, most=MOST_RATE)
    )


def erlang_b(servers: int, offered_load: float) -> float:
    """Return Erlang's loss formula B(c, a): the share of arrivals that find all servers busy.

    Poisson arrivals, c servers, no waiting: M/G/c/c [1]_. Only the mean holding time counts [2]_; for
    keys with a sliding window a server is a permit and the holding time exactly the window. It does
    not hold if rejected calls return, or are charged.

    B(c, a) = (a**c / c!) / (sum over k <= c of a**k / k!): a Poisson probability over the cumulative
    one. For a > c both may vanish; there 1 / B is the sum over k of c (c - 1) ... (c - k + 1) / a**k [3]_.

    Parameters
    ----------
    servers : int
        Number of servers c, from 0 to 1e12.
    offered_load : float
        Offered load a in erlangs: arrival rate times mean holding time, at least 0.

    Returns
    -------
    float
        A probability, with a relative error below 1e-9 where it is above 1e-300; B(0, a) is 1.

    Raises
    ------
    ModelError
        When an argument is outside its range.

    References
    ----------
    .. [1] A. K. Erlang, "Solution of some problems in the theory of probabilities of significance in
       automatic telephone exchanges", Elektroteknikeren 13, 1917, pp. 5-13.
    .. [2] B. A. Sevastyanov, "An ergodic theorem for Markov processes and its application to telephone
       systems with refusals", Theory of Probability and its Applications 2(1), 1957, pp. 104-112.
    .. [3] D. L. Jagerman, "Some properties of the Erlang loss function", Bell System Technical
       Journal 53(3), 1974, pp. 525-551.

    Examples
    --------
    >>> erlang_b(1, 1.0), round(erlang_b(2, 1.0), 12)
    (0.5, 0.2)
    """
    return blocking(
        whole(servers, "servers", least=0, most=MOST_RATE),
        amount(offered_load, "offered_load", most=sys.float_info.max),
    )


def overflow(mean: float, limit: int) -> float:
    """Return `poisson_overflow` of arguments that were checked."""
    if mean == 0:
        return 0.0
    if limit == 0:
        return 1.0  # not all but a rounding error
    at_limit = _poisson_probability(limit, mean)
    if mean >= limit:
        beyond = float(gammainc(limit + 1.0, mean))
        return min(1.0, at_limit + (mean - limit) / mean * beyond)  # poisson_overflow [1]
    if at_limit == 0:
        return 0.0
    product, total, calls = 1.0, 1.0, 1
    while product * calls > 1e-17 * total:
        calls += 1
        product *= mean / (limit + calls)
        total += calls * product
    return at_limit / (limit + 1) * total


def blocking(servers: int, offered_load: float) -> float:
    """Return `erlang_b` of arguments that were checked."""
    if servers == 0:
        return 1.0
    if offered_load == 0:
        return 0.0
    if offered_load <= servers:
        return _poisson_probability(servers, offered_load) / float(gammaincc(servers + 1.0, offered_load))
    product, total, busy = 1.0, 1.0, servers  # erlang_b [3]
    while product > 1e-17 * total and busy > 0:
        product *= busy / offered_load
        total += product
        busy -= 1
    return 1.0 / total


def _poisson_probability(count: int, mean: float) -> float:
    """Return P(N = count) by the saddle-point expansion, which keeps its digits at large counts.

    Reference: C. Loader, "Fast and accurate computation of binomial probabilities", 2000.
    """
    if count == 0:
        return math.exp(-mean)
    excess = (mean - count) / count
    if abs(excess) < 0.1:
        # excess - log1p(excess), by the series of 2 artanh(half): their difference would cancel.
        half = excess / (2 + excess)
        deviance = excess * half - 2 * sum(half**power / power for power in range(3, 19, 2))
        deviance *= count
    else:
        deviance = count * math.log(count / mean) + (mean - count)
    return math.exp(-deviance - _stirling_error(count)) / math.sqrt(2 * math.pi * count)


def _stirling_error(count: int) -> float:
    """Return log(count!) minus Stirling's approximation of it."""
    if count < _STIRLING_FROM:
        stirling = (count + 0.5) * math.log(count) - count + 0.5 * math.log(2 * math.pi)
        return math.lgamma(count + 1) - stirling
    square = float(count) * count
    return (
        1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / (1188 * square)) / square) / square) / square
    ) / count
