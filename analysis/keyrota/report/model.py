"""The content of a fit: what a log's pools were fitted to, and whether the model explains their 429s."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from keyrota.display import count, sentence
from keyrota.planning.fitted import FittedPool
from keyrota.planning.model_check import ModelCheck
from keyrota.report.against_log import MostLoadedReport, in_words, loaded_key
from keyrota.report.console import Line
from keyrota.traffic.fit.intervals import Estimate
from keyrota.traffic.fit.model import FunctionFit


class EstimateReport(msgspec.Struct, frozen=True):
    """An estimate with its 95 % interval; `high` is null where the log sets no upper bound."""

    estimate: float
    ci_low: float
    ci_high: float | None


class ScaleReport(msgspec.Struct, frozen=True):
    """Index of dispersion of the counts of windows, 1 for Poisson, and its p-value, corrected."""

    seconds: int
    index: float
    p_value: float


class FunctionModel(msgspec.Struct, frozen=True):
    """What was fitted to a function: rate, kind of arrivals and why, isolates, service times in seconds."""

    name: str
    requests: int
    per_min: EstimateReport
    arrivals: str
    arrivals_why: str
    dispersion: list[ScaleReport]
    isolates: str
    slots: EstimateReport | None
    life_s: EstimateReport | None
    cold_start_share: EstimateReport | None
    boot_s: EstimateReport | None
    warm_s: float | None
    cold_s: float | None


class PoolModel(msgspec.Struct, frozen=True):
    """The fitted pool, and the share of requests that end in a 429 as predicted and as observed.

    `predicted_low` and `predicted_high` bound the share of a log of this length with probability 95 % if the
    model holds; they and `explains` are null if options changed the scenario. `most_loaded` is the key with
    more than its share, null where the rotation is not known to be uneven.
    """

    pool: str
    policy: str
    on_reject: str
    picks_per_request: int
    window: str
    requests: int
    observed_share: float
    predicted_share: float | None
    predicted_low: float | None
    predicted_high: float | None
    explains: bool | None
    notes: list[str]
    functions: list[FunctionModel]
    most_loaded: MostLoadedReport | None = None


def describe_model(fitted: FittedPool, check: ModelCheck | None) -> PoolModel:
    """Return the content of a fitted pool."""
    return PoolModel(
        pool=fitted.pool.name,
        policy=fitted.policy,
        on_reject=str(fitted.on_reject.__struct_config__.tag),
        picks_per_request=fitted.picks_per_request,
        window=fitted.window,
        requests=fitted.requests,
        observed_share=fitted.rejected / max(1, fitted.requests),
        predicted_share=check.predicted if check else None,
        predicted_low=check.low if check else None,
        predicted_high=check.high if check else None,
        explains=check.explains if check else None,
        notes=list(fitted.notes),
        functions=[
            _function(function.name, fit) for function, fit in zip(fitted.functions, fitted.fits, strict=True)
        ],
        most_loaded=loaded_key(check) if check else None,
    )


def _function(name: str, fit: FunctionFit) -> FunctionModel:
    isolates, service = fit.isolates, fit.service
    return FunctionModel(
        name=name,
        requests=fit.requests,
        per_min=_required(fit.rate.per_min),
        arrivals=str(fit.arrivals().__struct_config__.tag),
        arrivals_why=fit.arrivals_words,
        dispersion=[
            ScaleReport(scale.seconds, scale.index, scale.adjusted_p_value) for scale in fit.burstiness.scales
        ],
        isolates=isolates.words,
        slots=_estimate(isolates.slots),
        life_s=_estimate(isolates.life_s),
        cold_start_share=_estimate(isolates.cold_share),
        boot_s=_estimate(isolates.boot_s),
        warm_s=service.warm_s if service else None,
        cold_s=service.cold_s if service else None,
    )


def _required(estimate: Estimate) -> EstimateReport:
    return EstimateReport(estimate.value, estimate.low, estimate.high)


def _estimate(estimate: Estimate | None) -> EstimateReport | None:
    return None if estimate is None else _required(estimate)


def model_lines(models: Sequence[PoolModel]) -> Iterator[Line]:
    """Yield what was fitted and whether it explains the log, for a terminal."""
    yield Line("Fitted to the log", "bold")
    for model in models:
        for function in model.functions:
            low, high = function.per_min.ci_low, function.per_min.ci_high
            span = f"{low:.3g} to {high:.3g}" if high is not None else f"{low:.3g} or more"
            yield Line(
                f"  {model.pool}, {function.name}: {count(function.requests, 'request')}, "
                f"{function.per_min.estimate:.3g} a minute ({span}); {function.arrivals_why}; "
                f"{function.isolates}."
            )
        for told in model.notes:
            yield Line(f"    {sentence(told)}.")
        yield Line(f"    {verdict(model)}", "" if model.explains is not False else "bold yellow")


def verdict(model: PoolModel) -> str:
    """Return whether the model explains the 429s of a pool, and by how much not."""
    return in_words(
        model.observed_share,
        model.predicted_share,
        model.predicted_low,
        model.predicted_high,
        model.most_loaded,
    )
