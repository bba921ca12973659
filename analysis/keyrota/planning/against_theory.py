"""The simulation held against theory: scenarios whose answer is known, and how far each engine is off."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

import numpy as np

from keyrota import theory
from keyrota.simulation.estimates import Quantity, mean, ratio
from keyrota.simulation.experiment import Experiment, simulate
from keyrota.simulation.scenario import (
    Fail,
    Failover,
    Hosted,
    OnReject,
    ScalePerRequest,
    Scenario,
    Service,
    Single,
)
from keyrota.simulation.setting import NEVER
from keyrota.simulation.simple import simple_scenario
from keyrota.simulation.tally import OfFunction, OfPool

Measure = Callable[[Experiment], Quantity]


@dataclass(frozen=True)
class Case:
    """A scenario with a known answer.

    Parameters
    ----------
    name
        What is simulated, in words.
    quantity
        What is compared.
    expected
        What theory says, exactly.
    law
        Its formula.
    scenario
        Of a given duration in seconds.
    measure
        Reads the quantity off an experiment.
    rate_per_min
        Its traffic, to tell how long a number of requests takes.
    least_s
        The shortest duration that makes sense, and the unit of longer ones: a day where the day counts.
    effort
        How many times the requests of other cases tell it as well.
    """

    name: str
    quantity: str
    expected: float
    law: str
    scenario: Callable[[float], Scenario]
    measure: Measure
    rate_per_min: float
    least_s: float = 3600.0
    effort: float = 1.0


@dataclass(frozen=True)
class Comparison:
    """One case on one engine: `z` is the difference in standard errors."""

    case: Case
    engine: str
    found: Quantity
    requests: int

    @property
    def z(self) -> float:
        """Return the difference from theory in standard errors of the simulation."""
        estimate, error = self.found.estimate, self.found.standard_error
        if estimate is None or error is None:
            return math.nan
        difference = estimate - self.case.expected
        if error == 0:
            return 0.0 if abs(difference) < 1e-12 else math.inf
        return difference / error


def compare(
    case: Case, *, engine: str, requests: int, replications: int = 50, seed: int = 0, jobs: int = 1
) -> Comparison:
    """Simulate a case and hold it against theory.

    Parameters
    ----------
    case
        Of `theory_cases`.
    engine
        ``"compiled"`` or ``"simpy"``.
    requests
        About how many requests are simulated in all.
    replications
        In how many replications: the more, the better known is the standard error.
    seed
        Of the whole table.
    jobs
        As in `keyrota.simulation.experiment.simulate`.
    """
    wanted_s = 60 * requests * case.effort / case.rate_per_min / replications
    duration = case.least_s * max(1, round(wanted_s / case.least_s))
    # Every case has numbers of its own, so that the errors of the table are independent.
    own_seed = crc32(f"{seed}/{engine}/{case.name}".encode())
    experiment = simulate(
        case.scenario(duration), replications=replications, engine=engine, seed=own_seed, jobs=jobs
    )
    total = int(experiment.tallies.functions[:, :, OfFunction.REQUESTS].sum())
    return Comparison(case, engine, case.measure(experiment), total)


# What is measured -------------------------------------------------------------------------------


def _rejected(experiment: Experiment) -> Quantity:
    return experiment.rejected_share()


def _cold(experiment: Experiment) -> Quantity:
    counts = experiment.tallies.functions.sum(axis=1)
    return ratio(counts[:, OfFunction.COLD], counts[:, OfFunction.REQUESTS])


def _busy(experiment: Experiment) -> Quantity:
    counts, setting = experiment.tallies.functions.sum(axis=1), experiment.setting
    return mean(counts[:, OfFunction.BUSY_US] / ((setting.end - setting.warm) / 1000))


def _exhausted_min(experiment: Experiment) -> Quantity:
    moments = experiment.tallies.pools[:, 0, OfPool.EXHAUSTED]
    minutes = np.where(moments == NEVER, np.nan, (moments - experiment.setting.warm) / 60e9)
    return mean(minutes)


# The cases --------------------------------------------------------------------------------------

_WARM_S: Final = 600.0
_FAIL: Final = Fail()
_FAILOVER: Final = Failover()


def theory_cases() -> list[Case]:
    """Return the scenarios of the theory page's tables, and more."""
    return [*_minute_cases(), *_day_cases(), *_isolate_cases()]


