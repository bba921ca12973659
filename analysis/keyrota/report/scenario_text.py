"""A scenario in words: what is simulated, so that a reader can disagree with it."""

from __future__ import annotations

from keyrota.display import count, listed
from keyrota.pools.declared import Pool
from keyrota.report.quantities import duration_in_words
from keyrota.simulation.scenario import (
    Backoff,
    Fail,
    Failover,
    Function,
    Hosted,
    Isolates,
    OnReject,
    ScalePerRequest,
    Scenario,
)
from keyrota.traffic.arrivals import mean_rate


def limits_in_words(pool: Pool, window: str, *, of_a_key: bool = False) -> str:
    """Return the limits of a pool in words, or those of one of its keys.

    Examples
    --------
    >>> from keyrota.pools.declared import Quota
    >>> limits_in_words(Pool(name="CHAT", keys=(1, 2), quota=Quota(per_minute=2)), "fixed")
    '2 keys of 2 requests a minute (calendar minutes, UTC)'
    """
    kinds = {
        "fixed": "calendar minutes, UTC",
        "sliding": "the last 60 s",
        "token-bucket": "a bucket that refills evenly",
    }
    limits = []
    if pool.quota.per_minute is not None:
        limits.append(f"{count(pool.quota.per_minute, 'request')} a minute ({kinds[window]})")
    if pool.quota.per_day is not None:
        limits.append(f"{count(pool.quota.per_day, 'request')} a Pacific day")
    told = " and ".join(limits) or "no limit"
    if of_a_key:
        return f"each key {told}"
    shared = len(set(pool.projects)) if pool.projects else pool.size
    projects = "" if shared == pool.size else f" in {count(shared, 'project')}"
    return f"{count(pool.size, 'key')}{projects} of {told}"


def rotation_in_words(scenario: Scenario) -> str:
    """Return rotation, picks and the reaction to a 429 in words."""
    picks = "" if scenario.picks_per_request == 1 else ", 2 picks a request of which the last is used"
    charged = "rejected calls count too" if scenario.charge_rejected else "rejected calls do not count"
    return f"{scenario.policy}{picks}; {_reaction(scenario.on_reject)}; {charged}"


def functions_in_words(scenario: Scenario, pool: Pool) -> str:
    """Return the traffic of a pool in words."""
    functions = [function for function in scenario.functions if function.pool == pool.name]
    sending = [function for function in functions if function.arrivals is not None]
    rate = sum(mean_rate(function.arrivals) for function in sending if function.arrivals is not None)
    kinds = sorted({str(f.arrivals.__struct_config__.tag) for f in sending if f.arrivals is not None})
    names = listed([function.name for function in functions])
    growth = sorted({getattr(f.arrivals, "growth_per_day", 0.0) for f in sending} - {0.0})
    growing = f", growing {100 * growth[-1]:.3g} % a day" if growth else ""
    if not sending:
        return f"only triggered, at {names}"
    return f"{rate:,.4g} requests/min ({' and '.join(kinds)}{growing}) at {names}"


def isolates_in_words(functions: list[Function]) -> str:
    """Return the isolates of some functions in words."""
    return listed(list(dict.fromkeys(_isolates(function.isolates) for function in functions)))


def _isolates(isolates: Isolates) -> str:
    if isinstance(isolates, Hosted):
        preflight = ", preflights boot too" if isolates.preflight else ""
        return f"hosted ({count(isolates.slots, 'slot')}, {isolates.life_s:g} s from boot{preflight})"
    if isinstance(isolates, ScalePerRequest):
        cap = "no cap" if isolates.max_instances is None else f"at most {isolates.max_instances:,}"
        return f"one request at a time ({cap}, {isolates.idle_expiry_s:g} s idle)"
    return "a single one"


def _reaction(reaction: OnReject) -> str:
    if isinstance(reaction, Failover):
        tries = "through all keys" if reaction.tries is None else f"{count(reaction.tries, 'call')} at most"
        return f"on a 429 the next key at once, {tries}"
    if isinstance(reaction, Fail):
        return "a 429 goes to the caller"
    if isinstance(reaction, Backoff):
        return (
            f"on a 429 backoff from {reaction.base_s:g} s, {count(reaction.tries, 'call')} in at most "
            f"{duration_in_words(reaction.budget_s)}"
        )
    return (
        f"on a 429 wait for the stated delay, {count(reaction.tries, 'call')} in at most "
        f"{duration_in_words(reaction.budget_s)}"
    )
