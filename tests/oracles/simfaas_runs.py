"""Cases that SimFaaS and keyrota both run, what a run of each gives, and how the runs are compared.

Used by test_simfaas.py and by docs/against_simfaas.py, which load it by its path.

SimFaaS (the package `simfaas`, version 0.2.2) begins without instances and drops no transient; it counts

* P(cold) and the rejected share among all requests, the rejected included;
* the lifespan over the instances that have expired, from their creation to their expiry;
* instances, running and idle as averages over time, an instance running while it has a request.

Its cap is on running instances, which comes to the same as a cap on all: one is created only when none
is idle. It runs up to and with the first event after the end, which adds less than one request. It
seeds nothing: its processes draw from NumPy's global state, so that processes with a generator of their
own are put in their place here.
"""

import math
import zlib
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from scipy import stats
from simfaas.ServerlessSimulator import ServerlessSimulator
from simfaas.SimProcess import SimProcess

from keyrota.pools.declared import Pool
from keyrota.simulation.compiled import run_compiled
from keyrota.simulation.model import Model
from keyrota.simulation.scenario import Function, ScalePerRequest, Scenario, Service
from keyrota.simulation.setting import Setting, setting_of
from keyrota.simulation.tally import OfFunction, Run
from keyrota.traffic.arrivals import Poisson

SEED: Final = 20_251_110

QUANTITIES: Final = ("P(cold)", "rejected share", "lifespan, s", "instances", "running", "idle")
"""What a run gives, in this order."""

MOST_Z: Final = 4.0
"""|z| beyond it has probability 6.3e-5 if the two sides have one mean."""


@dataclass(frozen=True)
class Case:
    """One setting of both simulators.

    Parameters
    ----------
    name
        What it is called in tables.
    rate_per_s
        Of Poisson arrivals.
    warm_s, cold_s
        Means of exponential service times.
    expiry_s
        Idle time after which an instance ends.
    span_s
        How long requests arrive, from a start without instances.
    cap
        Instances at most.
    printed
        By quantity, what SimFaaS' own documentation prints for this span.
    printed_runs
        Over how many runs that is a mean.
    """

    name: str
    rate_per_s: float
    warm_s: float
    cold_s: float
    expiry_s: float
    span_s: float
    cap: int = 1000
    printed: dict[str, float] = field(default_factory=dict)
    printed_runs: int = 1

    def for_span(self, span_s: float) -> "Case":
        """The case over another span, of which nothing is printed unless it is the same."""
        return replace(self, span_s=span_s, printed=self.printed if span_s == self.span_s else {})

    def setting(self) -> Setting:
        """The case in the terms of our engines: one function, a pool without limits, no boot time."""
        function = Function(
            name="function",
            pool="POOL",
            arrivals=Poisson(rate_per_min=60 * self.rate_per_s),
            isolates=ScalePerRequest(idle_expiry_s=self.expiry_s, max_instances=self.cap, boot_s=(0.0, 0.0)),
            service=Service(warm_s=self.warm_s, cold_s=self.cold_s, law="exponential"),
        )
        pools = (Pool(name="POOL", keys=(1,)),)
        return setting_of(Scenario(pools=pools, functions=(function,), duration_s=self.span_s))


def _printed(cold, requests, rejected, lifespan, instances, running, idle):
    values = (cold / requests, rejected / requests, lifespan, instances, running, idle)
    return {name: value for name, value in zip(QUANTITIES, values, strict=True) if value is not None}


