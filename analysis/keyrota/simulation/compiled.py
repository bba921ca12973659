"""The compiled engine: the kernel in machine code, fed with numbers and arrivals block by block."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from keyrota.compiling import compiled, fingerprint_of, functions_of
from keyrota.quota.windows import day_state, window_state
from keyrota.rotation.policies import RANDOM, RANDOM_START, STICKY
from keyrota.simulation.draws import (
    BOOT,
    CHOICE,
    JITTER,
    PREFLIGHT,
    QUANTITIES,
    SERVICE,
    SLOT,
    START,
    TRIGGER,
    draw,
    generator,
    times,
)
from keyrota.simulation.kernel import layout as at
from keyrota.simulation.kernel.instances import close
from keyrota.simulation.kernel.layout import Plan, State
from keyrota.simulation.kernel.loop import advance
from keyrota.simulation.reactions import BACKOFF, WAIT
from keyrota.simulation.refusal import refusal, refuse
from keyrota.simulation.setting import HOSTED, NEVER, FunctionSetting, Setting
from keyrota.simulation.tally import Run, new_tally
from keyrota.simulation.trace import COLUMNS as TRACE_COLUMNS
from keyrota.simulation.trace import in_order
from keyrota.traffic.times import BLOCK

Advance = Callable[[Plan, State, bool], int]

FIRST_ROOM: Final = 1_024
"""Rows for isolates and for requests in flight at the start; doubled when they are used up."""


def run_compiled(
    setting: Setting, seed: np.random.SeedSequence, *, keep_trace: bool = False, in_python: bool = False
) -> Run:
    """Run a scenario in the compiled engine.

    Parameters
    ----------
    setting
        The scenario in integers.
    seed
        The replication's own seed sequence.
    keep_trace
        Whether to keep everything that happens; memory is bounded by the work in flight without it.
    in_python
        Run the kernel without compiling it: slow, to see into it.

    Raises
    ------
    ConfigurationError
        If the engine cannot run this scenario.
    """
    reason = refusal(setting.scenario)
    if reason is not None:
        refuse(reason)
    feed = _Feed(setting, seed, keep_trace)
    step = _step if in_python else machine_code()
    while (wanted := step(feed.plan, feed.state, False)) != at.DONE:
        if wanted == at.WANTS_DRAWS:
            feed.more_draws(int(feed.state.counters[at.WANTED]))
        elif wanted == at.WANTS_ARRIVALS:
            feed.more_arrivals(int(feed.state.counters[at.WANTED]))
        else:
            feed.more_room()
    feed.more_room()  # for the ends of the instances that are idle at last
    step(feed.plan, feed.state, True)
    rows = feed.state.trace[: feed.state.counters[at.ROWS]]
    return Run(feed.tally, in_order(rows) if keep_trace else None)


def needed(setting: Setting, function: FunctionSetting) -> list[int]:
    """Return the streams of a function whose numbers decide anything; the others need not be drawn."""
    decides = {
        SLOT: function.kind == HOSTED,
        PREFLIGHT: function.preflight,
        BOOT: function.boot_span > 0,
        START: setting.policy in (RANDOM_START, STICKY),
        CHOICE: setting.policy == RANDOM,
        SERVICE: not function.is_constant,
        JITTER: setting.reaction.kind in (BACKOFF, WAIT),
    }
    return [quantity for quantity, is_needed in decides.items() if is_needed]


class _Feed:
    """The arrays of one run, and what the kernel wants from outside."""

    def __init__(self, setting: Setting, seed: np.random.SeedSequence, keep_trace: bool) -> None:
        self.tally = new_tally(setting)
        self._times: list[Iterator[NDArray[np.int64]]] = []
        self._streams: list[dict[int, np.random.Generator]] = []
        for function in setting.scenario.functions:
            process, span = function.arrivals, (setting.start, setting.end)
            self._times.append(iter(()) if process is None else times(seed, function.name, process, *span))
        for own in setting.functions:
            self._streams.append(
                {
                    quantity: generator(seed, own.name, QUANTITIES[quantity])
                    for quantity in needed(setting, own)
                }
            )
        self.plan = _plan(setting, keep_trace)
        self.state = self._new_state(setting)
        for number in range(len(setting.functions)):
            self._first_arrival(number)

    def more_draws(self, function: int) -> None:
        """Fill up the streams of a function that are used up; what is left moves to the front."""
        draws, drawn = self.state.draws[function], self.state.drawn[function]
        for quantity, used in enumerate(drawn.tolist()):
            if used + at.MARGIN <= BLOCK:
                continue
            drawn[quantity] = 0
            rng = self._streams[function].get(quantity)
            if rng is None:  # a number that decides nothing may stay 0
                continue
            left = BLOCK - used
            draws[quantity, :left] = draws[quantity, used:]
            draws[quantity, left:] = draw(rng, quantity, used)

    def more_arrivals(self, function: int) -> None:
        """Put the next block of arrivals behind the one arrival that is pending."""
        own, arrivals = self.state.of_function[function], self.state.arrivals[function]
        pending = arrivals[own[at.ARRIVAL]]
        block = next(self._times[function], None)
        if block is None:
            own[at.IS_LAST] = 1
            return
        arrivals[0] = pending
        arrivals[1 : block.size + 1] = block
        own[at.ARRIVAL], own[at.ARRIVALS] = 0, block.size + 1

    def more_room(self) -> None:
        """Double what is used up: rows of isolates and of requests, of the trace if one is kept."""
        state, counters = self.state, self.state.counters
        room: dict[str, Any] = {}
        if counters[at.FREE_ISOLATES] < at.MARGIN:
            room |= _doubled(state.isolates, state.free_isolates, counters, at.FREE_ISOLATES, "isolates")
            room["idle"] = np.concatenate([state.idle, np.zeros_like(state.idle)], axis=1)
        if counters[at.FREE_REQUESTS] < at.MARGIN:
            room |= _doubled(state.requests, state.free_requests, counters, at.FREE_REQUESTS, "requests")
            room["heap"] = np.concatenate([state.heap, np.zeros_like(state.heap)])
        wanted = int(counters[at.ROWS]) + self._most_rows()
        if self.plan.keeps_trace and wanted > state.trace.shape[0]:
            grown = np.zeros((max(2 * state.trace.shape[0], 2 * wanted), TRACE_COLUMNS), dtype=np.int64)
            grown[: state.trace.shape[0]] = state.trace
            room["trace"] = grown
        self.state = state._replace(**room)

    def _most_rows(self) -> int:
        """Return how many rows the next step may need: the ends of all idle instances, and more."""
        return 2 * self.state.rooms.size + 16 + int(self.state.of_function[:, at.IDLE].sum())

    def _first_arrival(self, function: int) -> None:
        own, arrivals = self.state.of_function[function], self.state.arrivals[function]
        own[at.NEXT_TIME], own[at.NEXT_ORDER] = NEVER, self.state.counters[at.ORDER]
        self.state.counters[at.ORDER] += 1
        block = next(self._times[function], None)
        if block is None:
            return
        arrivals[: block.size] = block
        own[at.NEXT_TIME], own[at.ARRIVALS] = arrivals[0], block.size

    def _new_state(self, setting: Setting) -> State:
        functions, keys = len(setting.functions), len(setting.keys)
        minutes = [window_state(setting.window, limit) for limit in setting.minute_limits]
        width = max(len(window) for window in minutes)
        counters = np.zeros(at.COUNTERS, dtype=np.int64)
        counters[at.FREE_ISOLATES] = counters[at.FREE_REQUESTS] = FIRST_ROOM
        rows = (1 << 16) + 4 * keys if self.plan.keeps_trace else 0
        return State(
            counters=counters,
            of_function=_zeros(functions, at.FUNCTION_COLUMNS),
            arrivals=_zeros(functions, BLOCK + 1),
            draws=np.zeros((functions, TRIGGER, BLOCK)),
            drawn=np.full((functions, TRIGGER), BLOCK, dtype=np.int64),
            minutes=np.array([window + [0] * (width - len(window)) for window in minutes], dtype=np.int64),
            days=np.array([day_state() for _ in setting.day_limits], dtype=np.int64),
            shared=np.ones(len(setting.pool_size), dtype=np.int64),
            picks=_zeros(keys),
            rooms=_zeros(keys),
            held=np.full((functions, max(f.slots for f in setting.functions)), -1, dtype=np.int64),
            idle=_zeros(functions, FIRST_ROOM),
            isolates=_zeros(FIRST_ROOM, at.ISOLATE_COLUMNS),
            free_isolates=np.arange(FIRST_ROOM, dtype=np.int64),
            requests=_zeros(FIRST_ROOM, at.REQUEST_COLUMNS),
            free_requests=np.arange(FIRST_ROOM, dtype=np.int64),
            heap=_zeros(FIRST_ROOM, 3),
            by_function=self.tally.functions,
            by_key=self.tally.keys,
            by_pool=self.tally.pools,
            trace=_zeros(rows, TRACE_COLUMNS),
        )


def _plan(setting: Setting, keep_trace: bool) -> Plan:
    functions = [
        (
            f.pool, f.kind, f.slots, f.life, f.boot_least, f.boot_span, f.preflight, f.expiry, f.cap,
            f.warm, f.cold, f.is_constant,
        )
        for f in setting.functions
    ]  # fmt: skip
    return Plan(
        warm=setting.warm,
        end=setting.end,
        policy=setting.policy,
        window=setting.window,
        charge_rejected=setting.scenario.charge_rejected,
        picks_per_request=setting.scenario.picks_per_request,
        keeps_trace=keep_trace,
        reaction=setting.reaction,
        functions=np.array(functions, dtype=np.int64),
        pool_first=np.array(setting.pool_first, dtype=np.int64),
        pool_size=np.array(setting.pool_size, dtype=np.int64),
        key_quota=np.array(setting.key_quota, dtype=np.int64),
        minute_limits=np.array(setting.minute_limits, dtype=np.int64),
        day_limits=np.array(setting.day_limits, dtype=np.int64),
        midnights=setting.midnights,
        deployments=np.array(setting.deployments, dtype=np.int64),
    )


def _zeros(*shape: int) -> NDArray[np.int64]:
    return np.zeros(shape, dtype=np.int64)


def _doubled(
    rows: NDArray[np.int64], free: NDArray[np.int64], counters: NDArray[np.int64], place: int, name: str
) -> dict[str, NDArray[np.int64]]:
    size, left = rows.shape[0], int(counters[place])
    more = np.concatenate([free[:left], np.arange(size, 2 * size), np.zeros(size - left, dtype=np.int64)])
    counters[place] = left + size
    return {name: np.concatenate([rows, np.zeros_like(rows)]), f"free_{name}": more}


def _step(plan: Plan, state: State, closes: bool) -> int:
    if closes:
        close(plan, state)
        return at.DONE
    return advance(plan, state)


def _compiled_modules() -> list[ModuleType]:
    """Return the modules whose functions the kernel consists of."""
    from keyrota.quota import windows
    from keyrota.rotation import policies
    from keyrota.simulation import reactions, tally
    from keyrota.simulation.kernel import calls, instances, loop, queues

    return [policies, windows, reactions, tally, at, queues, instances, calls, loop]


def compiled_sources() -> list[ModuleType]:
    """Return all modules whose text decides what the machine code is: constants are compiled in too."""
    from keyrota.simulation import draws, setting, trace

    return [*_compiled_modules(), sys.modules[__name__], draws, setting, trace]


@cache
def machine_code() -> Advance:
    """Return the compiled kernel: from the cache on disk, or compiled now, which takes a while."""
    from numba.extending import register_jitable

    known: list[Any] = [*functions_of(_compiled_modules()), _step]
    for function in known:
        register_jitable(_nrt=False, forceinline=True)(function)
    return compiled(_step, fingerprint_of(compiled_sources()))
