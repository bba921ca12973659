"""The provider as the model sees it: what it counts, what it answers, how much room a key has."""

from __future__ import annotations

from keyrota.quota.windows import (
    PER_DAY,
    UNLIMITED,
    call,
    day_number,
    day_room,
    day_state,
    free_at,
    quota_room,
    window_state,
)
from keyrota.simulation.setting import Setting


class Quotas:
    """What the provider counts: a minute window and a day for each project and model."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.minutes = [window_state(setting.window, limit) for limit in setting.minute_limits]
        self.days = [day_state() for _ in setting.day_limits]
        self.charges_rejected = setting.scenario.charge_rejected

    def call(self, key: int, now: int) -> int:
        """Make a call with a key; return `ADMITTED` or the limit that rejects it."""
        setting, quota = self.setting, self.setting.key_quota[key]
        return call(
            setting.window, setting.minute_limits[quota], self.minutes[quota],
            setting.day_limits[quota], self.days[quota], self.today(now), now, self.charges_rejected,
        )  # fmt: skip

    def stated_delay(self, key: int, answer: int, now: int) -> int:
        """Return the delay that a 429 states: until the window, or the day, lets a call pass."""
        setting, quota = self.setting, self.setting.key_quota[key]
        if answer == PER_DAY:
            return int(setting.midnights[self.today(now) + 1]) - now
        return free_at(setting.window, setting.minute_limits[quota], self.minutes[quota], now) - now

    def room(self, key: int, now: int) -> int:
        """Return how many calls a key would let pass now."""
        setting, quota = self.setting, self.setting.key_quota[key]
        return quota_room(
            setting.window, setting.minute_limits[quota], self.minutes[quota],
            setting.day_limits[quota], self.days[quota], self.today(now), now,
        )  # fmt: skip

    def is_spent(self, key: int, now: int) -> bool:
        """Whether a key has no call left for its day."""
        quota = self.setting.key_quota[key]
        limit = self.setting.day_limits[quota]
        return limit != UNLIMITED and day_room(limit, self.days[quota], self.today(now)) <= 0

    def today(self, now: int) -> int:
        """Return the number of the Pacific day."""
        return day_number(self.setting.midnights, now)