# Shares are printed as counts too, and taken from these: .0014 alone would say little.
REFERENCE: Final = Case(
    "reference", 0.9, 1.991, 2.244, 600, 1e6,
    printed=_printed(1213, 898_469, 0, 6335.1337, 7.6612, 1.7879, 5.8733),  # README
)  # fmt: skip
REFERENCE_AGAIN: Final = Case(
    "reference", 0.9, 1.991, 2.244, 600, 1e6,
    printed=_printed(1183, 900_020, 0, 6528.5989, 7.6910, 1.7971, 5.8940),  # examples/02
)  # fmt: skip
OVERLOAD: Final = Case(
    "overload", 1000, 2.016, 2.163, 600, 1000,
    printed=_printed(1000, 998_537, 503_207, None, 999.4032, 998.4269, 0.9763),  # examples/03
)  # fmt: skip
EMPTY_START: Final = Case(
    "empty start", 0.9, 2.016, 2.163, 600, 300,
    printed={"P(cold)": 0.026759232, "instances": 6.357603826, "running": 1.805940195, "idle": 4.551663631},
    printed_runs=10_000,  # examples/07
)  # fmt: skip
SWEEP: Final = tuple(
    Case(f"expiry {expiry} s", 10, 2.016, 2.163, expiry, 1e5, printed=_printed(*printed))
    for expiry, printed in {
        10: (23_752, 997_238, 0, 120.734719, 28.654768, 20.135436, 8.519332),
        60: (3_667, 1_000_352, 0, 906.854509, 33.123974, 20.191473, 12.932501),
        600: (338, 999_651, 0, 11735.433485, 37.660413, 20.112313, 17.548100),
        1200: (149, 1_000_576, 0, 28401.077890, 38.521834, 20.132414, 18.389420),
        1800: (137, 1_000_943, 0, 29962.003994, 39.557215, 20.169117, 19.388098),
    }.items()
)  # examples/08


# One run -------------------------------------------------------------


class Exponential(SimProcess):
    """Exponential times from a generator of their own."""

    def __init__(self, mean: float, rng: np.random.Generator) -> None:
        super().__init__()
        self.mean, self.rng = mean, rng

    def generate_trace(self) -> float:
        return self.rng.exponential(self.mean)


def simfaas_simulator(case: Case, seed: np.random.SeedSequence) -> ServerlessSimulator:
    """SimFaaS, ready for one run of a case."""
    arrivals, warm, cold = (np.random.default_rng(child) for child in seed.spawn(3))
    return ServerlessSimulator(
        arrival_process=Exponential(1 / case.rate_per_s, arrivals),
        warm_service_process=Exponential(case.warm_s, warm),
        cold_service_process=Exponential(case.cold_s, cold),
        expiration_threshold=case.expiry_s,
        max_time=case.span_s,
        maximum_concurrency=case.cap,
    )


def simfaas_run(case: Case, seed: np.random.SeedSequence) -> list[float]:
    """The quantities of one run of SimFaaS, as it counts them; a lifespan of NaN if none has expired."""
    simulator = simfaas_simulator(case, seed)
    simulator.generate_trace()
    return [
        simulator.get_cold_start_prob(),
        simulator.total_reject_count / simulator.total_req_count,
        float(simulator.get_average_lifespan()) if simulator.prev_servers else math.nan,
        float(simulator.get_average_server_count()),
        float(simulator.get_average_server_running_count()),
        float(simulator.get_average_server_idle_count()),
    ]


def engine_of(name: str):
    """One of our engines, as a function of a setting and a seed that keeps the trace on request."""
    if name == "compiled":
        return run_compiled
    return lambda setting, seed, keep_trace=False: Model(setting, seed, keep_trace=keep_trace).run()


def keyrota_run(setting: Setting, seed: np.random.SeedSequence, engine: str = "compiled") -> list[float]:
    """The same quantities of one run of ours."""
    return quantities_of(engine_of(engine)(setting, seed), setting)


