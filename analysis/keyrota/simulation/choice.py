"""Which key a pick takes in the model: the counters of isolates and pools, moved by the pure policies."""

from __future__ import annotations

from collections.abc import Callable

from keyrota.display import shown
from keyrota.errors import ConfigurationError
from keyrota.rotation.policies import (
    LEAST_USED,
    RANDOM,
    SHARED,
    STICKY,
    following,
    next_position,
    random_position,
    roomiest,
)
from keyrota.simulation.draws import CHOICE, Draws
from keyrota.simulation.isolates import Isolate
from keyrota.simulation.provider import Quotas
from keyrota.simulation.setting import Setting

KeyChoice = Callable[[list[int], list[int], float], int]
"""A user's own policy: given the room and the picks of each key and a draw in [0, 1), a 1-based position."""


class Rotation:
    """Which key a pick takes: the counters, and the policy that moves them."""

    def __init__(self, setting: Setting, quotas: Quotas, own: KeyChoice | None) -> None:
        self.setting, self.quotas, self.own = setting, quotas, own
        self.shared = [1 for _ in setting.pool_size]
        self.picks = [0 for _ in setting.keys]

    def pick(self, pool: int, isolate: Isolate, draws: Draws, now: int) -> int:
        """Return the key (its index) that a new pick takes."""
        policy, first, size = self.setting.policy, self.setting.pool_first[pool], self.setting.pool_size[pool]
        if self.own is not None or policy == LEAST_USED:
            rooms = [self.quotas.room(first + index, now) for index in range(size)]
            picks = self.picks[first : first + size]
            own = self.own
            if own is None:
                position = roomiest(rooms, picks)
            else:
                position = _checked(own(rooms, picks, draws.next(CHOICE)), size)
        elif policy == RANDOM:
            position = random_position(draws.next(CHOICE), size)
        else:
            position = self.shared[pool] if policy == SHARED else isolate.position
        return self._took(pool, isolate, position)

    def next_key(self, pool: int, isolate: Isolate, key: int) -> int:
        """Return the key after one that was rejected, for a client that fails over."""
        position = key - self.setting.pool_first[pool] + 1
        return self._took(pool, isolate, following(position, self.setting.pool_size[pool]))

    def rejected(self, pool: int, isolate: Isolate, key: int) -> None:
        """Take note of a 429: an isolate that sticks to a key moves on."""
        if self.setting.policy == STICKY:
            position = key - self.setting.pool_first[pool] + 1
            isolate.position = following(position, self.setting.pool_size[pool])

    def _took(self, pool: int, isolate: Isolate, position: int) -> int:
        size, key = self.setting.pool_size[pool], self.setting.pool_first[pool] + position - 1
        isolate.position = next_position(self.setting.policy, position, size)
        self.shared[pool] = following(position, size)
        self.picks[key] += 1
        return key


def _checked(position: object, size: int) -> int:
    if not isinstance(position, int) or not 1 <= position <= size:
        raise ConfigurationError(
            f"own_policy returned {shown(position)}; it returns a 1-based position, 1 to {size}"
        )
    return position
