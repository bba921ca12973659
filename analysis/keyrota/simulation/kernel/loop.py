"""The loop over moments, and a request's way from arrival to answer."""

from __future__ import annotations

from keyrota.quota.windows import ADMITTED
from keyrota.simulation.draws import PREFLIGHT, SERVICE
from keyrota.simulation.kernel import layout as at
from keyrota.simulation.kernel.calls import WAITS, call_keys
from keyrota.simulation.kernel.instances import end_isolate, in_slot, meet
from keyrota.simulation.kernel.layout import Plan, State
from keyrota.simulation.kernel.queues import events_left, forget, pop, push_idle, record, release, take, wait
from keyrota.simulation.setting import NEVER, SCALE_PER_REQUEST
from keyrota.simulation.tally import overlap_us
from keyrota.simulation.trace import INVOCATION


def advance(plan: Plan, state: State) -> int:
    """Go on until the run is done or something is wanted; return which."""
    counters, of_function = state.counters, state.of_function
    most_rows = 2 * state.rooms.size + 16  # of an event, but for the ends of instances that were idle
    while True:
        function, now, order = -1, NEVER, -1
        for index in range(of_function.shape[0]):
            moment = of_function[index, at.NEXT_TIME]
            if moment < now or (moment == now and of_function[index, at.NEXT_ORDER] < order):
                function, now, order = index, moment, of_function[index, at.NEXT_ORDER]
        is_arrival = function >= 0
        if counters[at.WAITING] > 0 and (
            state.heap[0, 0] < now or (state.heap[0, 0] == now and state.heap[0, 1] < order)
        ):
            is_arrival = False
            now = state.heap[0, 0]
            function = state.requests[state.heap[0, 2], at.FUNCTION]
        if function < 0:
            return at.DONE
        if (
            counters[at.FREE_ISOLATES] < at.MARGIN
            or counters[at.FREE_REQUESTS] < at.MARGIN
            or (
                plan.keeps_trace
                and counters[at.ROWS] + most_rows + of_function[function, at.IDLE] > state.trace.shape[0]
            )
        ):
            return at.WANTS_ROOM
        if of_function[function, at.BUDGET] == 0:
            of_function[function, at.BUDGET] = events_left(state, function)
            if of_function[function, at.BUDGET] == 0:
                counters[at.WANTED] = function
                return at.WANTS_DRAWS
        of_function[function, at.BUDGET] -= 1
        if is_arrival:
            place = of_function[function, at.ARRIVAL] + 1
            if place < of_function[function, at.ARRIVALS]:
                of_function[function, at.NEXT_TIME] = state.arrivals[function, place]
            elif of_function[function, at.IS_LAST]:
                of_function[function, at.NEXT_TIME] = NEVER
            else:
                counters[at.WANTED] = function
                return at.WANTS_ARRIVALS
            of_function[function, at.ARRIVAL] = place
            of_function[function, at.NEXT_ORDER] = counters[at.ORDER]
            counters[at.ORDER] += 1
            arrive(plan, state, function, now)
        else:
            request = pop(state)
            phase = state.requests[request, at.PHASE]
            if phase == at.AT_WORK:
                work(plan, state, request, now)
            elif phase == at.AFTER_PREFLIGHT:
                send(plan, state, request, now)
            else:
                leave(plan, state, request, now)


def arrive(plan: Plan, state: State, function: int, now: int) -> None:
    """Let a request arrive."""
    counters = state.counters
    counters[at.FREE_REQUESTS] -= 1
    request = state.free_requests[counters[at.FREE_REQUESTS]]
    row = state.requests[request]
    row[at.FUNCTION] = function
    row[at.REQUEST] = state.of_function[function, at.REQUESTS]
    row[at.COUNTS] = now >= plan.warm
    row[at.MADE] = 0
    row[at.FIRST_REJECTION] = NEVER
    state.of_function[function, at.REQUESTS] += 1
    if plan.functions[function, at.HAS_PREFLIGHT]:
        slot = int(take(state, function, PREFLIGHT) * plan.functions[function, at.SLOTS])
        isolate = in_slot(plan, state, function, slot, now)
        if state.isolates[isolate, at.READY] > now:
            wait(state, request, at.AFTER_PREFLIGHT, state.isolates[isolate, at.READY])
            return
    send(plan, state, request, now)


def send(plan: Plan, state: State, request: int, now: int) -> None:
    """Bring a request to its isolate."""
    row = state.requests[request]
    function, counts = row[at.FUNCTION], row[at.COUNTS]
    before = state.of_function[function, at.BOOTED]
    isolate = meet(plan, state, function, now)
    is_cold = state.of_function[function, at.BOOTED] > before
    row[at.ARRIVED] = now
    row[at.IS_COLD] = is_cold
    row[at.ISOLATE] = isolate
    state.by_function[function, at.N_REQUESTS] += counts
    if isolate < 0:
        state.by_function[function, at.N_TURNED_AWAY] += counts
        record(plan, state, now, INVOCATION, function, -1, row[at.REQUEST], -1, 0, 0, 503)
        forget(state, request)
        return
    if is_cold:
        state.by_function[function, at.N_COLD] += counts
    state.isolates[isolate, at.HOLDERS] += 1
    if state.isolates[isolate, at.READY] > now:
        wait(state, request, at.AT_WORK, state.isolates[isolate, at.READY])
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
    function, isolate = row[at.FUNCTION], row[at.ISOLATE]
    own = plan.functions[function]
    is_scaled = own[at.KIND] == SCALE_PER_REQUEST
    status, end = 200, now
    if answer == ADMITTED:
        duration = own[at.COLD] if row[at.IS_COLD] else own[at.WARM]
        if not own[at.IS_CONSTANT]:
            duration = int(take(state, function, SERVICE) * duration)
        end = now + duration
        if not is_scaled:
            busy = state.isolates[isolate, at.BUSY_UNTIL]
            state.by_function[function, at.BUSY_US] += overlap_us(max(now, busy), end, plan.warm, plan.end)
            state.isolates[isolate, at.BUSY_UNTIL] = max(end, busy)
    else:
        status = 429
        pool = own[at.POOL]
        state.by_function[function, at.N_REJECTED] += row[at.COUNTS]
        if row[at.COUNTS]:
            state.by_pool[pool, at.FIRST_429] = min(state.by_pool[pool, at.FIRST_429], now)
    number = state.isolates[isolate, at.NUMBER]
    record(
        plan, state, end, INVOCATION, function, number, row[at.REQUEST], -1, end - row[at.ARRIVED], 0, status
    )
    if is_scaled and answer == ADMITTED:
        wait(state, request, at.FINISHED, end)
    else:
        leave(plan, state, request, now)


def leave(plan: Plan, state: State, request: int, now: int) -> None:
    """Let a request leave its isolate."""
    function, isolate = state.requests[request, at.FUNCTION], state.requests[request, at.ISOLATE]
    forget(state, request)
    release(state, isolate)
    if plan.functions[function, at.KIND] != SCALE_PER_REQUEST:
        return
    row = state.isolates[isolate]
    state.of_function[function, at.WORKING] -= 1
    state.by_function[function, at.BUSY_US] += overlap_us(row[at.BUSY_UNTIL], now, plan.warm, plan.end)
    if now >= row[at.ENDS]:
        end_isolate(plan, state, function, isolate, now)
        release(state, isolate)
        return
    row[at.IDLE_UNTIL] = min(now + plan.functions[function, at.EXPIRY], row[at.ENDS])
    push_idle(state, function, isolate)
