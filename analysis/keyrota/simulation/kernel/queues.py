"""Who waits for what: the heap of moments, the idle instances, rows that are free, the trace."""

from __future__ import annotations

from keyrota.simulation.kernel import layout as at
from keyrota.simulation.kernel.layout import Plan, State


def events_left(state: State, function: int) -> int:
    """Return for how many events of a function the numbers of each of its streams suffice."""
    most = 0
    for quantity in range(state.drawn.shape[1]):
        most = max(most, state.drawn[function, quantity])
    return int((state.draws.shape[2] - most) // at.MARGIN)


def take(state: State, function: int, quantity: int) -> float:
    """Return the next number of a stream."""
    place = state.drawn[function, quantity]
    state.drawn[function, quantity] = place + 1
    return float(state.draws[function, quantity, place])


def forget(state: State, request: int) -> None:
    """Give a request's row back."""
    state.free_requests[state.counters[at.FREE_REQUESTS]] = request
    state.counters[at.FREE_REQUESTS] += 1


def release(state: State, isolate: int) -> None:
    """Let go of an isolate; its row is given back when nobody holds it any more."""
    state.isolates[isolate, at.HOLDERS] -= 1
    if state.isolates[isolate, at.HOLDERS] == 0:
        state.free_isolates[state.counters[at.FREE_ISOLATES]] = isolate
        state.counters[at.FREE_ISOLATES] += 1


def record(
    plan: Plan, state: State, time: int, kind: int, function: int, isolate: int, request: int, key: int,
    value: int, cause: int, status: int,
) -> None:  # fmt: skip
    """Keep a row of the trace."""
    if not plan.keeps_trace:
        return
    row = state.trace[state.counters[at.ROWS]]
    row[0], row[1], row[2], row[3], row[4] = time, kind, function, isolate, request
    row[5], row[6], row[7], row[8] = key, value, cause, status
    state.counters[at.ROWS] += 1


def wait(state: State, request: int, phase: int, moment: int) -> None:
    """Put a request into the heap: first by moment, then by order."""
    state.requests[request, at.PHASE] = phase
    order, heap = state.counters[at.ORDER], state.heap
    state.counters[at.ORDER] += 1
    place = state.counters[at.WAITING]
    state.counters[at.WAITING] += 1
    while place > 0:
        parent = (place - 1) // 2
        if heap[parent, 0] <= moment:  # of equal moments, the one that is there came first
            break
        heap[place, 0], heap[place, 1], heap[place, 2] = heap[parent, 0], heap[parent, 1], heap[parent, 2]
        place = parent
    heap[place, 0], heap[place, 1], heap[place, 2] = moment, order, request


def pop(state: State) -> int:
    """Take the first request out of the heap."""
    heap = state.heap
    first = heap[0, 2]
    state.counters[at.WAITING] -= 1
    size = state.counters[at.WAITING]
    moment, order, request = heap[size, 0], heap[size, 1], heap[size, 2]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        other = child + 1
        if other < size and (
            heap[other, 0] < heap[child, 0]
            or (heap[other, 0] == heap[child, 0] and heap[other, 1] < heap[child, 1])
        ):
            child = other
        if heap[child, 0] > moment or (heap[child, 0] == moment and heap[child, 1] > order):
            break
        heap[place, 0], heap[place, 1], heap[place, 2] = heap[child, 0], heap[child, 1], heap[child, 2]
        place = child
    heap[place, 0], heap[place, 1], heap[place, 2] = moment, order, request
    return int(first)


def push_idle(state: State, function: int, isolate: int) -> None:
    """Put an instance among the idle ones: the one created last comes first."""
    idle, number = state.idle[function], state.isolates[isolate, at.NUMBER]
    place = state.of_function[function, at.IDLE]
    state.of_function[function, at.IDLE] += 1
    while place > 0:
        parent = (place - 1) // 2
        if state.isolates[idle[parent], at.NUMBER] >= number:
            break
        idle[place] = idle[parent]
        place = parent
    idle[place] = isolate


def pop_idle(state: State, function: int) -> int:
    """Take the idle instance that was created last."""
    idle = state.idle[function]
    first = idle[0]
    state.of_function[function, at.IDLE] -= 1
    size = state.of_function[function, at.IDLE]
    last, place = idle[size], 0
    number = state.isolates[last, at.NUMBER]
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and (
            state.isolates[idle[child + 1], at.NUMBER] > state.isolates[idle[child], at.NUMBER]
        ):
            child += 1
        if state.isolates[idle[child], at.NUMBER] < number:
            break
        idle[place] = idle[child]
        place = child
    idle[place] = last
    return int(first)
