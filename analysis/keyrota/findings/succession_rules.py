"""R103, R104, R105: what follows a pick inside an isolate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from keyrota.display import count, listed
from keyrota.findings.facts import LogFacts, PoolFacts
from keyrota.findings.faults import (
    broken_places,
    cause_first,
    causes,
    disordered_steps,
    is_passed_over,
    is_stuck,
    step_table,
    tested,
)
from keyrota.findings.rule import Finding, Rule
from keyrota.findings.wording import agree, key_name, keys_at
from keyrota.rotation.fairness import RotationTests
from keyrota.rotation.policies import declared_step
from keyrota.rotation.requests import LEAST_REQUESTS
from keyrota.rotation.runs import Runs

_DOMINANT: Final = 0.9
"""Share of steps from which one step is the rule of the rotation that was deployed."""

_FEW: Final = 3
"""Below so many broken steps, lost lines are as likely."""


def _broken_succession(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, runs, tests in tested(facts):
        broken = disordered_steps(pool, runs, tests)
        if not broken:
            continue
        because = causes(rule.code, pool, runs, tests, facts)
        what, remedy = _explained(pool, runs, tests, broken)
        yield rule.finding(
            f"{broken:,} of {count(tests.step_count, 'step')} inside isolates {agree(broken, 'does', 'do')} "
            f"not go to the next key; {what}",
            cause_first(because) or remedy,
            pool=pool.name,
            evidence={
                "steps": step_table(tests),
                "follows_from": because,
                "places": broken_places(pool, runs, without_repeats=is_stuck(pool, runs, tests)),
            },
        )


def _explained(pool: PoolFacts, runs: Runs, tests: RotationTests, broken: int) -> tuple[str, str]:
    """Return what the broken steps have in common, and what to do about it."""
    idle = (np.flatnonzero(runs.counts == 0) + 1).tolist()
    if is_passed_over(runs, idle):
        names = listed([key_name(pool, position) for position in idle])
        return f"{agree(broken, 'it passes', 'they pass')} over {names}", (
            "The rotation leaves out a key: compare the mapping of the deployed version with the declared "
            "one."
        )
    stuck = is_stuck(pool, runs, tests)
    others = {
        s: n for s, n in tests.steps.items() if s != declared_step(tests.size) and not (stuck and s == 0)
    }
    most = max(others, key=lambda s: others[s])
    if broken >= _FEW and others[most] >= _DOMINANT * tests.step_count:
        if most == tests.size - 1:
            return "nearly all go one key back", (
                "If the log has no times, it may list the newest line first: turn it round. Else the "
                "counter runs backwards."
            )
        return f"nearly all go {most} keys ahead", (
            f"The counter advances {most} times for each pick that is logged: look for picks that log no "
            "line, or a counter that is advanced in two places."
        )
    what = f"the most frequent other step is {_step_name(most)} ({count(others[most], 'time')})"
    if _looks_random(tests.steps, tests.size):
        return "every step is about equally frequent", (
            "It looks like a choice at random at each request. Choose the start at random once for each "
            "isolate, in module scope, and take the next key at every pick."
        )
    return what, (
        "Look for a second counter, or a counter that is set anew while the isolate lives. A log that lost "
        "far more than 1 % of its lines looks like this too (D401)."
    )


def _looks_random(steps: Mapping[int, int], size: int) -> bool:
    expected = sum(steps.values()) / size
    return expected >= 5 and all(0.5 < steps.get(s, 0) / expected < 1.5 for s in range(size))


def _stuck_key(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, runs, tests in tested(facts):
        if not is_stuck(pool, runs, tests):
            continue
        steps, second = runs.steps
        repeated = np.unique(runs.positions[second[steps == 0]])
        stuck = len(runs.stuck)
        yield rule.finding(
            f"{tests.repeated_steps:,} of {count(tests.step_count, 'step')} inside isolates "
            f"{agree(tests.repeated_steps, 'takes', 'take')} the same key again: "
            f"{count(stuck, 'isolate')} {agree(stuck, 'stays with its', 'stay with their')} first key",
            "Advance the counter at every pick and keep it in module scope, so that the next request of "
            "the isolate finds it.",
            pool=pool.name,
            keys=keys_at(pool, repeated.tolist()),
            evidence={"steps": step_table(tests), "places": broken_places(pool, runs)},
        )


def _aliased_picks(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool, runs, tests in tested(facts):
        requests = pool.requests
        if requests is None or requests.typical is None or requests.used_counts is None:
            continue
        picks, size = requests.typical, runs.size
        reached = size // math.gcd(size, picks)
        if picks < 2 or reached == size or is_stuck(pool, runs, tests) or disordered_steps(pool, runs, tests):
            continue
        # An isolate that serves one request works with one key either way.
        if requests.later_requests < LEAST_REQUESTS:
            continue
        used = requests.used_counts
        top = int(used.argmax()) + 1
        yield rule.finding(
            f"{requests.typical_requests:,} of {requests.requests:,} requests pick {picks} keys at once; if "
            f"the last one is used, an isolate works with {reached} of its {size} keys, however even the "
            f"picks look ({key_name(pool, top)}: last in {count(int(used[top - 1]), 'request')})",
            "Pick once for each request and pass the key on. If these are requests that arrive together, "
            "it is no fault.",
            pool=pool.name,
            keys=keys_at(pool, (np.flatnonzero(used == 0) + 1).tolist()),
            evidence={
                "picks_per_request": requests.mean,
                "requests": requests.requests,
                "later_requests": requests.later_requests,
                "keys_reached": reached,
                "used": {key_name(pool, i + 1): int(n) for i, n in enumerate(used)},
            },
        )


def _step_name(step: int) -> str:
    return f"+{step}" if step else "0, the same key again"


RULES: Final = (
    Rule("R103", "broken-succession", "error", _broken_succession),
    Rule("R104", "stuck-key", "error", _stuck_key),
    Rule("R105", "aliased-picks", "warning", _aliased_picks),
)