def quantities_of(run: Run, setting: Setting) -> list[float]:
    """The quantities of one run of ours, from its tally."""
    row = {column: int(run.tally.functions[0, column]) for column in OfFunction}
    span_us = (setting.end - setting.warm) / 1000
    requests, ended = row[OfFunction.REQUESTS], row[OfFunction.ENDED]
    alive, busy = row[OfFunction.ALIVE_US] / span_us, row[OfFunction.BUSY_US] / span_us
    return [
        row[OfFunction.COLD] / requests,
        row[OfFunction.TURNED_AWAY] / requests,
        row[OfFunction.LIFE_US] / ended / 1e6 if ended else math.nan,
        alive,
        busy,
        alive - busy,
    ]


def seeds(side: str, case: Case, runs: int) -> list[np.random.SeedSequence]:
    """Seeds of independent runs, other ones for each side and each case."""
    key = zlib.crc32(f"{side} {case}".encode())
    return np.random.SeedSequence(SEED, spawn_key=(key,)).spawn(runs)


def simfaas_runs(case: Case, runs: int) -> np.ndarray:
    """Independent runs of SimFaaS, one row each."""
    return np.array([simfaas_run(case, seed) for seed in seeds("simfaas", case, runs)])


def keyrota_runs(case: Case, runs: int, engine: str = "compiled") -> np.ndarray:
    """Independent replications of ours, one row each."""
    setting = case.setting()
    return np.array([keyrota_run(setting, seed, engine) for seed in seeds("keyrota", case, runs)])


# Comparison -------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """One quantity of a case on both sides: means, the spread of a run of theirs, our standard error.

    Only runs that tell the quantity count: no lifespan where no instance has expired.
    """

    quantity: str
    theirs: float
    their_sd: float
    their_runs: int
    ours: float
    our_error: float
    our_runs: int
    z: float
    printed: float | None
    printed_z: float | None


def compare(case: Case, theirs: np.ndarray, ours: np.ndarray) -> list[Comparison]:
    """Compare runs, quantity by quantity, with each other and with what SimFaaS prints.

    A quantity that fewer than three runs of a side tell is left out.
    """
    found = []
    for column, quantity in enumerate(QUANTITIES):
        there, here = _known(theirs[:, column]), _known(ours[:, column])
        if min(there.size, here.size) < 3:
            continue
        printed = case.printed.get(quantity)
        found.append(
            Comparison(
                quantity,
                float(there.mean()),
                float(there.std(ddof=1)),
                there.size,
                float(here.mean()),
                float(here.std(ddof=1)) / math.sqrt(here.size),
                here.size,
                welch(there, here),
                printed,
                None if printed is None else from_printed(printed, case.printed_runs, here),
            )
        )
    return found


def _known(values: np.ndarray) -> np.ndarray:
    return values[~np.isnan(values)]


def welch(theirs: np.ndarray, ours: np.ndarray) -> float:
    """Difference of two means in standard errors, as a normal deviate.

    Welch's t, turned into the z of the same probability, because a few runs say less about their own
    spread than many. 0 if all runs of both sides give one value.
    """
    difference = float(ours.mean() - theirs.mean())
    parts = [float(side.var(ddof=1)) / side.size for side in (theirs, ours)]
    if sum(parts) == 0:
        return math.copysign(math.inf, difference) if difference else 0.0
    freedom = sum(parts) ** 2 / sum(
        part**2 / (side.size - 1) for part, side in zip(parts, (theirs, ours), strict=True)
    )
    return _as_normal(difference / math.sqrt(sum(parts)), freedom)


def from_printed(printed: float, printed_runs: int, ours: np.ndarray) -> float:
    """How far our mean lies from a printed mean of so many runs, as a normal deviate.

    The printed runs are taken to scatter as ours do.
    """
    difference = float(ours.mean()) - printed
    error = float(ours.std(ddof=1)) * math.sqrt(1 / printed_runs + 1 / ours.size)
    if error == 0:
        return math.copysign(math.inf, difference) if difference else 0.0
    return _as_normal(difference / error, ours.size - 1)


def _as_normal(t: float, freedom: float) -> float:
    return float(math.copysign(stats.norm.isf(stats.t.sf(abs(t), freedom)), t))
