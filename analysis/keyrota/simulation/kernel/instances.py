"""Isolates in arrays: which one a request meets, when one boots, when one ends."""

from __future__ import annotations

from keyrota.quota.windows import day_number
from keyrota.rotation.policies import first_position
from keyrota.simulation.draws import BOOT as BOOT_DRAW
from keyrota.simulation.draws import SLOT, START
from keyrota.simulation.kernel import layout as at
from keyrota.simulation.kernel.layout import Plan, State
from keyrota.simulation.kernel.queues import pop_idle, record, release, take
from keyrota.simulation.setting import HOSTED, NEVER, SCALE_PER_REQUEST
from keyrota.simulation.tally import overlap_us
from keyrota.simulation.trace import BOOT, DEPLOYED, EARLY_DROP, SHUTDOWN


def meet(plan: Plan, state: State, function: int, now: int) -> int:
    """Return the isolate that a request meets, booted for it if need be; -1 at the cap."""
    kind = plan.functions[function, at.KIND]
    if kind == HOSTED:
        slot = int(take(state, function, SLOT) * plan.functions[function, at.SLOTS])
        return in_slot(plan, state, function, slot, now)
    if kind != SCALE_PER_REQUEST:
        return in_slot(plan, state, function, 0, now)
    own = state.of_function[function]
    while own[at.IDLE] > 0:
        isolate = pop_idle(state, function)
        if now < state.isolates[isolate, at.IDLE_UNTIL]:
            own[at.WORKING] += 1
            state.isolates[isolate, at.BUSY_UNTIL] = now
            return isolate
        end_isolate(plan, state, function, isolate, state.isolates[isolate, at.IDLE_UNTIL])
        release(state, isolate)
    if own[at.WORKING] == plan.functions[function, at.CAP]:
        return -1
    own[at.WORKING] += 1
    isolate = boot(plan, state, function, now)
    state.isolates[isolate, at.BUSY_UNTIL] = now
    return isolate


def in_slot(plan: Plan, state: State, function: int, slot: int, now: int) -> int:
    """Return the isolate in a slot, booted if there is none that still takes requests."""
    isolate = state.held[function, slot]
    if isolate >= 0:
        if now < state.isolates[isolate, at.ENDS]:
            return int(isolate)
        release(state, isolate)
    isolate = boot(plan, state, function, now)
    state.held[function, slot] = isolate
    end_isolate(plan, state, function, isolate, state.isolates[isolate, at.ENDS])
    return isolate


def boot(plan: Plan, state: State, function: int, now: int) -> int:
    """Return a new isolate, held once."""
    state.counters[at.FREE_ISOLATES] -= 1
    isolate = state.free_isolates[state.counters[at.FREE_ISOLATES]]
    own, row = plan.functions[function], state.isolates[isolate]
    duration = own[at.BOOT_LEAST] + int(take(state, function, BOOT_DRAW) * own[at.BOOT_SPAN])
    uniform = take(state, function, START)
    row[at.NUMBER] = state.of_function[function, at.BOOTED]
    state.of_function[function, at.BOOTED] += 1
    row[at.BORN] = now
    row[at.READY] = now + duration
    row[at.REPLACED] = plan.deployments[day_number(plan.deployments, now) + 1]
    row[at.ENDS] = min(now + own[at.LIFE], row[at.REPLACED])
    row[at.POSITION] = first_position(plan.policy, uniform, plan.pool_size[own[at.POOL]])
    row[at.BUSY_UNTIL] = 0
    row[at.IDLE_UNTIL] = NEVER
    row[at.HOLDERS] = 1
    record(plan, state, now, BOOT, function, row[at.NUMBER], -1, -1, duration, 0, 0)
    return int(isolate)


def end_isolate(plan: Plan, state: State, function: int, isolate: int, moment: int) -> None:
    """Count an isolate's whole life."""
    row, counts = state.isolates[isolate], state.by_function[function]
    counts[at.ALIVE_US] += overlap_us(row[at.BORN], moment, plan.warm, plan.end)
    if moment > plan.end:
        return
    reason = DEPLOYED if moment >= row[at.REPLACED] else EARLY_DROP
    record(plan, state, moment, SHUTDOWN, function, row[at.NUMBER], -1, -1, reason, 0, 0)
    if moment >= plan.warm:
        counts[at.N_ENDED] += 1
        counts[at.LIFE_US] += (moment - row[at.BORN]) // 1000


def close(plan: Plan, state: State) -> None:
    """Count the instances that are idle at last."""
    for function in range(state.of_function.shape[0]):
        while state.of_function[function, at.IDLE] > 0:
            isolate = pop_idle(state, function)
            end_isolate(plan, state, function, isolate, state.isolates[isolate, at.IDLE_UNTIL])
