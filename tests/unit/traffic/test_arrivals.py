"""Kinds of traffic as data: what is allowed, mean rates, the same process at another rate."""

import math

import msgspec
import pytest
from scipy.integrate import quad

from keyrota.errors import ConfigurationError, InputError
from keyrota.events import make_events
from keyrota.traffic.arrivals import (
    Arrivals,
    Bursts,
    Poisson,
    Profile,
    Regular,
    Replay,
    Sessions,
    at_rate,
    check_arrivals,
    expected_requests,
    mean_rate,
)
from keyrota.traffic.replay import replay_of

HOURS = tuple(float(hour) for hour in range(24))


@pytest.mark.parametrize(
    ("arrivals", "told"),
    [
        (Poisson(rate_per_min=-1.0), "rate_per_min is -1.0; allowed are 0 to 1e+09"),
        (Poisson(rate_per_min=math.nan), "rate_per_min is nan"),
        (Poisson(rate_per_min=math.inf), "rate_per_min is inf"),
        (Poisson(rate_per_min=1.0, growth_per_day=-1.0), "growth_per_day is -1.0"),
        (Poisson(rate_per_min=1.0, growth_per_day=11.0), "growth_per_day is 11.0"),
        (Profile(rate_per_min=1.0, weights=(1.0,) * 25), "a profile of 25 weights; write 24"),
        (Profile(rate_per_min=1.0, weights=(0.0,) * 24), "all weights of the profile are 0"),
        (Profile(rate_per_min=1.0, weights=(-1.0, *HOURS[1:])), "weight -1.0 of the profile"),
        (Profile(rate_per_min=1.0, weights=(math.inf, *HOURS[1:])), "weight inf of the profile"),
        (Profile(rate_per_min=1.0, weights=HOURS, zone="Europe/Atlantis"), 'no time zone "Europe/Atlantis"'),
        (Profile(rate_per_min=1.0, weights=HOURS, zone="../etc"), "no time zone"),
        (Bursts(rate_per_min=1.0, calm_ratio=1.1), "calm_ratio is 1.1; allowed are 0 to 1"),
        (Bursts(rate_per_min=1.0, burst_s=0.0), "burst_s is 0.0"),
        (Bursts(rate_per_min=1.0, calm_s=math.inf), "calm_s is inf"),
        (Sessions(rate_per_min=1.0, messages=0.5), "messages is 0.5; allowed are 1 to"),
        (Sessions(rate_per_min=1.0, think_s=-1.0), "think_s is -1.0"),
        (Regular(rate_per_min=1.0, offset_s=-1.0), "offset_s is -1.0"),
        (Sessions(rate_per_min=1.0, messages=1e4, think_s=6e5), "take over a year"),
        (Replay(times_ns=(2, 1)), "not in ascending order"),
        (Replay(times_ns=(1, 2**70)), "a replayed time is 1180591620717411303424"),
        (Profile(rate_per_min=1.0, weights=HOURS, zone="Europe"), 'no time zone "Europe"'),
    ],
)
def test_what_is_wrong_is_told_in_one_line(arrivals, told):
    """The place, the value and what is allowed."""
    with pytest.raises(ConfigurationError) as error:
        check_arrivals(arrivals, 'function "chat"')
    message = str(error.value)
    assert message.startswith('function "chat": ')
    assert told in message
    assert "\n" not in message


def test_what_is_right_passes():
    """No traffic, a week's profile, interrupted bursts, ties in a replay, the last moment of a replay."""
    for arrivals in (
        Poisson(rate_per_min=0.0), Profile(rate_per_min=1.0, weights=HOURS * 7, zone="Asia/Kolkata"),
        Bursts(rate_per_min=1.0, calm_ratio=0.0), Sessions(rate_per_min=1.0, messages=1.0, think_s=0.0),
        Replay(times_ns=()), Replay(times_ns=(1, 1, 2, 2**63 - 1)),
    ):  # fmt: skip
        check_arrivals(arrivals, "here")


