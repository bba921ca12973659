"""Scenarios that say what cannot be, and estimates of a single replication."""

import numpy as np
import pytest

from keyrota.errors import ConfigurationError
from keyrota.pools.declared import Pool
from keyrota.simulation.estimates import ratio
from keyrota.simulation.scenario import (
    Failover,
    Function,
    Hosted,
    ScalePerRequest,
    Scenario,
    Trigger,
    scenario_of,
)
from keyrota.simulation.simple import MOST_KEYS, pool_of, simple_scenario
from keyrota.traffic.arrivals import Poisson

POOLS = (Pool(name="A", keys=(1,)), Pool(name="B", keys=(2,)))


def functions(*triggers):
    """Return three functions, of which the first triggers others."""
    traffic = Poisson(rate_per_min=5.0)
    return (
        Function(name="chat", pool="A", arrivals=traffic, triggers=triggers),
        Function(name="image", pool="B", triggers=(Trigger(function="last", probability=1.0),)),
        Function(name="last", pool="B"),
    )


def test_one_replication_has_no_error():
    """Its estimate stands alone: neither a standard error nor an interval."""
    alone = ratio(np.array([3]), np.array([10]))
    assert (alone.estimate, alone.replications) == (0.3, 1)
    assert (alone.standard_error, alone.ci_low, alone.ci_high) == (None, None, None)


def test_a_pool_by_its_name():
    """A scenario gives its pools by their names."""
    scenario = Scenario(pools=POOLS, functions=functions())
    assert [scenario.pool(name).keys for name in ("A", "B")] == [(1,), (2,)]


def test_triggers_may_meet_again():
    """Two ways to the same function are no circle."""
    both = Trigger(function="image", probability=0.5), Trigger(function="last", probability=0.5)
    assert Scenario(pools=POOLS, functions=functions(*both)).functions[0].triggers == both


def test_probabilities_of_triggers_add_up_to_one_at_most():
    """A call triggers at most one other."""
    both = Trigger(function="image", probability=0.6), Trigger(function="last", probability=0.5)
    with pytest.raises(ConfigurationError, match="triggers add up to more than 1"):
        Scenario(pools=POOLS, functions=functions(*both))


def test_a_reaction_is_one_of_four():
    """Anything else is shown, and the four are named."""
    with pytest.raises(ConfigurationError, match=r"on_reject is 7; it is Fail\(\), Failover\(\)"):
        Scenario(pools=POOLS, functions=functions(), on_reject=7)


def test_a_document_says_where_it_is_wrong():
    """What a file holds is refused in its name, whether a type or a value is wrong."""
    pools = [{"name": "A", "keys": [1]}]
    with pytest.raises(ConfigurationError, match=r"^own\.toml: Expected"):
        scenario_of({"pools": 3, "functions": []}, "own.toml")
    with pytest.raises(ConfigurationError, match=r"^own\.toml: (?!Expected)"):
        scenario_of({"pools": pools, "functions": [{"name": "f", "pool": "none"}]}, "own.toml")


@pytest.mark.parametrize("keys", [0, -1, MOST_KEYS + 1])
def test_numbers_of_keys_that_cannot_be_simulated(keys):
    """None, and too many."""
    with pytest.raises(ConfigurationError, match="cannot be simulated; give 1 to"):
        pool_of(keys, 2, None)


def test_isolates_and_service_of_a_simple_scenario():
    """What is given is taken; what is not is the default."""
    plain = simple_scenario(keys=2, per_minute=2, rate_per_min=4.0)
    function = plain.functions[0]
    own = simple_scenario(
        keys=2, per_minute=2, rate_per_min=4.0, isolates=function.isolates, service=function.service
    )
    assert own == plain


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"policy": "by-luck"}, 'policy is "by-luck"; allowed are random-start-round-robin, '),
        ({"window": "weekly"}, 'window is "weekly"; allowed are fixed, sliding and token-bucket'),
        ({"picks_per_request": 0}, "picks_per_request is 0; allowed are 1 and 2"),
        ({"picks_per_request": "2"}, 'picks_per_request is "2"; allowed are 1 and 2'),
        ({"charge_rejected": 1}, "charge_rejected is 1; allowed are False and True"),
        ({"duration_s": "1 h"}, 'duration_s is "1 h"; it must be more than 0'),
        ({"warm_up_s": None}, "warm_up_s is None; it must be 0 or more"),
        ({"deployments_s": ("noon",)}, 'a deployment is "noon"'),
        ({"on_reject": Failover(tries=1.5)}, "tries is 1.5; allowed are 1 to"),
        ({"on_reject": Failover(tries="2")}, 'tries is "2"; allowed are 1 to'),
        ({"on_reject": "retry"}, 'on_reject "retry" is unknown; there are fail, failover, backoff and wait'),
        ({"isolates": "lambda"}, 'isolates "lambda" is unknown; there are supabase-free, '),
        ({"isolates": Hosted(slots=2.5)}, "slots is 2.5; allowed are 1 to"),
        ({"isolates": ScalePerRequest(max_instances="9")}, 'max_instances is "9"; allowed are 1 to'),
    ],
)
def test_values_of_another_kind_are_refused_when_a_scenario_is_made(options, told):
    """Python gives anything: what a file would be refused for is refused here, before it is simulated."""
    with pytest.raises(ConfigurationError) as caught:
        simple_scenario(keys=2, per_minute=2, rate_per_min=1.0, **options)
    assert told in str(caught.value)


def test_reactions_and_isolates_have_names():
    """Those of the command line."""
    named = simple_scenario(keys=2, rate_per_min=1.0, on_reject="failover", isolates="supabase-paid")
    assert named.on_reject == Failover()
    assert named.functions[0].isolates == Hosted(life_s=200.0)
