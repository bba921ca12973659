"""The minute limit: what share is rejected, what rate a pool stands, how many keys a rate needs."""

from __future__ import annotations

from collections.abc import Callable

from keyrota.display import shown
from keyrota.errors import ModelError
from keyrota.theory.arguments import MOST, amount, check_case, limit, target_share, whole
from keyrota.theory.loss import blocking, overflow


def rejected_share(
    rate_per_min: float, *, keys: int, per_minute: int, window: str = "fixed", choice: str = "random"
) -> float:
    """Return the long-run share of requests that end in a 429, by the minute limit alone.

    Poisson arrivals at a pool of K keys, each with its own project and limit L; no retries, no daily
    limit. With fixed windows a rejected call may be charged or not (the minute is full already), with
    sliding ones the formulas hold only if it is not charged. Bursty arrivals are rejected more.

    ==========  ======================  ====================================================
    window      choice                  share
    ==========  ======================  ====================================================
    fixed       random                  over(rate / K, L): thinned, a key's calls are Poisson
    fixed       fail-over               over(rate, K L): no permit is left while a call fails
    fixed       shared-round-robin      over(rate, K L), exactly
    sliding     random                  B(L, rate / K): a permit is held 60 s, M/D/L/L
    sliding     fail-over               B(K L, rate): the same with K L permits
    sliding     shared-round-robin      none: Erlang-K renewals at a key
    ==========  ======================  ====================================================

    over is `poisson_overflow`, B is `erlang_b`, insensitive to the law of the holding time [1]_ [2]_.

    Shared round robin: if every call advances the one counter, N calls of a minute give each key
    floor(N / K) or ceil(N / K) of them. For N <= K L none has more than L, for N >= K L none has fewer:
    min(N, K L) pass, wherever the counter stood, as if each call had tried every key.

    Parameters
    ----------
    rate_per_min : float
        Requests a minute over the pool, at least 0.
    keys : int
        Keys K in the pool.
    per_minute : int
        Limit L of each key.
    window : {"fixed", "sliding"}
        Calendar minutes, or the last 60 s at any moment.
    choice : {"random", "fail-over", "shared-round-robin"}
        "random": a uniform key, one try; also the declared rotation where nearly every request starts
        an isolate. "fail-over": any first key, and on a 429 at once the others; a request counts once.
        "shared-round-robin": one counter for all isolates, one try.

    Returns
    -------
    float
        A share in [0, 1]; 0 if the rate is 0.

    Raises
    ------
    ModelError
        When an argument is outside its range, or only simulation gives the combination.

    References
    ----------
    .. [1] B. A. Sevastyanov, "An ergodic theorem for Markov processes and its application to telephone
       systems with refusals", Theory of Probability and its Applications 2(1), 1957, pp. 104-112.
    .. [2] R. B. Cooper, "Introduction to Queueing Theory", 2nd ed., North Holland, 1981, chapter 3.

    Examples
    --------
    >>> round(rejected_share(4, keys=2, per_minute=2), 6)
    0.270671
    >>> round(rejected_share(4, keys=2, per_minute=2, window="sliding", choice="fail-over"), 6)
    0.31068
    """
    check_case(window, choice)
    return share(
        amount(rate_per_min, "rate_per_min"),
        whole(keys, "keys"),
        limit(per_minute, "per_minute"),
        window,
        choice,
    )


def usable_rate(
    *, keys: int, per_minute: int, target: float, window: str = "fixed", choice: str = "random"
) -> float:
    """Return the largest rate whose share of 429s stays within a target.

    The model is that of `rejected_share`. The share grows with the rate and is at least
    1 - K L / rate, so that bisection up to 2 K L / (1 - target) finds the rate to the last digit.

    Parameters
    ----------
    keys, per_minute, window, choice
        As for `rejected_share`.
    target : float
        Tolerated share of rejected requests, in (0, 1).

    Returns
    -------
    float
        Requests a minute over the pool; its share is not above the target.

    Raises
    ------
    ModelError
        When an argument is outside its range, or only simulation gives the combination.

    Examples
    --------
    >>> round(usable_rate(keys=2, per_minute=2, target=0.01), 4)  # nominal: 4 a minute
    0.5225
    """
    check_case(window, choice)
    size, permits = whole(keys, "keys"), limit(per_minute, "per_minute")
    return largest_rate(
        lambda rate: share(rate, size, permits, window, choice), size * permits, target_share(target)
    )


def keys_needed(
    rate_per_min: float, *, per_minute: int, target: float, window: str = "fixed", choice: str = "random"
) -> int:
    """Return the smallest pool whose share of 429s stays within a target at a rate.

    The model is that of `rejected_share`. The share falls with every key added, so that bisection
    over the size finds the smallest one.

    Parameters
    ----------
    rate_per_min, per_minute, window, choice
        As for `rejected_share`.
    target : float
        Tolerated share of rejected requests, in (0, 1).

    Returns
    -------
    int
        Keys, at least 1.

    Raises
    ------
    ModelError
        When an argument is outside its range, only simulation gives the combination, or more than
        1e9 keys would be needed.

    Examples
    --------
    >>> [keys_needed(4, per_minute=2, target=0.01, choice=choice) for choice in ("random", "fail-over")]
    [16, 4]
    """
    check_case(window, choice)
    rate, permits = amount(rate_per_min, "rate_per_min"), limit(per_minute, "per_minute")
    tolerated = target_share(target)

    def is_enough(size: int) -> bool:
        return share(rate, size, permits, window, choice) <= tolerated

    enough = 1
    while not is_enough(enough):
        if enough == MOST:
            raise ModelError(
                f"{shown(rate_per_min)} requests a minute need more than {MOST:,} keys at a target of "
                f"{shown(target)}; give a larger target"
            )
        enough = min(2 * enough, MOST)
    too_few = enough // 2
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        if is_enough(middle):
            enough = middle
        else:
            too_few = middle
    return enough


def share(rate: float, keys: int, permits: int, window: str, choice: str) -> float:
    """Return `rejected_share` of arguments that were checked, for windows of any length."""
    if choice == "random":  # the keys are alike and each sees a thinned stream
        rate, keys = rate / keys, 1
    if window == "fixed":
        return overflow(rate, keys * permits)
    return blocking(keys * permits, rate)  # rejected_share [1], [2]


def largest_rate(share_at: Callable[[float], float], nominal: float, target: float) -> float:
    """Return the largest rate with ``share_at(rate) <= target``, for a share that grows with the rate.

    Parameters
    ----------
    share_at
        Share of rejected requests at a rate; at least ``1 - nominal / rate``.
    nominal
        Rate that no admission exceeds.
    target
        In (0, 1).
    """
    low, high = 0.0, 2 * nominal / (1 - target)
    while low < (middle := (low + high) / 2) < high:
        if share_at(middle) <= target:
            low = middle
        else:
            high = middle
    return low
