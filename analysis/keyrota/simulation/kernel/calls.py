"""Picks and calls in arrays: which key, whether it passes, what the client does next."""

from __future__ import annotations

from typing import Final

from keyrota.quota.windows import (
    ADMITTED,
    PER_DAY,
    UNLIMITED,
    call,
    day_number,
    day_room,
    free_at,
    quota_room,
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
from keyrota.simulation.draws import CHOICE, JITTER
from keyrota.simulation.kernel import layout as at
from keyrota.simulation.kernel.layout import Ints, Plan, State
from keyrota.simulation.kernel.queues import record, take, wait
from keyrota.simulation.reactions import FAILOVER, GIVES_UP, delay_after
from keyrota.simulation.setting import NEVER
from keyrota.simulation.trace import PICK, REJECTION

WAITS: Final = -1
"""The answer of a request that waits before it calls again."""


def call_keys(plan: Plan, state: State, request: int, now: int) -> int:
    """Pick keys and call until a call passes or the client gives up; the last answer, or `WAITS`."""
    row = state.requests[request]
    function, isolate, counts = row[at.FUNCTION], row[at.ISOLATE], row[at.COUNTS]
    pool, reaction = plan.functions[function, at.POOL], plan.reaction
    size, answer = plan.pool_size[pool], ADMITTED
    number = state.isolates[isolate, at.NUMBER]
    while True:
        for _ in range(plan.picks_per_request if row[at.MADE] == 0 else 1):
            row[at.KEY] = pick(plan, state, row, now)
            state.by_key[row[at.KEY], at.N_PICKS] += counts
            record(plan, state, now, PICK, function, number, row[at.REQUEST], row[at.KEY], 0, 0, 0)
        key = row[at.KEY]
        quota = plan.key_quota[key]
        today = day_number(plan.midnights, now)
        answer = call(
            plan.window, plan.minute_limits[quota], state.minutes[quota],
            plan.day_limits[quota], state.days[quota], today, now, plan.charge_rejected,
        )  # fmt: skip
        row[at.MADE] += 1
        state.by_key[key, at.N_CALLS] += counts
        if answer == ADMITTED or plan.charge_rejected:
            note_exhaustion(plan, state, pool, key, today, now)
        if answer == ADMITTED:
            break
        state.by_key[key, at.N_PER_DAY if answer == PER_DAY else at.N_PER_MINUTE] += counts
        if plan.policy == STICKY:
            state.isolates[isolate, at.POSITION] = following(key - plan.pool_first[pool] + 1, size)
        if answer == PER_DAY:
            stated = plan.midnights[today + 1] - now
        else:
            stated = free_at(plan.window, plan.minute_limits[quota], state.minutes[quota], now) - now
        record(plan, state, now, REJECTION, function, number, row[at.REQUEST], key, stated, answer, 429)
        row[at.FIRST_REJECTION] = min(row[at.FIRST_REJECTION], now)
        if reaction.kind == FAILOVER:
            if row[at.MADE] >= min(reaction.tries, size):
                break
            continue
        uniform = take(state, function, JITTER) if row[at.MADE] < reaction.tries else 0.0
        delay = delay_after(reaction, row[at.MADE], row[at.FIRST_REJECTION], now, stated, uniform)
        if delay == GIVES_UP:
            break
        wait(state, request, at.AT_WORK, now + delay)
        return WAITS
    return int(answer)


def pick(plan: Plan, state: State, row: Ints, now: int) -> int:
    """Return the key that a request's next pick takes, and move the counters."""
    function, isolate = row[at.FUNCTION], row[at.ISOLATE]
    pool = plan.functions[function, at.POOL]
    first, size = plan.pool_first[pool], plan.pool_size[pool]
    if row[at.MADE] > 0 and plan.reaction.kind == FAILOVER:
        position = following(row[at.KEY] - first + 1, size)
    elif plan.policy == LEAST_USED:
        today = day_number(plan.midnights, now)
        for key in range(first, first + size):
            quota = plan.key_quota[key]
            state.rooms[key] = quota_room(
                plan.window, plan.minute_limits[quota], state.minutes[quota],
                plan.day_limits[quota], state.days[quota], today, now,
            )  # fmt: skip
        position = roomiest(state.rooms[first : first + size], state.picks[first : first + size])
    elif plan.policy == RANDOM:
        position = random_position(take(state, function, CHOICE), size)
    elif plan.policy == SHARED:
        position = state.shared[pool]
    else:
        position = state.isolates[isolate, at.POSITION]
    state.isolates[isolate, at.POSITION] = next_position(plan.policy, position, size)
    state.shared[pool] = following(position, size)
    key = first + position - 1
    state.picks[key] += 1
    return int(key)


def note_exhaustion(plan: Plan, state: State, pool: int, key: int, today: int, now: int) -> None:
    """Note the call that is the last which the keys of a pool had left for the day."""
    if now < plan.warm or plan.day_limits[plan.key_quota[key]] == UNLIMITED:
        return
    if state.by_pool[pool, at.EXHAUSTED] != NEVER:
        return
    if day_room(plan.day_limits[plan.key_quota[key]], state.days[plan.key_quota[key]], today) > 0:
        return
    for other in range(plan.pool_first[pool], plan.pool_first[pool] + plan.pool_size[pool]):
        quota = plan.key_quota[other]
        limit = plan.day_limits[quota]
        if limit == UNLIMITED or day_room(limit, state.days[quota], today) > 0:
            return
    state.by_pool[pool, at.EXHAUSTED] = now