@pytest.mark.parametrize(
    "arrivals",
    [
        Poisson(rate_per_min=3.0, growth_per_day=0.1), Profile(rate_per_min=1.0, weights=HOURS),
        Bursts(rate_per_min=2.0), Sessions(rate_per_min=2.0), Regular(rate_per_min=2.0, offset_s=1.0),
        Replay(times_ns=(1, 2)),
    ],
)  # fmt: skip
def test_a_process_is_what_its_document_says(arrivals):
    """Written and read again it is the same, also after its times were used; no other field is taken."""
    check_arrivals(arrivals, "here")
    document = msgspec.to_builtins(arrivals)
    assert msgspec.convert(document, Arrivals) == arrivals
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({**document, "ratio": 1.0}, Arrivals)


def test_rates_of_bursts_have_the_mean():
    """Time in each state times its rate: the mean; calm over burst: the ratio."""
    bursts = Bursts(rate_per_min=4.0, calm_ratio=0.2, burst_s=30.0, calm_s=120.0)
    assert (30 * bursts.burst_per_min + 120 * bursts.calm_per_min) / 150 == pytest.approx(4.0)
    assert bursts.calm_per_min / bursts.burst_per_min == pytest.approx(0.2)
    assert Bursts(rate_per_min=4.0, calm_ratio=0.0).calm_per_min == 0.0


def test_another_rate_changes_nothing_else():
    """The weights stay; a replay has its own rate."""
    profile = at_rate(Profile(rate_per_min=1.0, weights=HOURS), 3.0)
    assert (profile.weights, mean_rate(profile)) == (HOURS, 3.0)
    with pytest.raises(ConfigurationError, match="a replay has the rate of its times"):
        at_rate(Replay(times_ns=(1, 2)), 3.0)
    assert mean_rate(Replay(times_ns=())) == mean_rate(Replay(times_ns=(5,))) == 0.0


@pytest.mark.parametrize("growth", [0.0, 0.1, -0.2])
def test_expected_requests_are_the_integral_of_the_rate(growth):
    """By numerical integration over ten days."""
    integral, _ = quad(lambda day: 1440 * 2.0 * (1 + growth) ** day, 0, 10)
    assert expected_requests(Poisson(rate_per_min=2.0, growth_per_day=growth), 864_000) == pytest.approx(
        integral
    )
    assert expected_requests(Poisson(rate_per_min=1.0, growth_per_day=1.0), 1e9) == math.inf
    assert expected_requests(Poisson(rate_per_min=0.0, growth_per_day=1.0), 1e9) == 0.0


def invocations(**columns):
    return make_events({"kind": ["invocation"] * 3, **columns})


def test_a_log_s_arrivals_are_its_answers_less_their_durations():
    """Invocations tell both; they may overtake each other."""
    events = invocations(
        time=[10_000_000_000, 11_000_000_000, 12_000_000_000], duration_ms=[500.0, 5000.0, 100.0],
        function=["chat", "chat", "image"],
    )  # fmt: skip
    assert replay_of(events).times_ns == (6_000_000_000, 9_500_000_000, 11_900_000_000)
    assert replay_of(events, "chat").times_ns == (6_000_000_000, 9_500_000_000)


def test_without_durations_the_picks_stand_for_the_requests():
    """Rows without a time are left out."""
    columns = {"key": [1, 2, 1], "position": [1, 2, 1], "size": [2] * 3, "kind": ["pick"] * 3}
    events = make_events({**columns, "time": [3, 5, None]})
    assert replay_of(events).times_ns == (3, 5)


def test_a_log_without_requests_cannot_be_replayed():
    """It says what is missing."""
    with pytest.raises(InputError, match='no request of function "video" with a time'):
        replay_of(invocations(time=[1, 2, 3], duration_ms=[0.0] * 3, function=["chat"] * 3), "video")
    with pytest.raises(InputError, match="no request with a time"):
        replay_of(make_events({}, rows=0))
