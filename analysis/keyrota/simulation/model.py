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

from keyrota.quota.windows import ADMITTED, PER_DAY
from keyrota.simulation.choice import KeyChoice, Rotation
from keyrota.simulation.draws import JITTER, SERVICE, TRIGGER, Draws, times
from keyrota.simulation.isolates import Isolate, Slots, isolates_of
from keyrota.simulation.provider import Quotas
from keyrota.simulation.reactions import FAILOVER, GIVES_UP, delay_after
from keyrota.simulation.scenario import Trigger
from keyrota.simulation.setting import NEVER, Setting
from keyrota.simulation.tally import OfFunction, OfKey, OfPool, Run, Tally, new_tally
from keyrota.simulation.trace import BOOT, INVOCATION, PICK, REJECTION, SHUTDOWN, as_trace

Events = Generator[simpy.Event, Any, None]


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

    @property
    def now(self) -> int:
        """The moment, in nanoseconds since 1970 UTC."""
        return int(self.env.now)

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
                yield self.env.timeout(moment - self.now)
                self.env.process(self.request(function))

    def request(self, function: int) -> Events:
        """One request from its arrival to its answer."""
        env, what, isolates = self.env, self.setting.functions[function], self.isolates[function]
        number, counts = self.requests[function], self.now >= self.setting.warm
        self.requests[function] += 1
        if what.preflight:
            assert isinstance(isolates, Slots)
            answering = isolates.preflight(self.now)
            if answering.ready > self.now:
                yield env.timeout(answering.ready - self.now)
        sent, booted = self.now, isolates.booted
        isolate = isolates.meet(self.now)
        is_cold = isolates.booted > booted
        self.count(function, OfFunction.REQUESTS, counts)
        self.count(function, OfFunction.COLD, counts and is_cold)
        if isolate is None:
            self.count(function, OfFunction.TURNED_AWAY, counts)
            self.record(sent, INVOCATION, function, -1, number, -1, 0, 0, 503)
            return
        if isolate.ready > self.now:
            yield env.timeout(isolate.ready - self.now)
        trigger = self.trigger_of(function)
        leaves_call = trigger is not None and trigger[1].replaces_call
        answer = yield from self.calls(function, isolate, number, counts, leaves_call)
        if answer == ADMITTED:
            work = self.work(function, is_cold)
            isolates.work(isolate, self.now, self.now + work)
            yield env.timeout(work)
            if trigger is not None:
                env.process(self.request(trigger[0]))
        else:
            self.count(function, OfFunction.REJECTED, counts)
            if counts:
                first = self.tally.pools[what.pool]
                first[OfPool.FIRST_REJECTION] = min(int(first[OfPool.FIRST_REJECTION]), self.now)
        isolates.leave(isolate, self.now)
        status = 200 if answer == ADMITTED else 429
        self.record(self.now, INVOCATION, function, isolate.number, number, -1, self.now - sent, 0, status)

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
                    key = self.rotation.pick(pool, isolate, draws, self.now)
                self.count_key(key, OfKey.PICKS, counts)
                self.record(self.now, PICK, function, isolate.number, request, key, 0, 0, 0)
            if leaves_call:
                self.count(function, OfFunction.UNUSED, counts)
                return ADMITTED
            answer = self.quotas.call(key, self.now)
            made += 1
            self.count_key(key, OfKey.CALLS, counts)
            if answer == ADMITTED or self.quotas.charges_rejected:
                self.note_exhaustion(pool, key)
            if answer == ADMITTED:
                return answer
            self.count_key(key, OfKey.PER_DAY if answer == PER_DAY else OfKey.PER_MINUTE, counts)
            self.rotation.rejected(pool, isolate, key)
            stated = self.quotas.stated_delay(key, answer, self.now)
            self.record(self.now, REJECTION, function, isolate.number, request, key, stated, answer, 429)
            first_rejection = min(first_rejection, self.now)
            if reaction.kind == FAILOVER:
                if made >= min(reaction.tries, size):
                    return answer
                continue
            waits = made < reaction.tries
            uniform = draws.next(JITTER) if waits else 0.0
            delay = delay_after(reaction, made, first_rejection, self.now, stated, uniform)
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
        if self.now < self.setting.warm:
            return
        if moments[OfPool.EXHAUSTED] != NEVER or not self.quotas.is_spent(key, self.now):
            return
        first, size = self.setting.pool_first[pool], self.setting.pool_size[pool]
        if all(self.quotas.is_spent(other, self.now) for other in range(first, first + size)):
            moments[OfPool.EXHAUSTED] = self.now

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
