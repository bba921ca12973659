"""The content of a fit, and its verdict in words: explained, not explained and which way, not checked."""

import dataclasses

import msgspec
import pytest

from keyrota.planning.fitted import fit_pool, scenario_of
from keyrota.planning.logged import logged_pools, span_of_log
from keyrota.planning.model_check import ModelCheck, check_model
from keyrota.planning.uneven import MostLoaded
from keyrota.pools.declared import PoolConfig
from keyrota.report.model import describe_model, model_lines, verdict
from keyrota.simulation.experiment import simulated_events
from keyrota.simulation.scenario import Backoff, Hosted
from keyrota.simulation.simple import simple_scenario

TRUTH = simple_scenario(
    keys=4, per_minute=2, rate_per_min=8.0, isolates=Hosted(slots=20), duration_s=6 * 3600.0
)  # fmt: skip


@pytest.fixture(scope="module")
def fitted():
    events = simulated_events(TRUTH)
    (logged,) = logged_pools(events, PoolConfig(pools=TRUTH.pools))
    return fit_pool(logged, span_of_log(events))


def check(low, high, *, requests=1000, rejected=100):
    return ModelCheck("POOL", requests, rejected, (low + high) / 2, low, high, 200)


def as_if(fitted, checked):
    """The content of a pool with so many requests and 429s."""
    own = dataclasses.replace(fitted, requests=checked.requests, rejected=checked.rejected)
    return describe_model(own, checked)


def words(model):
    return [line.text for line in model_lines([model])]


def test_the_content_holds_what_was_simulated(fitted):
    """Rate, slots and life within their intervals; policy, reaction and window by name."""
    model = describe_model(fitted, None)
    (function,) = model.functions
    for estimate, truth in ((function.per_min, 8.0), (function.slots, 20), (function.life_s, 75.0)):
        assert estimate.ci_low <= truth <= estimate.ci_high
        assert estimate.ci_low <= estimate.estimate <= estimate.ci_high
    assert (model.pool, model.policy, model.on_reject) == ("POOL", "random-start-round-robin", "fail")
    assert (model.window, model.picks_per_request) == ("fixed", 1)
    assert (function.name, function.arrivals) == ("function", "poisson")
    assert function.requests == model.requests == fitted.requests
    assert model.observed_share == fitted.rejected / fitted.requests
    assert all(scale.index == pytest.approx(1.0, abs=0.5) for scale in function.dispersion)


def test_a_reaction_is_named_by_its_kind(fitted):
    """As in the scenario's JSON."""
    own = dataclasses.replace(fitted, on_reject=Backoff())
    assert describe_model(own, None).on_reject == msgspec.to_builtins(Backoff())["kind"] == "backoff"


def test_a_checked_model_has_the_prediction(fitted):
    """And the verdict."""
    model = as_if(fitted, check(0.05, 0.15))
    assert (model.observed_share, model.explains) == (0.1, True)
    assert (model.predicted_share, model.predicted_low, model.predicted_high) == (0.1, 0.05, 0.15)
    assert verdict(model) == (
        "The model explains the log: 10 % of its requests end in a 429, the model predicts 10 % (5 to 15 for "
        "a log of this length)."
    )


@pytest.mark.parametrize(
    ("low", "high", "told", "why"),
    [
        (
            0.02,
            0.06,
            "4 points more than chance allows",
            "keys used elsewhere, a shared project (Q305 tells), lower limits (Q304) or burstier traffic "
            "would do that, and so would an uneven rotation (R101).",
        ),
        (
            0.12,
            0.2,
            "2 points less than chance allows",
            "higher limits, if only of some keys or for each model",
        ),
    ],
    ids=["more", "less"],
)
def test_what_is_not_explained_is_said_with_its_direction(fitted, low, high, told, why):
    """By how much beyond the interval, and what would do that."""
    model = as_if(fitted, check(low, high))
    assert model.explains is False
    text = verdict(model)
    assert text.startswith("The model does not explain the log: 10 % of its requests end in a 429, ")
    assert told in text
    assert why in text


def test_an_uneven_rotation_is_the_first_cause_where_the_log_shows_it(fitted):
    """Named with its key, and kept in the content; it does not make fewer 429s than expected."""
    uneven = MostLoaded(key=7, position=1, share=0.7, size=4)
    more, less = (
        as_if(fitted, dataclasses.replace(own, uneven=uneven))
        for own in (check(0.02, 0.06), check(0.12, 0.2))
    )
    assert "; the uneven rotation (R101: key 7 has 70 % of the picks) would do that, and so " in verdict(more)
    assert (more.most_loaded.key, more.most_loaded.position, more.most_loaded.share) == (7, 1, 0.7)
    assert "R101" not in verdict(less)
    assert as_if(fitted, check(0.02, 0.06)).most_loaded is None


def test_a_verdict_of_a_changed_scenario(fitted):
    """The log's share alone."""
    model = describe_model(fitted, None)
    assert [model.predicted_share, model.predicted_low, model.predicted_high, model.explains] == [None] * 4
    observed = f"{100 * fitted.rejected / fitted.requests:.3g}"
    assert verdict(model) == (
        f"In the log {observed} % of its requests end in a 429; the options have changed what is simulated."
    )


def test_lines_hold_the_fit_the_notes_and_the_verdict(fitted):
    """Notes begin with a capital and end with a full stop."""
    own = dataclasses.replace(fitted, notes=("the limit is assumed", "keys 1 and 2 are counted as one quota"))
    title, function, *notes, last = words(describe_model(own, None))
    assert title == "Fitted to the log"
    assert function.startswith(f"  POOL, function: {fitted.requests:,} requests, ")
    assert "counts vary as those of a constant rate do" in function
    assert notes == ["    The limit is assumed.", "    Keys 1 and 2 are counted as one quota."]
    assert last.startswith("    In the log ")


def test_only_what_is_not_explained_stands_out(fitted):
    """In bold."""
    styles = {
        explains: list(model_lines([as_if(fitted, checked)]))[-1].style
        for explains, checked in ((True, check(0.05, 0.15)), (False, check(0.2, 0.3)))
    }
    assert styles[True] == ""
    assert "bold" in styles[False]


def test_a_rate_without_an_upper_end(fitted):
    """Is "or more", in text and as null."""
    (fit,) = fitted.fits
    rate = dataclasses.replace(fit.rate, per_min=dataclasses.replace(fit.rate.per_min, high=None))
    own = dataclasses.replace(fitted, fits=(dataclasses.replace(fit, rate=rate),))
    model = describe_model(own, None)
    assert model.functions[0].per_min.ci_high is None
    assert "or more)" in words(model)[1]


def test_the_content_goes_through_json(fitted):
    """Nothing is lost, and no number is infinite."""
    begin = int(TRUTH.start.timestamp()) * 10**9
    span = (begin, begin + int(TRUTH.duration_s * 1e9))
    checked = check_model(
        scenario_of([fitted], span), pool="POOL", requests=fitted.requests, rejected=fitted.rejected,
        relative_error=fitted.relative_error, replications=50,
    )  # fmt: skip
    model = describe_model(fitted, checked)
    assert model.explains
    assert msgspec.json.decode(msgspec.json.encode(model), type=type(model)) == model
