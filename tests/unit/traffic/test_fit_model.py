"""The whole fit of a function: which arrivals it takes, why, and what has no fit."""

from functools import partial

import numpy as np
import pytest

from keyrota.errors import InputError
from keyrota.events import make_events
from keyrota.simulation.experiment import simulated_events
from keyrota.simulation.scenario import Function, Scenario
from keyrota.simulation.simple import pool_of
from keyrota.streams import named_stream
from keyrota.traffic.arrivals import Bursts, Poisson, Profile, Regular, check_arrivals
from keyrota.traffic.fit.model import fit_function
from keyrota.traffic.times import arrival_blocks

MONDAY = 1_762_732_800_000_000_000
SECOND = 10**9
DAY_NS = 86_400 * SECOND
ROUND = tuple((1 + 0.9 * np.sin(np.arange(24) / 24 * 2 * np.pi)).tolist())


def fitted(arrivals, days, seed=1):
    """The fit of a log of picks without isolates."""
    end = MONDAY + round(days * DAY_NS)
    blocks = list(arrival_blocks(arrivals, partial(named_stream, seed), start_ns=MONDAY, end_ns=end))
    times = np.concatenate(blocks)
    events = make_events({"kind": ["pick"] * len(times), "time": times.tolist()})
    return fit_function(events, times, span_ns=(MONDAY, end))


@pytest.mark.parametrize(
    ("arrivals", "days", "kind", "words"),
    [
        (Poisson(rate_per_min=3.0), 0.5, Poisson, "needs 2 days"),
        (Poisson(rate_per_min=3.0), 5.0, Poisson, "constant rate do"),
        (Poisson(rate_per_min=0.5), 0.02, Poisson, "too few requests"),
        (Regular(rate_per_min=3.0), 1.0, Poisson, "evenly"),
        (Profile(rate_per_min=3.0, weights=ROUND), 5.0, Profile, "hours of the day"),
        (Profile(rate_per_min=3.0, weights=ROUND), 15.0, Profile, "hours of the week"),
        (Bursts(rate_per_min=3.0), 1.0, Bursts, "bursts"),
        (Bursts(rate_per_min=3.0), 3.0, Bursts, "bursts"),
    ],
)
def test_arrivals_are_those_that_the_log_shows(arrivals, days, kind, words):
    """The kind, a rate whose interval holds the truth, numbers that can be simulated, and the reason."""
    fit = fitted(arrivals, days)
    found = fit.arrivals()
    assert type(found) is kind
    check_arrivals(found, "fit")
    assert fit.rate.per_min.low <= arrivals.rate_per_min <= fit.rate.per_min.high
    assert found.rate_per_min == pytest.approx(fit.rate.per_min.value)
    assert words in fit.arrivals_words


def test_of_bursts_and_hours_the_larger_one_is_taken():
    """Traffic that only flows in busy hours, with mild bursts, and the reverse."""
    rng = np.random.default_rng(3)
    kinds = set()
    for depth, burst in ((0.95, 2), (0.2, 12)):
        weights = 1 + depth * np.sin(np.arange(24) / 24 * 2 * np.pi)
        hours = rng.choice(24, 40_000 // burst, p=weights / weights.sum())
        day = rng.integers(0, 5, len(hours))
        begins = MONDAY + day * DAY_NS + (hours * 3600 + rng.random(len(hours)) * 3600) * SECOND
        times = np.sort((begins[:, None] + rng.exponential(4 * SECOND, (len(begins), burst))).ravel())
        times = times[times < MONDAY + 5 * DAY_NS].astype(np.int64)
        events = make_events({"kind": ["pick"], "time": [MONDAY]})
        fit = fit_function(events, times, span_ns=(MONDAY, MONDAY + 5 * DAY_NS))
        assert fit.has_profile
        assert fit.burstiness.is_poisson_rejected
        assert "adds less" in fit.arrivals_words
        kinds.add(type(fit.arrivals()))
    assert kinds == {Profile, Bursts}


def test_a_partial_day_does_not_bias_the_mean():
    """Two days and the busy half of a third: the rate is that of whole days, within its interval."""
    fit = fitted(Profile(rate_per_min=5.0, weights=ROUND), 2.5)
    assert fit.requests / (2.5 * 1440) > 5.4
    assert fit.rate.per_min.low <= 5.0 <= fit.rate.per_min.high


def test_bursts_widen_the_interval_of_the_rate():
    """By the root of the dispersion of long windows."""
    plain, wide = fitted(Poisson(rate_per_min=3.0), 1.0), fitted(Bursts(rate_per_min=3.0), 1.0)
    assert plain.rate.dispersion == 1.0
    assert wide.rate.dispersion > 5
    assert wide.rate.per_min.relative_half_width > 2 * plain.rate.per_min.relative_half_width


def test_what_delimits_a_log_is_not_counted():
    """Of 101 requests, a minute apart and nothing else, 99 are counted in 100 minutes."""
    times = [MONDAY + 60 * SECOND * i for i in range(101)]
    events = make_events({"kind": ["pick"] * 101, "time": times})
    assert fit_function(events, times).rate.requests == 99
    around = make_events({"kind": ["boot"] * 2, "time": [MONDAY - 60 * SECOND, MONDAY + 6060 * SECOND]})
    assert fit_function(around, times).rate.requests == 101


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([], 'no request of function "chat" with a time'),
        ([MONDAY], "one request; read a longer log"),
        ([MONDAY] * 5, "5 requests and no time between them"),
        ([MONDAY, MONDAY + 10], "2 requests"),
    ],
)
def test_what_has_no_rate_is_an_error(times, message):
    """Nothing, one request, all at one moment: a message, never NaN."""
    events = make_events({"kind": ["pick"] * len(times), "time": times}, rows=0)
    with pytest.raises(InputError, match=message):
        fit_function(events, times, function="chat")


def test_requests_outside_the_span_are_left_out():
    """And if all are, that is said."""
    events = make_events({"kind": ["pick"], "time": [MONDAY]})
    with pytest.raises(InputError, match="within its span"):
        fit_function(events, [MONDAY], span_ns=(MONDAY + 10, MONDAY + 20))


def test_each_function_is_fitted():
    """Two functions of one log, each by its own requests and isolates."""
    pool = pool_of(4, None, None)
    functions = tuple(
        Function(name=name, pool=pool.name, arrivals=Poisson(rate_per_min=rate))
        for name, rate in (("title", 2.0), ("chat", 6.0))
    )
    pool = type(pool)(name=pool.name, keys=pool.keys, functions=("title", "chat"), quota=pool.quota)
    events = simulated_events(Scenario(pools=(pool,), functions=functions, duration_s=14_400.0))
    fits = {}
    for name in ("title", "chat"):
        own = events[(events["kind"] == "pick") & (events["function"] == name)]
        times = own["time"].to_numpy(dtype="datetime64[ns]").view("int64")
        fits[name] = fit_function(events, times, function=name)
    assert fits["chat"].requests > fits["title"].requests
    assert fits["title"].rate.per_min.low <= 2.0 <= fits["title"].rate.per_min.high
    assert fits["chat"].isolates.kind == "hosted"
