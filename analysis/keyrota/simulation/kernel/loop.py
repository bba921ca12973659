"""The loop over moments, and a request's way from arrival to answer."""

from __future__ import annotations

from keyrota.quota.windows import ADMITTED
from keyrota.simulation.draws import PREFLIGHT, SERVICE
from keyrota.simulation.kernel.calls import WAITS, call_keys
from keyrota.simulation.kernel.instances import end_isolate, in_slot, meet
from keyrota.simulation.kernel.layout import (
    AFTER_PREFLIGHT,
    ARRIVAL,
    ARRIVALS,
    ARRIVED,
    BUDGET,
    AT_WORK,
    BOOTED,
    BUSY_UNTIL,
    BUSY_US,
    COLD,
    COUNTS,
    DONE,
    ENDS,
    EXPIRY,
    FINISHED,
    FIRST_429,
    FIRST_REJECTION,
    FREE_ISOLATES,
    FREE_REQUESTS,
    FUNCTION,
    HAS_PREFLIGHT,
    HOLDERS,
    IDLE_UNTIL,
    IS_COLD,
    IS_CONSTANT,
    IS_LAST,
    ISOLATE,
    KIND,
    MADE,
    MARGIN,
    N_COLD,
    N_REJECTED,
    N_REQUESTS,
    N_TURNED_AWAY,
    NEXT_ORDER,
    NEXT_TIME,
    NUMBER,
    ORDER,
    PHASE,
    POOL,
    READY,
    REQUEST,
    REQUESTS,
    ROWS,
    SLOTS,
    WAITING,
    WANTED,
    WANTS_ARRIVALS,
    WANTS_DRAWS,
    WANTS_ROOM,
    WARM,
    WORKING,
    Plan,
    State,
)
from keyrota.simulation.kernel.queues import events_left, forget, pop, push_idle, record, release, take, wait
from keyrota.simulation.setting import NEVER, SCALE_PER_REQUEST
from keyrota.simulation.tally import overlap_us
from keyrota.simulation.trace import INVOCATION


def advance(plan: Plan, state: State) -> int:
    """Go on until the run is done or something is wanted; return which."""
    counters, of_function = state.counters, state.of_function
    trace_margin = 2 * state.rooms.size + 16
    while True:
        function, now, order = -1, NEVER, -1
        for index in range(of_function.shape[0]):
            moment = of_function[index, NEXT_TIME]
            if moment < now or (moment == now and of_function[index, NEXT_ORDER] < order):
                function, now, order = index, moment, of_function[index, NEXT_ORDER]
        is_arrival = function >= 0
        if counters[WAITING] > 0 and (
            state.heap[0, 0] < now or (state.heap[0, 0] == now and state.heap[0, 1] < order)
        ):
            is_arrival = False
            now = state.heap[0, 0]
            function = state.requests[state.heap[0, 2], FUNCTION]
        if function < 0:
            return DONE
        if (
            counters[FREE_ISOLATES] < MARGIN
            or counters[FREE_REQUESTS] < MARGIN
            or (plan.keeps_trace and counters[ROWS] + trace_margin > state.trace.shape[0])
        ):
            return WANTS_ROOM
        if of_function[function, BUDGET] == 0:
            of_function[function, BUDGET] = events_left(state, function)
            if of_function[function, BUDGET] == 0:
                counters[WANTED] = function
                return WANTS_DRAWS
        of_function[function, BUDGET] -= 1
        if is_arrival:
            place = of_function[function, ARRIVAL] + 1
            if place < of_function[function, ARRIVALS]:
                of_function[function, NEXT_TIME] = state.arrivals[function, place]
            elif of_function[function, IS_LAST]:
                of_function[function, NEXT_TIME] = NEVER
            else:
                counters[WANTED] = function
                return WANTS_ARRIVALS
            of_function[function, ARRIVAL] = place
            of_function[function, NEXT_ORDER] = counters[ORDER]
            counters[ORDER] += 1
            arrive(plan, state, function, now)
        else:
            request = pop(state)
            phase = state.requests[request, PHASE]
            if phase == AT_WORK:
                work(plan, state, request, now)
            elif phase == AFTER_PREFLIGHT:
                send(plan, state, request, now)
            else:
                leave(plan, state, request, now)


