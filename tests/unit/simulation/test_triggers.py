"""Chats that ask for an image: calls that set off calls, on SimPy."""

import numpy as np

from keyrota.pools.declared import Pool, Quota
from keyrota.simulation import trace as t
from keyrota.simulation.model import Model
from keyrota.simulation.scenario import Function, Scenario, Service, Single, Trigger
from keyrota.simulation.setting import setting_of
from keyrota.simulation.tally import OfFunction, OfKey
from keyrota.traffic.arrivals import Poisson


def run(**trigger):
    scenario = Scenario(
        pools=(
            Pool(name="CHAT", keys=(1, 2), quota=Quota(per_minute=3)),
            Pool(name="IMAGE", keys=(7,), quota=Quota(per_minute=60)),
        ),
        functions=(
            Function(
                name="chat", pool="CHAT", arrivals=Poisson(rate_per_min=5.0),
                isolates=Single(boot_s=(0.0, 0.0)), service=Service(warm_s=1.5, law="constant"),
                triggers=(Trigger(function="generate-image", **trigger),),
            ),
            Function(name="generate-image", pool="IMAGE", isolates=Single(boot_s=(0.0, 0.0))),
        ),
        duration_s=36_000.0,
    )  # fmt: skip
    return Model(setting_of(scenario), np.random.SeedSequence(1), keep_trace=True).run()


def test_a_request_triggers_another_when_it_has_succeeded():
    """Images: a quarter of the chats that passed (4 standard errors), each 1.5 s after its chat's pick."""
    result = run(probability=0.25)
    chat, image = result.tally.functions
    passed = chat[OfFunction.REQUESTS] - chat[OfFunction.REJECTED]
    assert chat[OfFunction.REJECTED] > 100
    expected, error = passed / 4, (passed * 3 / 16) ** 0.5
    assert abs(image[OfFunction.REQUESTS] - expected) < 4 * error
    picks = result.trace[result.trace[:, t.KIND] == t.PICK]
    chats, images = (set(picks[picks[:, t.FUNCTION] == number, t.TIME].tolist()) for number in (0, 1))
    assert {time - 1_500_000_000 for time in images} <= chats


def test_a_trigger_may_replace_the_call():
    """The document's chat picks a key before it routes to the image function: that pick makes no call."""
    result = run(probability=0.25, replaces_call=True)
    chat, image = result.tally.functions
    keys = result.tally.keys[:2].sum(axis=0)
    assert chat[OfFunction.UNUSED] == image[OfFunction.REQUESTS] > 100
    assert keys[OfKey.PICKS] - keys[OfKey.CALLS] == chat[OfFunction.UNUSED]


def test_nothing_is_triggered_with_probability_0_and_everything_with_1():
    """The bounds."""
    assert run(probability=0.0).tally.functions[1, OfFunction.REQUESTS] == 0
    chat, image = run(probability=1.0).tally.functions
    assert image[OfFunction.REQUESTS] == chat[OfFunction.REQUESTS] - chat[OfFunction.REJECTED]