def _minute_cases() -> list[Case]:
    """Return cases of the minute limit: window overflow and Erlang B."""
    table: list[tuple[int, int, float, str, str, str]] = [
        # keys, limit, rate, window, policy, the theory's choice
        (2, 2, 1.0, "fixed", "random", "random"),
        (2, 2, 2.0, "fixed", "random", "random"),
        (2, 2, 4.0, "fixed", "random", "random"),
        (4, 2, 8.0, "fixed", "random", "random"),
        (4, 15, 60.0, "fixed", "random", "random"),
        (2, 2, 2.0, "fixed", "random-start-round-robin", "fail-over"),
        (2, 2, 4.0, "fixed", "start-at-first", "fail-over"),
        (4, 2, 4.0, "fixed", "random", "fail-over"),
        (4, 2, 8.0, "fixed", "sticky", "fail-over"),
        (4, 15, 60.0, "fixed", "random", "fail-over"),
        (2, 2, 1.0, "sliding", "random", "random"),
        (2, 2, 4.0, "sliding", "random", "random"),
        (4, 2, 4.0, "sliding", "random", "random"),
        (4, 15, 60.0, "sliding", "random", "random"),
        (2, 2, 2.0, "sliding", "random", "fail-over"),
        (4, 2, 8.0, "sliding", "random-start-round-robin", "fail-over"),
        (4, 15, 60.0, "sliding", "least-used", "fail-over"),
        (2, 2, 2.0, "fixed", "shared-round-robin", "shared-round-robin"),
        (4, 2, 8.0, "fixed", "shared-round-robin", "shared-round-robin"),
        (4, 2, 4.0, "fixed", "least-used", "fail-over"),
    ]
    cases = []
    for keys, limit, rate, window, policy, choice in table:
        fails_over = choice == "fail-over" and policy != "least-used"
        law = "over" if window == "fixed" else "Erlang B"
        own = f"{law}({rate / keys:g}, {limit})" if choice == "random" else f"{law}({rate:g}, {keys * limit})"
        expected = theory.rejected_share(rate, keys=keys, per_minute=limit, window=window, choice=choice)
        name = f"{keys} keys of {limit}/min, {rate:g}/min, {window}, {policy}{', fail over' * fails_over}"
        cases.append(
            _case(
                name, "429s", expected, own, _rejected, rate, keys=keys, per_minute=limit, window=window,
                policy=policy, on_reject=_FAILOVER if fails_over else _FAIL,
            )
        )  # fmt: skip
    single: dict[str, Any] = {"per_minute": 2, "isolates": Single(), "policy": "random-start-round-robin"}
    cases.append(
        _case(
            "4 keys of 2/min, 8/min, fixed, round robin in one isolate", "429s",
            theory.rejected_share(8.0, keys=4, per_minute=2, choice="shared-round-robin"), "over(8, 8)",
            _rejected, 8.0, keys=4, **single,
        )
    )  # fmt: skip
    used = theory.used_keys(4, 2)
    cases.append(
        _case(
            "the same with two picks a request, 4/min: 2 keys idle", "429s",
            theory.rejected_share(4.0, keys=used, per_minute=2, choice="shared-round-robin"), "over(4, 4)",
            _rejected, 4.0, keys=4, picks_per_request=2, **single,
        )
    )  # fmt: skip
    cases.append(
        _case(
            "2 keys of 2/min, 2/min, fixed, random, rejected calls charged", "429s",
            theory.rejected_share(2.0, keys=2, per_minute=2), "over(1, 2)", _rejected, 2.0,
            keys=2, per_minute=2, policy="random", charge_rejected=True,
        )
    )  # fmt: skip
    return cases


def _day_cases() -> list[Case]:
    """Return cases of the daily limit: overflow of a day, and when it is spent."""
    cases = []
    table: list[tuple[int, str, str, OnReject]] = [
        (100, "random", "random", _FAIL),
        (100, "random", "fail-over", _FAILOVER),
        (140, "shared-round-robin", "shared-round-robin", _FAIL),
    ]
    for requests, policy, choice, reaction in table:
        expected = theory.day_rejected_share(requests, keys=2, per_day=50, choice=choice)
        law = f"over({requests // 2}, 50)" if choice == "random" else f"over({requests}, 100)"
        name = f"2 keys of 50/day, {requests}/day, {policy}{', fail over' * (reaction is _FAILOVER)}"
        cases.append(
            _case(
                name, "429s", expected, law, _rejected, requests / 1440, keys=2, per_day=50, policy=policy,
                least_s=86_400.0, effort=2.0, warm_up_s=0.0, on_reject=reaction,
            )
        )  # fmt: skip
    cases.append(
        _case(
            "2 keys of 50/day, 4/min, random, fail over", "minutes until spent",
            theory.minutes_to_exhaustion(4.0, keys=2, per_day=50), "K D / rate", _exhausted_min, 4.0,
            keys=2, per_day=50, policy="random", on_reject=_FAILOVER, warm_up_s=0.0,
            isolates=Single(boot_s=(0.0, 0.0)),
        )
    )  # fmt: skip
    return cases


def _isolate_cases() -> list[Case]:
    """Return cases of cold starts, and of requests at work."""
    cases = []
    for rate, slots, life in ((4.0, 313, 75.0), (30.0, 313, 200.0), (30.0, 100, 200.0), (120.0, 100, 75.0)):
        cases.append(
            _case(
                f"{slots} slots, life {life:g} s, {rate:g}/min", "cold starts",
                theory.cold_share(rate, slots=slots, life_s=life), "1 / (1 + r T)", _cold, rate, keys=1,
                isolates=Hosted(slots=slots, life_s=life), warm_up_s=7200.0,
            )
        )  # fmt: skip
    cases.append(
        _case(
            "one request at a time, 0.9/s, service 1.991 s", "at work",
            theory.busy_instances(0.9, 1.991), "rate x service", _busy, 54.0, keys=1,
            isolates=ScalePerRequest(), service=Service(warm_s=1.991, cold_s=1.991),
        )
    )  # fmt: skip
    return cases


def _case(
    name: str,
    quantity: str,
    expected: float,
    law: str,
    measure: Measure,
    rate: float,
    *,
    least_s: float = 3600.0,
    effort: float = 1.0,
    warm_up_s: float = _WARM_S,
    **options: Any,
) -> Case:
    def scenario(duration_s: float) -> Scenario:
        return simple_scenario(
            rate_per_min=rate, duration_s=duration_s + warm_up_s, warm_up_s=warm_up_s, **options
        )

    return Case(name, quantity, expected, law, scenario, measure, rate, least_s, effort)
