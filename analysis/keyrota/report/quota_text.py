"""What a report says about 429s, limits and use, in sentences."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from keyrota.display import count, listed
from keyrota.findings.wording import agree, p_in_words
from keyrota.quota.days import PACIFIC
from keyrota.report.schema import (
    ChangePointReport,
    DayReport,
    LimitReport,
    LimitsReport,
    PoolReport,
    RejectionsReport,
)

MOST_DAYS: Final = 3
"""Exhausted days that are named."""

_TOLD_BY: Final = {"stated": "stated by the error", "replay": "told by the replay", "unknown": "unknown"}
_WINDOWS: Final = {
    "fixed": "counted in fixed minutes",
    "sliding": "counted over the last 60 s",
    "unknown": "how the minute counts does not show",
}


def quota_sentences(pool: PoolReport) -> Iterator[str]:
    """Yield the sentences about one pool."""
    rejections = pool.rejections
    if rejections.count:
        yield _counted(rejections)
        yield from _explained(rejections)
        yield from _reaction(rejections)
    elif rejections.missing:
        yield (
            f"429s: none, though the limits would reject {count(rejections.missing, 'call')}: the log may "
            "not show errors, or the limits are not as declared."
        )
    else:
        yield "429s: none."
    if rejections.not_the_providers:
        number = rejections.not_the_providers
        yield (
            f"{count(number, 'more request')} {agree(number, 'was', 'were')} answered with a 429 that is not "
            "the provider's: the platform's, or the application's own limit."
        )
    if rejections.count and pool.limits is not None:
        yield from _limits(pool.limits)
    yield from _use(pool)
    if pool.over_time is not None:
        for change in pool.over_time.changes:
            if change.is_beyond_chance:
                yield _change(change)


def _counted(rejections: RejectionsReport) -> str:
    causes = ", ".join(f"{number:,} {cause}" for cause, number in rejections.by_cause.items())
    told = rejections.cause_told_by
    how = ""
    # Causes that are all unknown are told as such already.
    if set(told) - {"stated"} and set(told) != {"unknown"}:
        how = f" ({', '.join(f'{number:,} {_TOLD_BY[name]}' for name, number in told.items())})"
    first = f"; the first at {_minute(rejections.first)} UTC" if rejections.first else ""
    share = f" ({100 * rejections.share:.1f} % of picks)" if rejections.share is not None else ""
    ended = ""
    if rejections.request_share is not None and (
        rejections.reaction is not None and rejections.reaction.kind in ("failover", "backoff")
    ):
        ended = f"; {100 * rejections.request_share:.1f} % of the requests end in one"
    return f"429s: {rejections.count:,}{share}: {causes}{how}{first}{ended}."


def _explained(rejections: RejectionsReport) -> Iterator[str]:
    judged = rejections.explained + rejections.unexplained
    if judged:
        words = f"The replay finds a full window behind {rejections.explained:,} of {judged:,}"
        if rejections.another_key_had_room:
            words += (
                f"; in {rejections.another_key_had_room:,} of the {rejections.by_full_minute:,} by the "
                "minute another key had room"
            )
        if rejections.not_judged:
            words += f"; {rejections.not_judged:,} more cannot be judged"
        yield f"{words}."
    if rejections.missing:
        number = rejections.missing
        yield f"{count(number, 'call')} passed although a window was full."
    if rejections.attributed_share is not None and rejections.attributed_share < 0.995:
        yield (
            f"Which key a 429 belongs to is certain for {100 * rejections.attributed_share:.0f} % of them; "
            "the others count in part for each key in question."
        )


def _reaction(rejections: RejectionsReport) -> Iterator[str]:
    reaction = rejections.reaction
    if reaction is None or reaction.kind == "unknown":
        return
    most = f"up to {count(reaction.gives_up_after or reaction.tries, 'call')} a request"
    if reaction.kind == "fail":
        yield "On a 429 the client gives up."
    elif reaction.kind == "failover":
        yield f"On a 429 the client tries the next key at once, {most}."
    else:
        wait = f" about {reaction.base_s:.2g} s" if reaction.base_s is not None else ""
        yield f"On a 429 the client waits{wait} and calls again, {most}."


def _limits(limits: LimitsReport) -> Iterator[str]:
    known = [
        words
        for words in (_limit(limits.per_minute, "a minute"), _limit(limits.per_day, "a Pacific day"))
        if words
    ]
    if not known:
        return
    window = f"; {_WINDOWS[limits.window]}" if limits.per_minute.in_force is not None else ""
    if limits.window == "fixed" and limits.delays:
        window += (
            f" ({limits.on_the_minute:,} of {count(limits.delays, 'stated delay')} "
            f"{agree(limits.on_the_minute, 'ends', 'end')} on a full minute)"
        )
    yield f"Limits of a key: {listed(known)}{window}."


def _limit(limit: LimitReport, span: str) -> str:
    if limit.in_force is None:
        return ""
    if limit.stated is not None:
        agrees = "" if limit.declared in (None, limit.stated) else f", not {limit.declared:,} as declared"
        how = f"stated{agrees}"
    elif limit.in_force == limit.declared:
        how = "declared" + (", and so the log shows" if limit.estimated == limit.declared else "")
    else:
        how = "as the log shows" + (f", not {limit.declared:,} as declared" if limit.declared else "")
    return f"{limit.in_force:,} {span} ({how})"


def _use(pool: PoolReport) -> Iterator[str]:
    usage = pool.usage
    if usage.peak_per_minute is None:
        return
    limit = pool.limits.per_minute.in_force if pool.limits is not None else None
    of_limit = f", where {limit:,} pass" if limit is not None else ""
    words = (
        f"Busiest minute: {count(usage.peak_per_minute, 'pick')}, "
        f"{usage.peak_key_per_minute} of one key{of_limit}"
    )
    if usage.days:
        busiest = max(usage.days, key=lambda day: day.picks)
        of_day = f", where {busiest.limit:,} pass" if busiest.limit is not None else ""
        words += f"; busiest Pacific day: {count(busiest.picks, 'pick')}{of_day}"
        words += _key_day(pool, busiest)
    yield f"{words}."
    ended = [day for day in usage.days if day.exhausted]
    for day in ended[:MOST_DAYS]:
        order = sorted(day.exhausted.items(), key=lambda item: item[1])
        first, last = order[0], order[-1]
        more = f", the last of {len(order)} (key {last[0]}) at {_pacific(last[1])}" if len(order) > 1 else ""
        yield f"On {day.date} key {first[0]} is used up at {_pacific(first[1])}{more}, Pacific time."
    if len(ended) > MOST_DAYS:
        yield f"So it goes on {count(len(ended) - MOST_DAYS, 'more day')}."


def _key_day(pool: PoolReport, busiest: DayReport) -> str:
    """Return the day of the busiest key where it alone exceeds the limit and the sum does not show it."""
    limit = pool.limits.per_day.in_force if pool.limits is not None else None
    peak = max((key.peak_per_day or 0 for key in pool.keys), default=0)
    if limit is None or busiest.limit is None or peak <= limit or busiest.picks > busiest.limit:
        return ""
    return f" of all keys together; of one key {peak:,}, where {limit:,} pass"


def _change(change: ChangePointReport) -> str:
    restart = f", together with {listed(change.signs)}" if change.is_restart and change.signs else ""
    p_value = p_in_words(change.p_value) if change.p_value is not None else "not tested"
    if change.what == "rejections":
        return (
            f"The share of 429s changes at {_minute(change.at)} UTC from {100 * change.before[0]:.1f} to "
            f"{100 * change.after[0]:.1f} % ({p_value}){restart}."
        )
    moves = sorted(
        zip(change.keys, change.before, change.after, strict=True), key=lambda move: -abs(move[2] - move[1])
    )
    told = [f"key {key} from {100 * old:.0f} to {100 * new:.0f} %" for key, old, new in moves[:3]]
    return f"The shares change at {_minute(change.at)} UTC: {listed(told)} ({p_value}){restart}."


def _minute(iso: str) -> str:
    return iso[:19].replace("T", " ")


def _pacific(iso: str) -> str:
    return f"{dt.datetime.fromisoformat(iso[:19] + '+00:00').astimezone(PACIFIC):%H:%M}"
