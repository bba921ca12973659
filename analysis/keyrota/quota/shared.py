"""Keys that behave as one quota: two windows, or one window together, by likelihood.

For a pair of keys that share a project the calls of both fill one window: rejections come when the sum
reaches the limit while each key alone is below it. The ratio of the likelihood of "together" to the best
that "apart" can do is an e-value: if the keys are apart, and at most one call in a hundred that had room is
rejected, it exceeds x with a probability of at most 1 / x, given the limits and the kind of window. So a
ratio above 2 (number of pairs) / alpha has a false-alarm rate of about alpha at most over all pairs of a log
[1]_. The likeliest pair is joined first, and counts as one quota when the others are judged; so groups of
three and more form.

References
----------
.. [1] L. Wasserman, A. Ramdas, S. Balakrishnan, "Universal inference", PNAS 117(29), 2020, pp. 16880-16890.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from math import inf, log

import numpy as np

from keyrota.quota.counts import Counts
from keyrota.quota.evidence import Outcomes
from keyrota.quota.suspects import Group, KnownLimits, Suspects


@dataclass(frozen=True)
class SharedQuota:
    """Keys that behave as one quota.

    Parameters
    ----------
    keys
        Two or more.
    log_ratio
        Smallest natural logarithm of the likelihood ratio among the steps that joined them.
    explained, unexplained
        429s of these keys that come with room in their own window: those that one window for all
        explains, and those that remain.
    pairs
        How many pairs were compared.
    """

    keys: tuple[int, ...]
    log_ratio: float
    explained: int
    unexplained: int
    pairs: int


def find_shared(
    counts: Counts,
    outcomes: Outcomes,
    limits: Mapping[int, KnownLimits],
    *,
    window: str,
    alpha: float,
    known: Iterable[Group] = (),
) -> list[SharedQuota]:
    """Find the groups of keys that share a quota.

    Parameters
    ----------
    counts, outcomes
        Of the calls of all keys that could share one: those of one model.
    limits
        By key; only keys of equal limits are compared.
    window
        How a minute counts, ``"fixed"`` or ``"sliding"``.
    alpha
        False-alarm rate over all pairs, in (0, 1).
    known
        Groups that are declared to share a quota: not tried again.
    """
    keys = sorted(key for key in limits if len(counts.of(key)))
    number = len(keys) * (len(keys) - 1) // 2
    if not number:
        return []
    suspects = Suspects(counts, outcomes, limits, window)
    # Pairs of keys, and the pairs that groups form with others once they are joined.
    least = log(2 * number / alpha)
    joined: dict[Group, float] = {}
    for alike in _of_equal_limits(_declared_groups(keys, known), limits):
        joined |= _joined(suspects, alike, least)
    found = [
        SharedQuota(group, ratio, *suspects.explained(group), number)
        for group, ratio in sorted(joined.items())
    ]
    # What leaves more open than it explains is another provider's rule, not a shared quota.
    return [group for group in found if group.unexplained <= group.explained]


def _of_equal_limits(groups: Sequence[Group], limits: Mapping[int, KnownLimits]) -> list[list[Group]]:
    """Return the groups by their limits: only such can be of one project."""
    alike: dict[KnownLimits, list[Group]] = {}
    for group in sorted(groups):
        alike.setdefault(limits[group[0]], []).append(group)
    return list(alike.values())


def _joined(suspects: Suspects, groups: list[Group], least: float) -> dict[Group, float]:
    """Join the pair that explains most, again and again, while one passes the bar.

    What a pair explains, no other need explain by chance.
    """
    possible = suspects.possible_pairs(groups, least)
    if possible is None:
        return {}
    alive: list[Group | None] = [*groups]
    joined: dict[Group, float] = {}
    # A heap: the largest gain, of equals the largest ratio, of these the first.
    accepted: list[tuple[float, float, int, int, int]] = []
    turn = count()

    def compare(pairs: Iterable[tuple[int, int]]) -> None:
        # Those with the most open 429s first, equals in the order of their keys.
        in_order = [sorted(pair, key=lambda unit: _named(alive, unit)) for pair in set(pairs)]
        in_order.sort(key=lambda pair: [_named(alive, unit) for unit in pair])
        in_order.sort(key=lambda pair: -sum(suspects.unexplained(_named(alive, unit)) for unit in pair))
        for one, other in in_order:
            found = suspects.compare((_named(alive, one), _named(alive, other)), at_least=least)
            if found.log_ratio > least:
                heappush(accepted, (-found.gain, -found.log_ratio, next(turn), one, other))

    compare(possible.all())
    while accepted:
        _, minus_ratio, _, one, other = heappop(accepted)
        parts = alive[one], alive[other]
        if parts[0] is None or parts[1] is None:
            continue
        together = tuple(sorted(parts[0] + parts[1]))
        joined[together] = min(-minus_ratio, joined.pop(parts[0], inf), joined.pop(parts[1], inf))
        alive[one] = alive[other] = None
        alive.append(together)
        unit = len(alive) - 1
        at = np.concatenate([suspects.counts.of(key) for key in together])
        others = possible.join(one, other, unit, at, suspects.open_429s(together, unit))
        compare([(own, unit) for own in others.tolist() if alive[own] is not None])
    return joined


def _named(alive: Sequence[Group | None], unit: int) -> Group:
    group = alive[unit]
    assert group is not None
    return group


def _declared_groups(keys: Sequence[int], known: Iterable[Group]) -> list[Group]:
    present = [tuple(sorted(set(group) & set(keys))) for group in known]
    together = {key for group in present for key in group}
    return [group for group in present if group] + [(key,) for key in keys if key not in together]
