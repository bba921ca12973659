"""One world for two simulators: SimFaaS fed with the arrivals and the work of a run of ours.

Used by test_simfaas.py, which loads it by its path.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from simfaas.ServerlessSimulator import ServerlessSimulator
from simfaas.SimProcess import SimProcess

from keyrota.simulation.setting import Setting
from keyrota.simulation.tally import OfFunction, Run
from keyrota.simulation.trace import BOOT, INVOCATION, ISOLATE, KIND, REQUEST, SHUTDOWN, STATUS, TIME, VALUE

COLD: Final = "cold"
WARM: Final = "warm"
REJECTED: Final = "rejected"


@dataclass(frozen=True)
class Course:
    """What became of every request and of every instance of one run.

    Parameters
    ----------
    outcomes
        `COLD`, `WARM` or `REJECTED` for each request, in the order of arrival.
    lives
        Moments of creation and of expiry of the instances that expired by the end, in seconds from
        the start, in the order of creation.
    instances, running
        Averages over the span.
    """

    outcomes: list[str]
    lives: np.ndarray
    instances: float
    running: float


def our_course(setting: Setting, run: Run) -> tuple[Course, np.ndarray, np.ndarray]:
    """The course of a run of ours, from its trace, with its arrival times and its service times."""
    trace = run.trace
    invocations = trace[trace[:, KIND] == INVOCATION]
    invocations = invocations[np.argsort(invocations[:, REQUEST])]
    rejected = invocations[:, STATUS] == 503
    _, firsts = np.unique(invocations[:, ISOLATE], return_index=True)
    outcomes = np.full(len(invocations), WARM, dtype=object)
    outcomes[firsts] = COLD  # the first request of an isolate; the place of isolate -1 is put right below
    outcomes[rejected] = REJECTED
    born = {row[ISOLATE]: row[TIME] for row in trace[trace[:, KIND] == BOOT]}
    lives = [(born[row[ISOLATE]], row[TIME]) for row in trace[trace[:, KIND] == SHUTDOWN]]
    alive_us, busy_us = run.tally.functions[0, [OfFunction.ALIVE_US, OfFunction.BUSY_US]]
    span_us = (setting.end - setting.start) / 1000
    course = Course(
        outcomes.tolist(),
        (np.array(sorted(lives)).reshape(-1, 2) - setting.start) / 1e9,
        float(alive_us / span_us),
        float(busy_us / span_us),
    )
    arrivals = (invocations[:, TIME] - invocations[:, VALUE] - setting.start) / 1e9
    return course, arrivals, invocations[~rejected, VALUE] / 1e9


class Handed(SimProcess):
    """Times that are handed out one after the other."""

    def __init__(self, values) -> None:
        super().__init__()
        self.values = iter(values)

    def generate_trace(self) -> float:
        return next(self.values)


def simfaas_course(setting: Setting, arrivals: np.ndarray, services: np.ndarray) -> Course:
    """The course of SimFaaS, fed with these arrivals, and with these services of the requests it serves."""
    function, span_s = setting.functions[0], (setting.end - setting.start) / 1e9
    # One more arrival long after the end, for it always wants the next.
    gaps = np.diff(arrivals, prepend=0.0, append=arrivals[-1] + 1e9)
    served = Handed(services)
    simulator = ServerlessSimulator(
        arrival_process=Handed(gaps),
        warm_service_process=served,
        cold_service_process=served,
        expiration_threshold=function.expiry / 1e9,
        max_time=span_s,
        maximum_concurrency=function.cap,
    )
    simulator.generate_trace()
    events = {
        COLD: simulator.hist_req_cold_idxs,
        WARM: simulator.hist_req_warm_idxs,
        REJECTED: simulator.hist_req_rej_idxs,
    }
    # Each event has its number. The one that overshoots the span may be the arrival added above.
    outcomes = [name for _, name in sorted((at, name) for name, places in events.items() for at in places)]
    lives = [
        (server.creation_time, server.next_termination)
        for server in simulator.prev_servers
        if server.next_termination <= span_s
    ]
    lengths = np.diff(np.minimum(simulator.hist_times, span_s))
    return Course(
        outcomes[: len(arrivals)],
        np.array(sorted(lives)).reshape(-1, 2),
        float(simulator.hist_server_count @ lengths) / span_s,
        float(simulator.hist_server_running_count @ lengths) / span_s,
    )
