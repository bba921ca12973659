"""The account of a pool's quota: its calls, the limits in force, who shares them, the causes of its 429s."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from keyrota.pools.declared import Pool
from keyrota.quota.calls import Calls, find_calls
from keyrota.quota.counts import Counts, counts_of
from keyrota.quota.evidence import Outcomes, outcomes_of
from keyrota.quota.explain import Explained, explain
from keyrota.quota.limits import LimitEvidence, WindowEvidence, limits_of
from keyrota.quota.rejections import not_the_providers
from keyrota.quota.shared import SharedQuota, find_shared
from keyrota.quota.suspects import KnownLimits
from keyrota.quota.usage import DayUse, KeyUse, day_uses, key_uses
from keyrota.rotation.alike import unique_numbers

LEAST_CERTAIN: Final = 0.5
"""Below this share of 429s whose call is certain, what keys share cannot be told."""

UNTOLD = WindowEvidence("unknown", 0, 0, 0.0)


@dataclass(frozen=True)
class PoolEvents:
    """What is known of a pool before its account is made.

    Parameters
    ----------
    events
        Its events, with their index in the whole table.
    declared
        Its declaration, if there is one.
    picks_per_request
        Of so many picks at once only the last made a call.
    """

    events: pd.DataFrame
    declared: Pool | None = None
    picks_per_request: int = 1


@dataclass(frozen=True)
class Account:
    """The account of one pool.

    Parameters
    ----------
    calls
        Its calls.
    minute, day, window
        The limits of each key, and how the minute counts.
    shared
        Groups of keys, not declared as such, that behave as one quota.
    quotas
        The keys of each quota, as declared and as found.
    explained
        Where its 429s come from.
    keys, days
        The use of each key and of each Pacific day.
    not_the_providers
        Invocations answered with a 429 that is not the provider's.
    """

    calls: Calls
    minute: LimitEvidence
    day: LimitEvidence
    window: WindowEvidence
    shared: tuple[SharedQuota, ...]
    quotas: tuple[tuple[int, ...], ...]
    explained: Explained
    keys: tuple[KeyUse, ...]
    days: tuple[DayUse, ...]
    not_the_providers: int

    @property
    def rejection_count(self) -> int:
        """How many 429s there are."""
        return len(self.calls.attribution.rows)

    @property
    def rejected_request_share(self) -> float | None:
        """Share of the requests that ended in a 429; ``None`` without requests."""
        ended = self.calls.rejected_requests
        return float(ended.mean()) if len(ended) else None


@dataclass
class _Draft:
    """A pool on its way to its account."""

    calls: Calls
    declared: Pool | None
    counts: Counts
    outcomes: Outcomes
    quotas: list[tuple[int, ...]]
    minute: LimitEvidence = field(default_factory=lambda: LimitEvidence(None))
    day: LimitEvidence = field(default_factory=lambda: LimitEvidence(None))
    window: WindowEvidence = UNTOLD
    shared: list[SharedQuota] = field(default_factory=list)

    def find_limits(self) -> None:
        quota = self.declared.quota if self.declared is not None else None
        self.minute, self.day, self.window = limits_of(
            self.counts,
            self.outcomes,
            self.quotas,
            self.calls.attribution.rows,
            per_minute=quota.per_minute if quota else None,
            per_day=quota.per_day if quota else None,
            model=self.declared.model if self.declared is not None else None,
        )

    @property
    def known_limits(self) -> KnownLimits:
        minute, day = self.minute, self.day
        return KnownLimits(
            minute.declared if minute.stated is None else minute.stated,
            day.declared if day.stated is None else day.stated,
            minute.stated is not None,
            day.stated is not None,
        )


def make_accounts(
    pools: Mapping[str, PoolEvents], *, begin: pd.Timestamp | None = None, alpha: float = 1e-3
) -> dict[str, Account]:
    """Make the accounts of the pools of a log.

    Parameters
    ----------
    pools
        The pools by name.
    begin
        Time of the log's first event.
    alpha
        False-alarm rate of shared quotas, over all pools together.
    """
    begin_ns = None if begin is None or pd.isna(begin) else int(pd.Timestamp(begin).as_unit("ns").value)
    drafts: dict[str, _Draft] = {}
    for name, pool in pools.items():
        calls = find_calls(pool.events, picks_per_request=pool.picks_per_request)
        counts = counts_of([calls], begin_ns)
        outcomes = outcomes_of(calls.rejected, calls.causes, counts.is_whole_day())
        draft = _Draft(calls, pool.declared, counts, outcomes, _quotas(calls, pool.declared))
        draft.find_limits()
        drafts[name] = draft
    families = _families(drafts)
    for family in families:
        _find_shared(family, begin_ns, alpha / len(families))
    return {name: _account(draft, pools[name].events) for name, draft in drafts.items()}


def _quotas(calls: Calls, declared: Pool | None) -> list[tuple[int, ...]]:
    """Return the keys of each quota as declared; keys that are not declared have one each."""
    groups: dict[object, list[int]] = {}
    known = declared.keys if declared is not None else ()
    for place, key in enumerate(known):
        project = declared.projects[place] if declared is not None and declared.projects else key
        groups.setdefault(project, []).append(key)
    declared_keys = set(known)
    for key in unique_numbers(calls.keys[calls.keys >= 0])[0].tolist():
        if key not in declared_keys:
            groups[("seen", key)] = [key]
    return [tuple(sorted(keys)) for keys in groups.values()]


def _families(drafts: Mapping[str, _Draft]) -> list[list[_Draft]]:
    """Return the pools that may share quotas: those of one declared model, each other alone."""
    of_model: dict[str, list[_Draft]] = {}
    alone = []
    for draft in drafts.values():
        model = draft.declared.model if draft.declared is not None else None
        if model is None:
            alone.append([draft])
        else:
            of_model.setdefault(model, []).append(draft)
    return [*of_model.values(), *alone]


def _find_shared(family: Sequence[_Draft], begin: int | None, alpha: float) -> None:
    """Join keys that behave as one quota, and look at the limits anew."""
    attributions = [draft.calls.attribution for draft in family]
    rejections = sum(len(own.rows) for own in attributions)
    certain = sum(len(own.rows) * (own.certain_share or 0.0) for own in attributions)
    if not rejections or certain < LEAST_CERTAIN * rejections:
        return
    limits = {key: draft.known_limits for draft in family for keys in draft.quotas for key in keys}
    counts = family[0].counts
    outcomes = family[0].outcomes
    if len(family) > 1:
        calls = [draft.calls for draft in family]
        counts = counts_of(calls, begin)
        order = np.argsort(np.concatenate([own.rows for own in calls]), kind="stable")
        causes = np.concatenate([own.causes for own in calls])[order]
        outcomes = outcomes_of(1.0 - counts.passed, causes, counts.is_whole_day())
    known = _declared_together(family)
    groups = find_shared(counts, outcomes, limits, window=_window(family), alpha=alpha, known=known)
    for draft in family:
        own = {key for keys in draft.quotas for key in keys}
        draft.shared = [group for group in groups if not own.isdisjoint(group.keys)]
        # Groups have no key in common.
        members = {key for group in draft.shared for key in group.keys}
        draft.quotas = [keys for keys in draft.quotas if members.isdisjoint(keys)]
        draft.quotas += [tuple(sorted(own & set(group.keys))) for group in draft.shared]
        if draft.shared:
            draft.find_limits()


def _declared_together(family: Sequence[_Draft]) -> list[tuple[int, ...]]:
    """Return the groups of keys that are declared to be of one project, also across pools."""
    keys_of: dict[str, set[int]] = {}
    for draft in family:
        if draft.declared is not None:
            for key, project in zip(draft.declared.keys, draft.declared.projects, strict=False):
                keys_of.setdefault(project, set()).add(key)
    return [tuple(sorted(keys)) for keys in keys_of.values() if len(keys) > 1]


def _window(family: Sequence[_Draft]) -> str:
    """Return how the minute counts for pools of one model: as the clearest of them shows."""
    return max((draft.window for draft in family), key=lambda window: abs(window.log_ratio)).used


def _account(draft: _Draft, events: pd.DataFrame) -> Account:
    per_minute, per_day = draft.minute.in_force, draft.day.in_force
    explained = explain(
        draft.calls, draft.counts, draft.outcomes, draft.quotas,
        per_minute=per_minute, per_day=per_day, window=draft.window.used,
    )  # fmt: skip
    attribution = draft.calls.attribution
    moments = attribution.rows["time"]
    is_day = (
        np.array([cause == "per-day" for cause in explained.causes], dtype=bool) & moments.notna().to_numpy()
    )
    likely = (attribution.probability >= 0.5) & is_day[attribution.rejection]
    keys = draft.calls.keys[np.searchsorted(draft.calls.rows, attribution.pick[likely])]
    at = moments.to_numpy(dtype="datetime64[ns]").view("int64")[attribution.rejection[likely]]
    exhaustions = list(zip(keys.tolist(), at.tolist(), strict=True))
    return Account(
        calls=draft.calls,
        minute=draft.minute,
        day=draft.day,
        window=draft.window,
        shared=tuple(draft.shared),
        quotas=tuple(draft.quotas),
        explained=explained,
        keys=key_uses(draft.calls, draft.counts, per_minute=per_minute, per_day=per_day),
        days=day_uses(draft.calls, draft.counts, exhaustions, draft.quotas, per_day=per_day),
        not_the_providers=not_the_providers(events, attribution.rows),
    )
