"""What the app asks and answers, without widgets."""

from itertools import product

import numpy as np
import pytest

from keyrota import theory
from keyrota.errors import ConfigurationError, ModelError
from keyrota.quota.windows import WINDOWS
from keyrota.report.figures import as_svg
from keyrota.rotation.policies import POLICIES
from keyrota.simulation.simple import ISOLATES, REACTIONS
from keyrota.whatif.question import Question, answer_at_once, answers, figure_of


def test_every_choice_is_a_scenario():
    """All combinations of rotation, reaction, window and isolates can be asked."""
    for policy, on_reject, window, isolates in product(POLICIES, REACTIONS, WINDOWS, ISOLATES):
        asked = Question(policy=policy, on_reject=on_reject, window=window, isolates=isolates)
        scenario = asked.scenario()
        assert (scenario.policy, scenario.window) == (policy, window)
        assert scenario.on_reject == REACTIONS[on_reject]
        assert scenario.functions[0].isolates == ISOLATES[isolates]


def test_theory_answers_at_once():
    """The answer at once is the closed form's, at the question's own rate."""
    answer = answer_at_once(Question(keys=2, policy="random", rate_per_min=4.0))
    assert answer.usable_by == "theory"
    assert answer.curve.usable_per_min == theory.usable_rate(keys=2, per_minute=2, target=0.01)
    share = theory.rejected_share(4.0, keys=2, per_minute=2)
    assert (
        answer.sentences()[1] == f"At your 4 a minute {100 * share:.3g} % of requests end in a 429 (theory)."
    )


def test_the_simulation_joins_theory():
    """The last answer has both at the question's rate, and says so."""
    *_, last = answers(Question(keys=2, policy="random", rate_per_min=4.0))
    (place,) = np.flatnonzero(last.curve.rate_per_min == 4.0)
    expected = theory.rejected_share(4.0, keys=2, per_minute=2)
    assert last.curve.simulated_share[place] == pytest.approx(expected, abs=0.01)
    assert "(theory), " in last.sentences()[1]
    assert "% (simulation)" in last.sentences()[1]


def test_what_only_the_simulation_tells():
    """Without a closed form nothing is answered at once; the usable rate is the simulation's in the end."""
    asked = Question(on_reject="backoff", window="sliding")
    assert answer_at_once(asked) is None
    stages = list(answers(asked))
    assert stages[0].usable_by is None
    assert "searching" in stages[0].sentences()[0]
    assert stages[-1].usable_by == "simulation"


def test_a_share_that_is_next_to_none_is_said_so():
    """Theory's 1e-50 is not printed as a number."""
    answer = answer_at_once(Question(keys=10, per_minute=15, on_reject="failover", rate_per_min=30.0))
    assert "less than 0.001 % of requests" in answer.sentences()[1]


def test_the_figure_tells_the_answer():
    """The text alternative holds the sentences, and the drawing marks the reader's rate."""
    answer = answer_at_once(Question(rate_per_min=3.0))
    figure = figure_of(answer)
    assert all(told in figure.alt for told in answer.sentences())
    assert "your rate" in as_svg(figure)


@pytest.mark.parametrize("name", ["on_reject", "isolates"])
def test_an_unknown_choice_is_refused(name):
    """A name that is none is refused with those that are."""
    with pytest.raises(ConfigurationError, match=f'{name} is "nothing"; there are '):
        Question(**{name: "nothing"})


def test_no_limit_has_no_answer():
    """Without a limit there is no 429 to ask for."""
    with pytest.raises(ModelError, match="no limit"):
        answer_at_once(Question(per_minute=None))