def arrive(plan: Plan, state: State, function: int, now: int) -> None:
    """Let a request arrive."""
    counters = state.counters
    counters[FREE_REQUESTS] -= 1
    request = state.free_requests[counters[FREE_REQUESTS]]
    row = state.requests[request]
    row[FUNCTION] = function
    row[REQUEST] = state.of_function[function, REQUESTS]
    row[COUNTS] = now >= plan.warm
    row[MADE] = 0
    row[FIRST_REJECTION] = NEVER
    state.of_function[function, REQUESTS] += 1
    if plan.functions[function, HAS_PREFLIGHT]:
        slot = int(take(state, function, PREFLIGHT) * plan.functions[function, SLOTS])
        isolate = in_slot(plan, state, function, slot, now)
        if state.isolates[isolate, READY] > now:
            wait(state, request, AFTER_PREFLIGHT, state.isolates[isolate, READY])
            return
    send(plan, state, request, now)


def send(plan: Plan, state: State, request: int, now: int) -> None:
    """Bring a request to its isolate."""
    row = state.requests[request]
    function, counts = row[FUNCTION], row[COUNTS]
    before = state.of_function[function, BOOTED]
    isolate = meet(plan, state, function, now)
    is_cold = state.of_function[function, BOOTED] > before
    row[ARRIVED] = now
    row[IS_COLD] = is_cold
    row[ISOLATE] = isolate
    state.by_function[function, N_REQUESTS] += counts
    if isolate < 0:
        state.by_function[function, N_TURNED_AWAY] += counts
        record(plan, state, now, INVOCATION, function, -1, row[REQUEST], -1, 0, 0, 503)
        forget(state, request)
        return
    if is_cold:
        state.by_function[function, N_COLD] += counts
    state.isolates[isolate, HOLDERS] += 1
    if state.isolates[isolate, READY] > now:
        wait(state, request, AT_WORK, state.isolates[isolate, READY])
    else:
        work(plan, state, request, now)


def work(plan: Plan, state: State, request: int, now: int) -> None:
    """Let a request make its calls."""
    answer = call_keys(plan, state, request, now)
    if answer != WAITS:
        answered(plan, state, request, answer, now)


def answered(plan: Plan, state: State, request: int, answer: int, now: int) -> None:
    """Go on after a request's last call: its work, or its 429."""
    row = state.requests[request]
    function, isolate = row[FUNCTION], row[ISOLATE]
    own = plan.functions[function]
    is_scaled = own[KIND] == SCALE_PER_REQUEST
    status, end = 200, now
    if answer == ADMITTED:
        duration = own[COLD] if row[IS_COLD] else own[WARM]
        if not own[IS_CONSTANT]:
            duration = int(take(state, function, SERVICE) * duration)
        end = now + duration
        if not is_scaled:
            busy = state.isolates[isolate, BUSY_UNTIL]
            state.by_function[function, BUSY_US] += overlap_us(max(now, busy), end, plan.warm, plan.end)
            state.isolates[isolate, BUSY_UNTIL] = max(end, busy)
    else:
        status = 429
        pool = own[POOL]
        state.by_function[function, N_REJECTED] += row[COUNTS]
        state.by_pool[pool, FIRST_429] = min(state.by_pool[pool, FIRST_429], now)
    number = state.isolates[isolate, NUMBER]
    record(plan, state, end, INVOCATION, function, number, row[REQUEST], -1, end - row[ARRIVED], 0, status)
    if is_scaled and answer == ADMITTED:
        wait(state, request, FINISHED, end)
    else:
        leave(plan, state, request, now)


def leave(plan: Plan, state: State, request: int, now: int) -> None:
    """Let a request leave its isolate."""
    function, isolate = state.requests[request, FUNCTION], state.requests[request, ISOLATE]
    forget(state, request)
    release(state, isolate)
    if plan.functions[function, KIND] != SCALE_PER_REQUEST:
        return
    row = state.isolates[isolate]
    state.of_function[function, WORKING] -= 1
    state.by_function[function, BUSY_US] += overlap_us(row[BUSY_UNTIL], now, plan.warm, plan.end)
    if now >= row[ENDS]:
        end_isolate(plan, state, function, isolate, now)
        release(state, isolate)
        return
    row[IDLE_UNTIL] = min(now + plan.functions[function, EXPIRY], row[ENDS])
    push_idle(state, function, isolate)
