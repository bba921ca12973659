"""Scenarios that say what cannot be, and estimates of a single replication."""

import numpy as np
import pytest

from keyrota.errors import ConfigurationError
from keyrota.pools.declared import Pool
from keyrota.simulation.estimates import ratio
from keyrota.simulation.scenario import Function, Scenario, Trigger, scenario_of
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
