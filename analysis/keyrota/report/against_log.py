"""A model held against its log: does it explain the 429s, what else would, what uneven shares cost."""

from __future__ import annotations

from typing import Final

import msgspec

from keyrota.display import short_share
from keyrota.planning.model_check import ModelCheck
from keyrota.pools.declared import Pool

_LESS: Final = (
    "higher limits, if only of some keys or for each model by itself, or 429s that the log does not show "
    "(Q304 tells) would do that"
)


class MostLoadedReport(msgspec.Struct, frozen=True):
    """The key with the most picks of a pool whose shares are uneven (R101)."""

    key: int | None
    position: int
    share: float


class AgainstLogReport(msgspec.Struct, frozen=True):
    """The model held against the log, over the log's span.

    `predicted_low` and `predicted_high` bound the share of a log of this length with probability 95 % if the
    model holds; where `explains` is false, advice that rests on the model is not sure. `most_loaded` is null
    where the rotation is not known to be uneven.
    """

    requests: int
    observed_share: float
    predicted_share: float
    predicted_low: float
    predicted_high: float
    explains: bool
    words: str
    most_loaded: MostLoadedReport | None


def describe_check(check: ModelCheck) -> AgainstLogReport:
    """Return the content of a check."""
    return AgainstLogReport(
        requests=check.requests,
        observed_share=check.observed,
        predicted_share=check.predicted,
        predicted_low=check.low,
        predicted_high=check.high,
        explains=check.explains,
        words=check_in_words(check),
        most_loaded=loaded_key(check),
    )


def loaded_key(check: ModelCheck) -> MostLoadedReport | None:
    """Return the key with more than its share; ``None`` where the rotation is not known to be uneven."""
    own = check.uneven
    return MostLoadedReport(own.key, own.position, own.share) if own is not None else None


def check_in_words(check: ModelCheck) -> str:
    """Return whether the model explains the log, in a sentence."""
    return in_words(check.observed, check.predicted, check.low, check.high, loaded_key(check))


def in_words(
    observed: float,
    predicted: float | None,
    low: float | None,
    high: float | None,
    loaded: MostLoadedReport | None = None,
) -> str:
    """Return whether a model explains the share of 429s of a log, by how much not, and what would.

    Parameters
    ----------
    observed
        The share of requests in the log, in 0..1.
    predicted, low, high
        The share as the model predicts it and where that of a log lies; ``None`` if what is simulated was
        changed.
    loaded
        The key with more than its share.

    Examples
    --------
    >>> in_words(0.1, 0.08, 0.05, 0.15)
    'The model explains the log: 10 % of its requests end in a 429, the model predicts 8 % (5 to 15 for a \
log of this length).'
    """
    seen = f"{100 * observed:.3g} % of its requests end in a 429"
    if predicted is None or low is None or high is None:
        return f"In the log {seen}; the options have changed what is simulated."
    told = (
        f"the model predicts {100 * predicted:.3g} % ({short_share(low).removesuffix(' %')} to "
        f"{short_share(high).removesuffix(' %')} for a log of this length)"
    )
    if low <= observed <= high:
        return f"The model explains the log: {seen}, {told}."
    is_more = observed > high
    points = short_share(observed - high if is_more else low - observed).removesuffix(" %")
    return (
        f"The model does not explain the log: {seen}, {told}: {points} points "
        f"{'more' if is_more else 'less'} than chance allows; {_more(loaded) if is_more else _LESS}."
    )


def _more(loaded: MostLoadedReport | None) -> str:
    others = "keys used elsewhere, a shared project (Q305 tells), lower limits (Q304) or burstier traffic"
    if loaded is None:
        return f"{others} would do that, and so would an uneven rotation (R101)"
    return (
        f"the uneven rotation (R101: {_named(loaded)} has {100 * loaded.share:.3g} % of the picks) would do "
        f"that, and so would {others}"
    )


def cost_of_uneven_shares(check: ModelCheck | None, pool: Pool) -> str | None:
    """Return what uneven shares take from a pool: it carries what its most loaded key does, over its share.

    Parameters
    ----------
    check
        Of the log.
    pool
        With the limits in force; of keys that share projects nothing is said.
    """
    loaded = loaded_key(check) if check is not None else None
    shares_project = len(set(pool.projects)) < len(pool.projects)
    if check is None or check.uneven is None or loaded is None or shares_project:
        return None
    limits = [
        (limit, words)
        for limit, words in ((pool.quota.per_minute, "a minute"), (pool.quota.per_day, "a day"))
        if limit is not None
    ]
    if not limits:
        return None
    carried = " and ".join(
        f"{_number(limit / loaded.share)} {'calls ' * (place == 0)}{words}"
        for place, (limit, words) in enumerate(limits)
    )
    even = " and ".join(f"{limit * check.uneven.size:,}" for limit, _ in limits)
    return (
        f"The shares are uneven (R101): {_named(loaded)} has {100 * loaded.share:.3g} % of the picks, so "
        f"that the pool carries at most {carried} before that key is at its limit, where equal shares carry "
        f"at most {even}. To correct the rotation comes before more keys."
    )


def _named(loaded: MostLoadedReport) -> str:
    return f"key {loaded.key}" if loaded.key is not None else f"position {loaded.position}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
