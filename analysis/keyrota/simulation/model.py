"""The system as SimPy processes: arrivals, requests, isolates, keys, windows, clients that try again.

Read this to know what is modelled. The compiled engine does the same and is held to it, request for
request. Moments are integer nanoseconds since 1970 UTC. Of events at one moment, the one that was
scheduled first comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import simpy

from keyrota.quota.windows import (
    ADMITTED,
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
from keyrota.simulation.draws import CHOICE, JITTER, SERVICE, TRIGGER, Draws, times
from keyrota.simulation.isolates import Isolate, isolates_of
from keyrota.simulation.reactions import FAILOVER, GIVES_UP, delay_after
from keyrota.simulation.scenario import Trigger
from keyrota.simulation.setting import NEVER, Setting
from keyrota.simulation.tally import OfFunction, OfKey, OfPool, Run, Tally, new_tally
from keyrota.simulation.trace import BOOT, INVOCATION, PICK, REJECTION, SHUTDOWN, as_trace

Events = Generator[simpy.Event, Any, None]
KeyChoice = Callable[[list[int], list[int], float], int]
"""A user's own policy: given the room and the picks of each key and a draw in [0, 1), a 1-based position."""


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
            position = roomiest(rooms, picks) if own is None else own(rooms, picks, draws.next(CHOICE))
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


