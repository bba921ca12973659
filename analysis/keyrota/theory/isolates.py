"""Isolates: how often one starts cold, how many work at a time, which keys a doubled pick reaches."""

from __future__ import annotations

import math

from keyrota.theory.arguments import amount, whole


def cold_share(rate_per_min: float, *, slots: int, life_s: float) -> float:
    """Return the long-run share of requests that start an isolate.

    Poisson requests go to one of equally likely slots; a slot without an isolate boots one, which
    ends `life_s` after its boot whatever its use. It does not hold for isolates that end by idleness
    or that more load multiplies; and from an empty start the share is larger at first.

    A renewal argument [1]_: with rate r at a slot, each cycle has one boot and on average r T requests
    more within its life T, hence 1 / (1 + r T).

    Parameters
    ----------
    rate_per_min : float
        Requests a minute over all slots, at least 0.
    slots : int
        Number of slots.
    life_s : float
        Life of an isolate from its boot, in seconds, at least 0.

    Returns
    -------
    float
        A share in (0, 1]; 1 if the rate is 0.

    Raises
    ------
    ModelError
        When an argument is outside its range.

    References
    ----------
    .. [1] S. M. Ross, "Stochastic Processes", 2nd ed., Wiley, 1996, section 3.6.

    Examples
    --------
    >>> cold_share(30, slots=100, life_s=200)
    0.5
    """
    rate_per_s = amount(rate_per_min, "rate_per_min") / 60
    return 1 / (1 + rate_per_s * amount(life_s, "life_s") / whole(slots, "slots"))  # [1]


def used_keys(keys: int, picks_per_request: int) -> int:
    """Return how many keys of a pool an isolate uses if only the last pick of a request counts.

    Round robin with d picks per request: the used positions advance by d modulo K and visit
    K / gcd(K, d) keys, while the logged picks are even. It holds for the run of one isolate; isolates
    that start at random reach the other keys.

    Parameters
    ----------
    keys : int
        Keys K in the pool.
    picks_per_request : int
        Picks d of each request.

    Returns
    -------
    int
        Keys that are used, from 1 to K.

    Raises
    ------
    ModelError
        When an argument is outside its range.

    Examples
    --------
    >>> used_keys(4, 2), used_keys(4, 3)
    (2, 4)
    """
    size = whole(keys, "keys")
    return size // math.gcd(size, whole(picks_per_request, "picks_per_request"))


def busy_instances(rate_per_s: float, service_s: float) -> float:
    """Return the mean number of requests in service: rate times mean service time.

    Little's law [1]_, for any arrivals and any service times in the long run, if every request is
    served; with rejections take the rate of those that are.

    Parameters
    ----------
    rate_per_s : float
        Requests a second, at least 0.
    service_s : float
        Mean service time in seconds, at least 0.

    Returns
    -------
    float
        Instances, if each serves one request at a time.

    Raises
    ------
    ModelError
        When an argument is outside its range.

    References
    ----------
    .. [1] J. D. C. Little, "A proof for the queuing formula: L = lambda W", Operations Research 9(3),
       1961, pp. 383-387.

    Examples
    --------
    >>> round(busy_instances(0.9, 1.991), 3)
    1.792
    """
    return amount(rate_per_s, "rate_per_s") * amount(service_s, "service_s")  # [1]
