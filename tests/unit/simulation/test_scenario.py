"""What a scenario may hold, and the one line that says what is wrong."""

import datetime as dt
import math

import msgspec
import pytest
from msgspec.structs import replace

from keyrota.errors import ConfigurationError
from keyrota.pools.declared import Pool, Quota
from keyrota.simulation.scenario import (
    Backoff,
    Failover,
    Function,
    Hosted,
    ScalePerRequest,
    Scenario,
    Service,
    Single,
    Trigger,
    scenario_of,
)
from keyrota.simulation.setting import NEVER, setting_of
from keyrota.simulation.simple import simple_scenario
from keyrota.traffic.arrivals import Poisson

SCENARIO = simple_scenario(keys=2, per_minute=2, rate_per_min=1.0)
POOL = SCENARIO.pools[0]
FUNCTION = SCENARIO.functions[0]


def with_function(**changes):
    return {"functions": (replace(FUNCTION, **changes),)}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (lambda: {"pools": ()}, "there is no pool"),
        (lambda: {"functions": ()}, "there is no function"),
        (lambda: {"functions": (FUNCTION, FUNCTION)}, "is there twice"),
        (lambda: with_function(arrivals=None), "no function has arrivals"),
        (lambda: with_function(pool="CHAT"), 'no pool "CHAT"; there are POOL'),
        (lambda: with_function(name=""), "1 to 64 printable characters"),
        (lambda: with_function(arrivals=Poisson(rate_per_min=-1.0)), "-1"),
        (lambda: with_function(arrivals=Poisson(rate_per_min=math.nan)), "nan"),
        (lambda: with_function(service=Service(warm_s=100.0)), "longer than an isolate lives (75 s)"),
        (lambda: with_function(service=Service(warm_s=-1.0)), "service.warm_s is -1"),
        (lambda: with_function(isolates=Hosted(slots=0)), "slots is 0"),
        (lambda: with_function(isolates=Hosted(life_s=0.0)), "isolates.life_s is 0"),
        (lambda: with_function(isolates=Hosted(life_s=1.0, boot_s=(1.0, 2.0))), "a boot must be shorter"),
        (lambda: with_function(isolates=Single(boot_s=(2.0, 1.0))), "the least comes first"),
        (lambda: with_function(isolates=ScalePerRequest(max_instances=0)), "max_instances is 0"),
        (lambda: with_function(isolates=ScalePerRequest(idle_expiry_s=-1.0)), "idle_expiry_s is -1"),
        (lambda: with_function(triggers=(Trigger(function="x", probability=0.5),)), "no function here"),
        (lambda: with_function(triggers=(Trigger(function="function", probability=0.5),)), "never end"),
        (lambda: {"duration_s": 0.0}, "duration_s is 0"),
        (lambda: {"duration_s": math.inf}, "duration_s is inf"),
        (lambda: {"warm_up_s": 1e6}, "leaves nothing of the duration"),
        (lambda: {"start": dt.datetime(2025, 11, 10)}, "names no time zone"),  # noqa: DTZ001 (the point)
        (lambda: {"start": dt.datetime(1969, 1, 1, tzinfo=dt.UTC)}, "allowed are 1971 to 2100"),
        (lambda: {"deployments_s": (2.0, 1.0)}, "not in ascending order"),
        (lambda: {"on_reject": Failover(tries=0)}, "tries is 0"),
        (lambda: {"on_reject": Backoff(tries=10**20)}, "allowed are 1 to 1,000,000"),
        (lambda: with_function(isolates=ScalePerRequest(max_instances=10**20)), "allowed are 1 to 1,000,000"),
        (lambda: {"start": dt.datetime(2099, 12, 1, tzinfo=dt.UTC), "duration_s": 1e9}, "from the year 2099"),
        (
            lambda: {"window": "sliding", "pools": (replace(POOL, quota=Quota(per_minute=10**9)),)},
            "a window of the kind sliding counts at most 1,000,000",
        ),
        (
            lambda: {"window": "token-bucket", "pools": (replace(POOL, quota=Quota(per_minute=10**9)),)},
            "a window of the kind token-bucket counts at most 50,000,000",
        ),
        (
            lambda: with_function(arrivals=Poisson(rate_per_min=1e9, growth_per_day=10.0)),
            "requests would arrive; at most 1e+11 can be simulated",
        ),
        (lambda: {"on_reject": Backoff(jitter=1.5)}, "jitter is 1.5"),
        (lambda: {"pools": (replace(POOL, quota=Quota(per_minute=0)),)}, "quota.per_minute is 0"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_one_line(changes, told):
    """The place, the value and what is allowed."""
    with pytest.raises(ConfigurationError) as error:
        replace(SCENARIO, **changes())
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_triggers_may_not_go_in_a_circle():
    """Calls that lead back to their function would never end."""
    functions = tuple(
        Function(
            name=name, pool="POOL", arrivals=Poisson(rate_per_min=1.0),
            triggers=(Trigger(function=other, probability=0.5),),
        )
        for name, other in (("a", "b"), ("b", "a"))
    )  # fmt: skip
    with pytest.raises(ConfigurationError, match="lead back to itself"):
        replace(SCENARIO, functions=functions)


def test_keys_that_share_a_quota_have_one_limit():
    """Two pools that share a project and model but declare other limits contradict each other."""
    pools = tuple(
        Pool(name=name, keys=(key,), projects=("p",), quota=Quota(per_minute=limit))
        for name, key, limit in (("A", 1, 2), ("B", 2, 3))
    )
    functions = (Function(name="a", pool="A", arrivals=Poisson(rate_per_min=1.0)),)
    with pytest.raises(ConfigurationError, match='key 2 shares the quota of project "p"'):
        setting_of(Scenario(pools=pools, functions=functions))


def test_a_simple_scenario_needs_traffic():
    """Neither a rate nor arrivals: nothing would happen."""
    with pytest.raises(ConfigurationError, match="give rate_per_min, or arrivals"):
        simple_scenario(keys=2, per_minute=2)


def test_a_scenario_is_data():
    """Through JSON and back it is the same."""
    scenario = replace(
        SCENARIO, on_reject=Backoff(tries=2), functions=(replace(FUNCTION, isolates=ScalePerRequest()),)
    )
    document = msgspec.json.decode(msgspec.json.encode(scenario))
    assert scenario_of(document, "a file") == scenario


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"pools": [], "functions": [], "speed": 3}, "a file: Object contains unknown field `speed`"),
        ({"functions": []}, "missing required field `pools`"),
        ({"pools": "CHAT", "functions": []}, "a file: Expected `array`"),
        ([], "a file"),
    ],
)
def test_documents_of_another_form_are_told(document, told):
    """The file and the field."""
    with pytest.raises(ConfigurationError) as error:
        scenario_of(document, "a file")
    assert told in str(error.value)


def test_setting_is_in_integers():
    """Nanoseconds, places, and a day that never ends where no limit is a day's."""
    setting = setting_of(replace(SCENARIO, duration_s=0.5, warm_up_s=0.25))
    assert setting.end - setting.start == 500_000_000
    assert setting.warm - setting.start == 250_000_000
    assert setting.midnights.tolist() == [setting.start, NEVER]
    assert setting.deployments == (NEVER,)


def test_failover_tries_no_more_than_there_are_keys():
    """Whatever is declared, a request calls each key at most once."""
    assert setting_of(replace(SCENARIO, on_reject=Failover())).reaction.tries == 2
    assert setting_of(replace(SCENARIO, on_reject=Failover(tries=9))).reaction.tries == 2
