"""The search of the smallest pool: its answer, its proof, its guesses, its ends."""

import pytest

from keyrota.planning.onset import MOST_SIZE
from keyrota.planning.smallest import SizeSearch, guessed_keys, keys_by_theory, replications_of
from keyrota.simulation.estimates import Quantity
from keyrota.simulation.scenario import Backoff, Failover, Single
from keyrota.simulation.simple import simple_scenario
from keyrota.theory import keys_needed
from keyrota.traffic.arrivals import Bursts, Profile, Regular, Sessions


def search(target=0.01, **options):
    own = {"keys": 1, "per_minute": 2, "rate_per_min": 2.0, "on_reject": Failover(), **options}
    return SizeSearch(simple_scenario(**own), target, 0, "compiled")


class Known(SizeSearch):
    """A search among shares that are known, which counts what it looks at."""

    def __init__(self, shares, guess):
        super().__init__(simple_scenario(keys=1, per_minute=1, rate_per_min=guess * 0.5), 0.01, 0, "compiled")
        self.shares, self.looked = shares, []

    def share(self, keys):
        if keys not in self.looked:
            self.looked.append(keys)
        low, high = self.shares(keys)
        return Quantity(
            estimate=(low + high) / 2, standard_error=0.0, ci_low=low, ci_high=high, replications=24
        )


@pytest.mark.parametrize("answer", [1, 2, 3, 7, 16, 100, 999, 1000])
@pytest.mark.parametrize("guess", [1, 4, 60])
def test_every_size_is_found_from_every_guess(answer, guess):
    """The smallest size that is enough, with the one below it outside, in few looks."""
    known = Known(lambda keys: (0.0, 0.005) if keys >= answer else (0.02, 0.03), guess)
    found = known.smallest()
    assert (found.keys, found.is_proved) == (answer, True)
    assert (found.share_below is None) == (answer == 1)
    assert len(known.looked) <= 24


def test_an_undecided_size_is_not_the_answer():
    """The next size up is, and it is said that the proof is open."""
    known = Known(lambda keys: (0.0, 0.005) if keys > 5 else (0.008, 0.012) if keys == 5 else (0.02, 0.03), 4)
    found = known.smallest()
    assert (found.keys, found.is_proved) == (6, False)
    assert found.share_below.ci_low < 0.01 < found.share_below.ci_high


def test_no_pool_is_enough():
    """A reason in words: what was tried, or that the limits alone take more."""
    found = Known(lambda keys: (0.5, 0.6), 4).smallest()
    assert found.keys is None
    assert found.reason == "even 1,000 keys are not enough"
    beyond = search(rate_per_min=5000.0).smallest()
    assert beyond.keys is None
    assert beyond.share is None
    assert beyond.reason.startswith("the limits alone take 2,475 keys or more")


def test_the_interval_proves_the_answer():
    """Within the target with its whole interval, and outside with one key less."""
    found = search().smallest()
    assert found.keys == keys_needed(2.0, per_minute=2, target=0.01, choice="fail-over")
    assert found.is_proved
    assert found.share.ci_high <= 0.01 < found.share_below.ci_low


def test_one_key_needs_no_lower_proof():
    """Nothing is simulated below it."""
    found = search(per_minute=100).smallest()
    assert (found.keys, found.share_below, found.is_proved) == (1, None, True)


@pytest.mark.parametrize(
    "arrivals",
    [
        Profile(rate_per_min=1.0, weights=tuple(range(24))),
        Bursts(rate_per_min=1.0),
        Sessions(rate_per_min=1.0),
        Regular(rate_per_min=4.0),
    ],
    ids=["profile", "bursts", "sessions", "regular"],
)
def test_other_traffic_has_a_smallest_pool_too(arrivals):
    """Larger than that of Poisson traffic where it comes in waves; a job takes its plain quotient."""
    found = search(arrivals=arrivals, rate_per_min=None).smallest()
    if isinstance(arrivals, Regular):
        assert found.keys == 2
    else:
        assert found.keys > keys_needed(1.0, per_minute=2, target=0.01, choice="fail-over")
    assert found.share.ci_high <= 0.01


def test_a_guess_is_never_missing():
    """Theory of the nearest law where none speaks, of both limits, in any window."""
    for window in ("fixed", "sliding", "token-bucket"):
        for reaction in (Failover(), Backoff()):
            scenario = simple_scenario(
                keys=1, per_minute=2, per_day=50, window=window, on_reject=reaction,
                arrivals=Sessions(rate_per_min=4.0),
            )  # fmt: skip
            assert guessed_keys(scenario, 0.01) == 115
            assert keys_by_theory(scenario, 0.01) == (None, None)


def test_theory_tells_each_limit_alone():
    """The day is one window of so many requests; a limit that is not declared takes nothing."""
    both = simple_scenario(keys=2, per_minute=2, per_day=50, rate_per_min=4.0, on_reject=Failover())
    assert keys_by_theory(both, 0.01) == (4, 115)
    assert keys_by_theory(simple_scenario(keys=2, per_day=50, rate_per_min=4.0), 0.01) == (None, 136)


def test_effort_has_an_end():
    """Fewer replications of a busier pool, of the slow engine, and where a choice searches all keys."""
    long = {"duration_s": 864_000.0, "per_minute": 2}
    plain = simple_scenario(keys=100, rate_per_min=4.0, **long)
    searching = simple_scenario(keys=100, rate_per_min=4.0, policy="least-used", **long)
    busy = simple_scenario(keys=100, rate_per_min=4000.0, **long)
    assert replications_of(plain, "compiled")[1] > replications_of(searching, "compiled")[1]
    assert replications_of(plain, "compiled")[1] > replications_of(plain, "simpy")[1]
    assert replications_of(busy, "compiled") == (4, 4)


def test_a_rotation_that_never_helps_ends_in_words():
    """Isolates that begin at the first key and live for one request use one key, whatever their number."""
    found = search(policy="start-at-first", on_reject=simple_scenario(
        keys=1, per_minute=2, rate_per_min=1.0).on_reject).smallest()  # fmt: skip
    assert found.keys is None
    assert str(MOST_SIZE)[0] in found.reason
    single = search(policy="start-at-first", isolates=Single(), on_reject=Failover()).smallest()
    assert single.keys == 3
