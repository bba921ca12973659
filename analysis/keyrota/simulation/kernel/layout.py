"""Where everything lies: the columns of the kernel's tables, what stays and what changes in a run."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from keyrota.simulation.reactions import Reaction
from keyrota.simulation.tally import OfFunction, OfKey, OfPool

Ints = NDArray[np.int64]

# What `advance` returns.
DONE: Final = 0
WANTS_DRAWS: Final = 1
WANTS_ARRIVALS: Final = 2
WANTS_ROOM: Final = 3

# Columns of Plan.functions.
POOL: Final = 0
KIND: Final = 1
SLOTS: Final = 2
LIFE: Final = 3
BOOT_LEAST: Final = 4
BOOT_SPAN: Final = 5
HAS_PREFLIGHT: Final = 6
EXPIRY: Final = 7
CAP: Final = 8
WARM: Final = 9
COLD: Final = 10
IS_CONSTANT: Final = 11

# Columns of State.isolates.
NUMBER: Final = 0
BORN: Final = 1
READY: Final = 2
ENDS: Final = 3
REPLACED: Final = 4
POSITION: Final = 5
BUSY_UNTIL: Final = 6
IDLE_UNTIL: Final = 7
HOLDERS: Final = 8  # the slot and the requests that still need it
ISOLATE_COLUMNS: Final = 9

# Columns of State.requests.
FUNCTION: Final = 0
REQUEST: Final = 1
COUNTS: Final = 2
PHASE: Final = 3
ISOLATE: Final = 4
ARRIVED: Final = 5
MADE: Final = 6
FIRST_REJECTION: Final = 7
IS_COLD: Final = 8
KEY: Final = 9
REQUEST_COLUMNS: Final = 10

# Phases of a request that waits in the heap: what comes when its moment is there.
AFTER_PREFLIGHT: Final = 0
AT_WORK: Final = 1  # pick and call: after a boot, or once more after a wait
FINISHED: Final = 2

# Columns of State.of_function.
NEXT_TIME: Final = 0
NEXT_ORDER: Final = 1
ARRIVAL: Final = 2  # place of the next arrival in its block
ARRIVALS: Final = 3  # length of the block
IS_LAST: Final = 4  # whether no block follows
REQUESTS: Final = 5
BOOTED: Final = 6
WORKING: Final = 7
IDLE: Final = 8
BUDGET: Final = 9  # events for which the numbers suffice
FUNCTION_COLUMNS: Final = 10

# Places of State.counters.
ORDER: Final = 0  # of the next event, so that ties go first in, first out
WAITING: Final = 1  # size of the heap
FREE_ISOLATES: Final = 2
FREE_REQUESTS: Final = 3
ROWS: Final = 4  # of the trace
WANTED: Final = 5  # the function that wants draws or arrivals
COUNTERS: Final = 6

MARGIN: Final = 2
"""No event takes more numbers of one stream than this, or makes more isolates."""

N_REQUESTS: Final = int(OfFunction.REQUESTS)
N_REJECTED: Final = int(OfFunction.REJECTED)
N_COLD: Final = int(OfFunction.COLD)
N_TURNED_AWAY: Final = int(OfFunction.TURNED_AWAY)
N_ENDED: Final = int(OfFunction.ENDED)
LIFE_US: Final = int(OfFunction.LIFE_US)
ALIVE_US: Final = int(OfFunction.ALIVE_US)
BUSY_US: Final = int(OfFunction.BUSY_US)
N_PICKS: Final = int(OfKey.PICKS)
N_CALLS: Final = int(OfKey.CALLS)
N_PER_MINUTE: Final = int(OfKey.PER_MINUTE)
N_PER_DAY: Final = int(OfKey.PER_DAY)
FIRST_429: Final = int(OfPool.FIRST_REJECTION)
EXHAUSTED: Final = int(OfPool.EXHAUSTED)


class Plan(NamedTuple):
    """What does not change in a run; see `keyrota.simulation.setting.Setting`."""

    warm: int
    end: int
    policy: int
    window: int
    charge_rejected: bool
    picks_per_request: int
    keeps_trace: bool
    reaction: Reaction
    functions: Ints
    pool_first: Ints
    pool_size: Ints
    key_quota: Ints
    minute_limits: Ints
    day_limits: Ints
    midnights: Ints
    deployments: Ints


class State(NamedTuple):
    """What changes: arrays, kept between the calls of `advance`."""

    counters: Ints
    of_function: Ints  # (functions, FUNCTION_COLUMNS)
    arrivals: Ints  # (functions, block)
    draws: NDArray[np.float64]  # (functions, quantities, block)
    drawn: Ints  # (functions, quantities)
    minutes: Ints  # (quotas, longest window state)
    days: Ints  # (quotas, 2)
    shared: Ints  # (pools,)
    picks: Ints  # (keys,)
    rooms: Ints  # (keys,)
    held: Ints  # (functions, slots): isolate in a slot, -1 for none
    idle: Ints  # (functions, isolates): heap of idle instances, newest first
    isolates: Ints  # (isolates, ISOLATE_COLUMNS)
    free_isolates: Ints
    requests: Ints  # (requests, REQUEST_COLUMNS)
    free_requests: Ints
    heap: Ints  # (requests, 3): moment, order, request
    by_function: Ints
    by_key: Ints
    by_pool: Ints
    trace: Ints  # (rows, 9)
