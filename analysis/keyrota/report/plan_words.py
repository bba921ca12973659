"""A plan in sentences: what to do and why, and what would change it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from keyrota.display import count, sentence, visible
from keyrota.display import short_share as share_of_log
from keyrota.planning.change import Change, change_to
from keyrota.planning.onset import MOST_SIZE
from keyrota.planning.options import Option
from keyrota.planning.outlook import Outlook
from keyrota.planning.plan import OptionResult, Plan
from keyrota.pools.declared import Pool, PoolConfig
from keyrota.report.against_log import check_in_words, cost_of_uneven_shares
from keyrota.report.quantities import number_in_words
from keyrota.simulation.estimates import Quantity

WINDOWS_IN_WORDS: Final = {
    "fixed": "counts calendar minutes",
    "sliding": "counts the last 60 s",
    "token-bucket": "is a bucket that refills evenly",
}
LIMITS_IN_WORDS: Final = {
    "per-minute": "the limit of requests a minute",
    "per-day": "the limit of requests a day",
    "tokens-per-minute": "the limit of tokens a minute",
}
PROJECTS: Final = (
    "Each key must be in a Google Cloud project of its own, since keys of one project share one quota. "
    "Whether your provider's terms allow several projects for one application is yours to check."
)
ALIKE: Final = 1.3
"""Sizes that differ by no more than this factor are about the same."""

HUNDRED_YEARS: Final = 36_525.0


def changes_of(plans: Sequence[Plan], config: PoolConfig) -> Change:
    """Return the change that some plans ask for together."""
    keys = {plan.pool: plan.recommendation.keys for plan in plans}
    return change_to(config, {pool: size for pool, size in keys.items() if size is not None})


def needs_failover(plan: Plan) -> bool:
    """Whether the client shall fail over and does not today."""
    option = plan.recommendation.option
    return (
        plan.recommendation.kind in ("client", "keys")
        and option is not None
        and option.fails_over
        and option != plan.options[0]
    )


def limits_of(pool: Pool) -> str:
    """Return size and limits of a pool in words.

    Examples
    --------
    >>> from keyrota.pools.declared import Quota
    >>> limits_of(Pool(name="CHAT", keys=(1, 2), quota=Quota(per_minute=2, per_day=50)))
    '2 keys of 2 requests a minute and 50 a day'
    """
    limits = []
    if pool.quota.per_minute is not None:
        limits.append(f"{count(pool.quota.per_minute, 'request')} a minute")
    if pool.quota.per_day is not None:
        day = f"{pool.quota.per_day:,}" if limits else count(pool.quota.per_day, "request")
        limits.append(f"{day} a day")
    return f"{count(pool.size, 'key')} of {' and '.join(limits) or 'no limit of requests'}"


def demand_of(plan: Plan) -> str:
    """Return the demand in words."""
    demand = plan.demand
    a_day = f"{demand.per_day:,.0f}" if demand.per_day >= 1e4 else f"{demand.per_day:,.4g}"
    return f"Demand: {demand.per_min:,.3g} requests a minute, {a_day} a day ({visible(demand.source)})."


def caveat(plan: Plan) -> str | None:
    """Return that the model does not explain the log, by how much, and what would; ``None`` if no matter."""
    return check_in_words(plan.check) if plan.check is not None and plan.is_doubtful else None


def short_share(share: Quantity | None) -> str:
    """Return a share in per cent without its interval.

    Examples
    --------
    >>> from keyrota.simulation.estimates import interval
    >>> short_share(interval(0.9826, 0.001, 12)), short_share(interval(0.00838, 0.0003, 12))
    ('98 %', '0.84 %')
    """
    if share is None or share.estimate is None:
        return "-"
    if share.estimate == 0:
        return "none"
    per_cent = 100 * share.estimate
    if per_cent > 99:
        return f"{per_cent:.1f} %" if per_cent < 99.95 else "over 99.9 %"
    return f"{per_cent:.2g} %"


def keys_in_words(result: OptionResult) -> str:
    """Return a size for a cell: ``~27`` where one key less may do."""
    smallest = result.smallest
    if smallest.keys is None:
        return f">{MOST_SIZE:,}"
    return f"{'' if smallest.is_proved else '~'}{smallest.keys:,}"


def reason(plan: Plan) -> str:
    """Return what to do and why, with its numbers."""
    advice, target = plan.recommendation, f"{100 * plan.target:.3g} %"
    if plan.hopeless is not None:
        return f"{visible(plan.hopeless).rstrip('.')}. More keys do not help, and none are recommended."
    assert advice.option is not None
    result, today = plan.result(advice.option), plan.result(plan.options[0])
    if plan.is_doubtful:
        return _in_the_model(plan, result, today)
    change = "" if advice.option == plan.options[0] else "let the client try the next key on a 429"
    now = short_share(today.present_share)
    if advice.kind == "nothing":
        return (
            f"Nothing has to change: with today's {count(plan.present_keys, 'key')} {_ending(now)}, within "
            f"the target of {target}."
        )
    if advice.kind == "client":
        return (
            f"{sentence(change)}: with today's {count(plan.present_keys, 'key')} "
            f"{_ending(short_share(result.present_share))} instead of {now}, within the target of "
            f"{target}. It takes no new key; as it rotates today it would take {_keys(today)}."
        )
    if advice.kind == "too many":
        ways = "as it rotates today" if not change else "even if the client tries the next key on a 429"
        return (
            f"Keys alone do not reach the target of {target}, {ways}: {result.smallest.reason}. Ask the "
            "provider for a higher quota, or turn on billing."
        )
    missing = (advice.keys or 0) - plan.present_keys
    add = f"add {count(missing, 'key')} ({count(advice.keys or 0, 'key')} in all)"
    then = _ending(short_share(result.smallest.share))
    text = (
        f"{sentence(f'{change} and {add}' if change else add)}: {then} then, within the target of {target}; "
        f"today {now} do."
    )
    if not change:
        return text
    is_same = today.smallest.keys == advice.keys
    return f"{text} As it rotates today it would take {'as many' if is_same else _keys(today)}."


def _in_the_model(plan: Plan, result: OptionResult, today: OptionResult) -> str:
    """Return what a model asks for that does not explain its log: not what to do."""
    advice, target = plan.recommendation, f"within the target of {100 * plan.target:.3g} %"
    assert plan.check is not None
    changes = result.option != today.option
    keys, now = count(plan.present_keys, "key"), short_share(today.present_share)
    if advice.kind == "nothing":
        told = f"nothing would have to change: with today's {keys} {_ending(now)}, {target}"
    elif advice.kind == "client":
        told = (
            f"a client that tries the next key on a 429 would be enough: with today's {keys} "
            f"{_ending(short_share(result.present_share))} instead of {now}, {target}"
        )
    elif advice.kind == "too many":
        told = f"keys alone do not reach the target: {result.smallest.reason}"
    else:
        client = " and a client that tries the next key on a 429" if changes else ""
        told = (
            f"{count(advice.keys or 0, 'key')}, {(advice.keys or 0) - plan.present_keys:,} more than today,"
            f"{client} would be enough: {_ending(short_share(result.smallest.share))} then, {target}, and "
            f"{now} today"
        )
    seen = (
        f"{share_of_log(plan.check.observed)} of its requests in a 429" if plan.check.rejected else "no 429"
    )
    return (
        f"In the model, which does not explain the log, {told}. The log has {seen}: find first what differs."
    )


def further(plan: Plan) -> Iterator[str]:
    """Yield what else to know: what uneven shares cost, other windows, which limit binds, the day, growth."""
    if plan.hopeless is not None:
        return
    option = plan.recommendation.option
    assert option is not None
    uneven = cost_of_uneven_shares(plan.check, plan.scenario.pools[0])
    if uneven is not None:
        yield uneven
    yield from _other_windows(plan, option)
    if not plan.result(option).smallest.is_proved and plan.recommendation.kind == "keys":
        size = (plan.recommendation.keys or 0) - 1
        yield (
            f"Whether {count(size, 'key')} would do could not be told: their share is too near to the target."
        )
    yield from _binding(plan)
    if plan.day_end is not None:
        end = plan.day_end
        days = "" if end.share_of_days == 1 else f", on {100 * end.share_of_days:.0f} % of days"
        by = "In the model" if plan.is_doubtful else "As it is today"
        then = "; `keyrota report` tells when keys were used up in the log" if plan.is_doubtful else ""
        yield (
            f"{by} the pool's requests of a day are spent at about {end.pacific} Pacific time ({end.utc} UTC)"
            f"{days}{then}."
        )
    if plan.outlook is not None:
        yield from _growth(plan, plan.outlook)


def _other_windows(plan: Plan, option: Option) -> Iterator[str]:
    first = plan.result(option)
    for window in plan.windows[1:]:
        other, counted = plan.result(option, window), WINDOWS_IN_WORDS[window]
        if other.smallest.keys == first.smallest.keys:
            continue
        if plan.recommendation.kind in ("nothing", "client"):
            if not other.is_enough_now:
                share = _ending(short_share(other.present_share))
                yield f"If the minute limit {counted}, though, {share}, and it takes {_keys(other)}."
        else:
            yield (
                f"That is if the minute limit {WINDOWS_IN_WORDS[plan.windows[0]]}; if it {counted}, it takes "
                f"{_keys(other)}."
            )


def _binding(plan: Plan) -> Iterator[str]:
    binding, quota = plan.binding, plan.scenario.pools[0].quota
    if binding is None:
        return
    if binding.limit not in ("per-minute", "per-day"):
        yield (
            f"{sentence(LIMITS_IN_WORDS.get(binding.limit, binding.limit))} binds, which is not simulated: "
            "the numbers here are those of the limits of requests, and more keys may be needed."
        )
        return
    if binding.keys_by_minute is not None and binding.keys_by_day is not None:
        numbers = {"per-minute": binding.keys_by_minute, "per-day": binding.keys_by_day}
        other = "per-day" if binding.limit == "per-minute" else "per-minute"
        yield (
            f"{sentence(LIMITS_IN_WORDS[binding.limit])} binds: alone it takes "
            f"{count(numbers[binding.limit], 'key')}, {LIMITS_IN_WORDS[other]} {numbers[other]:,}."
        )
    if binding.limit == "per-day" and plan.recommendation.kind == "keys":
        sizes = [result.smallest.keys for result in plan.results if result.smallest.keys is not None]
        is_alike = max(sizes) <= ALIKE * min(sizes)
        spread = f" ({min(sizes):,} to {max(sizes):,} keys)" if len(set(sizes)) > 1 else ""
        what = f"All rotations need about the same number{spread}, because what" if is_alike else "What"
        yield (
            f"{what} is missing is the day's "
            f"quota: a key has {quota.per_day or 0:,} requests a day, the traffic "
            f"{plan.demand.per_day:,.0f}. A higher quota or billing is the alternative to so many keys."
        )


def _growth(plan: Plan, outlook: Outlook) -> Iterator[str]:
    horizon = f"{outlook.horizon_days:.3g} days"
    grown = f"{outlook.per_min_at_horizon:,.3g}" if outlook.per_min_at_horizon < 1e9 else "over a billion"
    yield (
        f"Growing {100 * outlook.growth_per_day:.3g} % a day, the traffic is {grown} requests a minute in "
        f"{horizon}."
    )
    is_enough = plan.result(plan.options[0]).is_enough_now
    yield f"Today's pool, as it rotates today, {lasting(outlook.present_lasts_days, is_enough=is_enough)}."
    if outlook.recommended_lasts_days is not None and plan.recommendation.kind != "nothing":
        yield f"The recommended one {lasting(outlook.recommended_lasts_days, is_enough=True)}."
    if plan.recommendation.keys is None:
        return
    if outlook.at_horizon is None or outlook.at_horizon.keys is None:
        yield f"The traffic in {horizon} takes more than {count(MOST_SIZE, 'key')}."
    elif outlook.at_horizon.keys > plan.recommendation.keys:
        yield f"The traffic in {horizon} takes {count(outlook.at_horizon.keys, 'key')} with that rotation."
    else:
        yield f"The pool carries the traffic in {horizon} as well."


def lasting(days: Quantity, *, is_enough: bool) -> str:
    """Return when a growing traffic exceeds the target, as the end of a sentence about a pool.

    Parameters
    ----------
    days
        Until then.
    is_enough
        Whether the pool is within the target today.
    """
    if not days.estimate:
        # The usable rate is known to some per cent: a pool that is just enough has none of it left.
        return (
            "is just enough, and exceeds the target as the traffic grows"
            if is_enough
            else "exceeds the target already"
        )
    if days.estimate > HUNDRED_YEARS:
        return "does not exceed the target within 100 years"
    return f"exceeds the target after {number_in_words(days)} days"


def _keys(result: OptionResult) -> str:
    keys = result.smallest.keys
    return f"more than {count(MOST_SIZE, 'key')}" if keys is None else count(keys, "key")


def _ending(share: str) -> str:
    return "no request ends in a 429" if share == "none" else f"{share} of requests end in a 429"
