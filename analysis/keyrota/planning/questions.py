"""The questions of a plan, a pool each: what logs ask, what keys cannot mend, and the answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec.structs import replace

from keyrota.display import count, listed, short_share, span
from keyrota.errors import InputError
from keyrota.planning.fitted import FittedPool, scenario_of
from keyrota.planning.log_model import LogModel
from keyrota.planning.logged import LoggedPool
from keyrota.planning.model_check import ModelCheck, Observed
from keyrota.planning.plan import Plan, Progress, make_plan
from keyrota.pools.declared import PoolConfig
from keyrota.simulation.scenario import Scenario

MOSTLY: Final = 0.5
"""Share of a pool's 429s from which their cause is what binds."""

LEAST_SPAN_NS: Final = 60_000_000_000
"""The traffic of less than a minute says nothing of a day, and may be thousands of requests a minute."""

PASSING: Final = 0.05
"""Where more calls pass than this share, some project has quota."""


@dataclass(frozen=True)
class Question:
    """What a plan is asked for one pool.

    Parameters
    ----------
    scenario
        With the traffic of the pool.
    pool
        Its name.
    config
        All pools that are declared: the numbers of their keys are taken.
    windows
        How the minute may count, the likelier one first; ``None`` if nobody knows.
    source
        Where the demand was taken from.
    hopeless
        Why more keys cannot help, if so.
    binding_hint
        ``"tokens-per-minute"`` if that is what binds.
    observed
        What the log shows, for the model to be held against; ``None`` without a log, if options changed what
        was fitted to it, or if `check` is given.
    check
        The model held against the log, where that is done already.
    """

    scenario: Scenario
    pool: str
    config: PoolConfig
    windows: tuple[str, ...] | None
    source: str = "the rate that was given"
    hopeless: str | None = None
    binding_hint: str | None = None
    observed: Observed | None = None
    check: ModelCheck | None = None


def questions_of(
    model: LogModel,
    *,
    change: Callable[[Scenario], Scenario] | None = None,
    windows: tuple[str, ...] | None = None,
    checks: Sequence[ModelCheck] = (),
    seed: int = 0,
) -> tuple[list[Question], list[str]]:
    """Return the questions that logs ask, and the pools that ask none, with the reason.

    Parameters
    ----------
    model
        The pools of the logs, fitted.
    change
        Changes the scenario of each: another rotation, another reaction.
    windows
        How the minute counts, if that is to be assumed; else as the log shows it.
    checks
        The models held against the log, where that is done already.
    seed
        Of the tests of the rotation.

    Raises
    ------
    InputError
        If no pool has a limit.
    """
    questions, silent = [], []
    span_ns = model.span_ns[1] - model.span_ns[0]
    if span_ns < LEAST_SPAN_NS:
        raise InputError(
            f"the log spans {span(span_ns / 1e9)}, too little for a plan; give one of an hour or more"
        )
    done = {check.pool: check for check in checks}
    shown = {} if done else model.observed(seed=seed)
    for logged, fitted in zip(model.logged, model.fitted, strict=True):
        quota, hopeless = fitted.pool.quota, _hopeless(logged)
        if quota.per_minute is None and quota.per_day is None and hopeless is None:
            silent.append(
                f"pool {fitted.pool.name} has no limit, declared or seen in the log: nothing to plan"
            )
            continue
        scenario = scenario_of([fitted], model.span_ns)
        asked = scenario if change is None else change(scenario)
        # The log is a check of what was fitted to it, however the minute is taken to count, and of no other.
        is_fitted = replace(asked, window=scenario.window) == scenario
        questions.append(
            Question(
                asked,
                fitted.pool.name,
                model.reading.pools,
                windows or (None if fitted.window == "unknown" else (fitted.window,)),
                source=f"{count(fitted.requests, 'request')} in {model.sources}, {_ended(fitted)}",
                hopeless=hopeless,
                binding_hint=_binding(logged),
                observed=shown.get(fitted.pool.name) if is_fitted else None,
                check=done.get(fitted.pool.name) if is_fitted else None,
            )
        )
    if not questions:
        raise InputError("no pool of the log has a limit; declare per_minute or per_day (--pools FILE)")
    return questions, silent


def answers_to(
    questions: Sequence[Question], *, on_progress: Progress | None = None, **options: Any
) -> list[Plan]:
    """Return the plan of each question, with the model held against the log that it was fitted to.

    Parameters
    ----------
    questions
        A pool each.
    on_progress
        Called with the searches that are done, and how many there are.
    options
        Of `keyrota.planning.plan.make_plan`: target, growth, seed, engine, jobs, cluster.
    """
    plans: list[Plan] = []

    def told(done: int, total: int) -> None:
        if on_progress is not None:
            on_progress(len(plans) * total + done, len(questions) * total)

    for question in questions:
        plan = make_plan(
            question.scenario, pool=question.pool, windows=question.windows, on_progress=told,
            source=question.source, hopeless=question.hopeless, binding_hint=question.binding_hint, **options,
        )  # fmt: skip
        if plan.results:
            plan = dataclasses.replace(plan, check=question.check or _check(question, options))
        plans.append(plan)
    return plans


def _check(question: Question, options: Mapping[str, Any]) -> ModelCheck | None:
    if question.observed is None:
        return None
    own = {name: options[name] for name in ("seed", "engine", "jobs") if name in options}
    return question.observed.check(question.scenario, question.pool, **own)


def _ended(fitted: FittedPool) -> str:
    share = fitted.rejected / max(1, fitted.requests)
    return f"{short_share(share)} of them in a 429" if fitted.rejected else "none of them in a 429"


def _hopeless(logged: LoggedPool) -> str | None:
    """Return why more keys of this kind cannot help, if the log shows it."""
    causes = logged.account.explained.causes
    if not causes or causes.count("no-quota") < MOSTLY * len(causes):
        return None
    calls = logged.account.calls
    if (1 - calls.rejected).sum() > PASSING * len(calls):
        return None  # some keys have quota
    rows = logged.account.calls.attribution.rows
    models = sorted({str(name) for name in rows.loc[rows["cause"] == "no-quota", "model"].dropna()})
    of = f" for {listed(models)}" if models else ""
    return (
        f"{causes.count('no-quota'):,} of {count(len(causes), '429')} state a limit of 0: these projects "
        f"have no quota{of}. More keys of this kind do not help; enable billing, ask for quota, or take "
        "another model"
    )


def _binding(logged: LoggedPool) -> str | None:
    causes = logged.account.explained.causes
    is_tokens = causes and causes.count("tokens-per-minute") >= MOSTLY * len(causes)
    return "tokens-per-minute" if is_tokens else None