class Model:
    """One run of a scenario.

    Parameters
    ----------
    setting
        The scenario in integers.
    seed
        The replication's own seed sequence.
    keep_trace
        Whether to keep everything that happens; memory is bounded by the work in flight without it.
    own_policy
        A user's own choice of a key.
    """

    def __init__(
        self,
        setting: Setting,
        seed: np.random.SeedSequence,
        *,
        keep_trace: bool = False,
        own_policy: KeyChoice | None = None,
    ) -> None:
        self.setting, self.seed = setting, seed
        self.env = simpy.Environment(initial_time=setting.start)
        self.quotas = Quotas(setting)
        self.rotation = Rotation(setting, self.quotas, own_policy)
        self.tally = Tally(*(table.tolist() for table in new_tally(setting)))
        self.trace: list[tuple[int, ...]] | None = [] if keep_trace else None
        self.draws = [Draws(seed, function.name) for function in setting.functions]
        self.requests = [0 for _ in setting.functions]
        self.isolates = [
            isolates_of(
                function, setting, self.draws[number], self.tally.functions[number],
                self._on_boot(number), self._on_shutdown(number),
            )
            for number, function in enumerate(setting.functions)
        ]  # fmt: skip
        names = [function.name for function in setting.functions]
        self.triggers: list[list[tuple[int, Trigger]]] = [
            [(names.index(trigger.function), trigger) for trigger in function.triggers]
            for function in setting.scenario.functions
        ]

    def run(self) -> Run:
        """Run until the last request is finished."""
        for number in range(len(self.setting.functions)):
            self.env.process(self.arrivals(number))
        self.env.run()
        for isolates in self.isolates:
            isolates.close()
        tally = Tally(*(np.array(table, dtype=np.int64) for table in self.tally))
        return Run(tally, None if self.trace is None else as_trace(self.trace))

    def arrivals(self, function: int) -> Events:
        """Let requests arrive at a function."""
        name, arrivals = (
            self.setting.functions[function].name,
            self.setting.scenario.functions[function].arrivals,
        )
        if arrivals is None:
            return
        for block in times(self.seed, name, arrivals, self.setting.start, self.setting.end):
            for moment in block.tolist():
                yield self.env.timeout(moment - self.env.now)
                self.env.process(self.request(function))

    def request(self, function: int) -> Events:
        """One request from its arrival to its answer."""
        env, what, isolates = self.env, self.setting.functions[function], self.isolates[function]
        number, arrived, counts = self.requests[function], env.now, env.now >= self.setting.warm
        self.requests[function] += 1
        if what.preflight:
            answering = isolates.preflight(env.now)
            if answering.ready > env.now:
                yield env.timeout(answering.ready - env.now)
        sent, booted = env.now, isolates.booted
        isolate = isolates.meet(env.now)
        is_cold = isolates.booted > booted
        self.count(function, OfFunction.REQUESTS, counts)
        self.count(function, OfFunction.COLD, counts and is_cold)
        if isolate is None:
            self.count(function, OfFunction.TURNED_AWAY, counts)
            self.record(sent, INVOCATION, function, -1, number, -1, 0, 0, 503)
            return
        if isolate.ready > env.now:
            yield env.timeout(isolate.ready - env.now)
        trigger = self.trigger_of(function)
        leaves_call = trigger is not None and trigger[1].replaces_call
        answer = yield from self.calls(function, isolate, number, counts, leaves_call)
        if answer == ADMITTED:
            work = self.work(function, is_cold)
            isolates.work(isolate, env.now, env.now + work)
            yield env.timeout(work)
            if trigger is not None:
                env.process(self.request(trigger[0]))
        else:
            self.count(function, OfFunction.REJECTED, counts)
            first = self.tally.pools[what.pool]
            first[OfPool.FIRST_REJECTION] = min(int(first[OfPool.FIRST_REJECTION]), env.now)
        isolates.leave(isolate, env.now)
        status = 200 if answer == ADMITTED else 429
        self.record(env.now, INVOCATION, function, isolate.number, number, -1, env.now - arrived, 0, status)

    def calls(
        self, function: int, isolate: Isolate, request: int, counts: bool, leaves_call: bool
    ) -> Generator[simpy.Event, Any, int]:
        """Pick keys and call until a call passes or the client gives up; return the last answer."""
        env, reaction, draws = self.env, self.setting.reaction, self.draws[function]
        pool, made, first_rejection = self.setting.functions[function].pool, 0, NEVER
        size, answer, key = self.setting.pool_size[pool], ADMITTED, -1
        while True:
            picks = self.setting.scenario.picks_per_request if made == 0 else 1
            for _ in range(picks):
                if made > 0 and reaction.kind == FAILOVER:
                    key = self.rotation.next_key(pool, isolate, key)
                else:
                    key = self.rotation.pick(pool, isolate, draws, env.now)
                self.count_key(key, OfKey.PICKS, counts)
                self.record(env.now, PICK, function, isolate.number, request, key, 0, 0, 0)
            if leaves_call:
                self.count(function, OfFunction.UNUSED, counts)
                return ADMITTED
            answer = self.quotas.call(key, env.now)
            made += 1
            self.count_key(key, OfKey.CALLS, counts)
            if answer == ADMITTED:
                self.note_exhaustion(pool, key)
                return answer
            self.count_key(key, OfKey.PER_DAY if answer == PER_DAY else OfKey.PER_MINUTE, counts)
            self.rotation.rejected(pool, isolate, key)
            stated = self.quotas.stated_delay(key, answer, env.now)
            self.record(env.now, REJECTION, function, isolate.number, request, key, stated, answer, 429)
            first_rejection = min(first_rejection, env.now)
            if reaction.kind == FAILOVER:
                if made >= min(reaction.tries, size):
                    return answer
                continue
            waits = made < reaction.tries
            uniform = draws.next(JITTER) if waits else 0.0
            delay = delay_after(reaction, made, first_rejection, env.now, stated, uniform)
            if delay == GIVES_UP:
                return answer
            yield env.timeout(delay)

    def work(self, function: int, is_cold: bool) -> int:
        """Return how long a request works after its pick."""
        what = self.setting.functions[function]
        mean = what.cold if is_cold else what.warm
        return mean if what.is_constant else int(self.draws[function].next(SERVICE) * mean)

    def trigger_of(self, function: int) -> tuple[int, Trigger] | None:
        """Return the trigger that a request sets off, if any."""
        if not self.triggers[function]:
            return None
        uniform = self.draws[function].next(TRIGGER)
        for target, trigger in self.triggers[function]:
            uniform -= trigger.probability
            if uniform < 0:
                return target, trigger
        return None

    def note_exhaustion(self, pool: int, key: int) -> None:
        """Note the call that is the last which the keys of a pool had left for the day."""
        moments = self.tally.pools[pool]
        if moments[OfPool.EXHAUSTED] != NEVER or not self.quotas.is_spent(key, self.env.now):
            return
        first, size = self.setting.pool_first[pool], self.setting.pool_size[pool]
        if all(self.quotas.is_spent(other, self.env.now) for other in range(first, first + size)):
            moments[OfPool.EXHAUSTED] = self.env.now

    def count(self, function: int, column: OfFunction, happens: bool) -> None:
        """Count for a function."""
        self.tally.functions[function][column] += happens

    def count_key(self, key: int, column: OfKey, happens: bool) -> None:
        """Count for a key."""
        self.tally.keys[key][column] += happens

    def record(self, *row: int) -> None:
        """Keep a row of the trace."""
        if self.trace is not None:
            self.trace.append(row)

    def _on_boot(self, function: int) -> Callable[[Isolate], None]:
        return lambda isolate: self.record(
            isolate.born, BOOT, function, isolate.number, -1, -1,
            isolate.ready - isolate.born, 0, 0,
        )  # fmt: skip

    def _on_shutdown(self, function: int) -> Callable[[Isolate, int, int], None]:
        return lambda isolate, moment, reason: self.record(
            moment, SHUTDOWN, function, isolate.number, -1, -1, reason, 0, 0
        )
