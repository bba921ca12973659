"""The app's widgets: theory at once, the simulation behind it, the newest question wins."""

import threading

import pytest

from keyrota.simulation.simple import ISOLATES, REACTIONS
from keyrota.whatif import app as module
from keyrota.whatif.app import WORDS, WhatIf, what_if
from keyrota.whatif.question import Question, answer_at_once


@pytest.fixture
def app():
    own = WhatIf(Question(keys=2, policy="random"))
    own.wait(60)
    return own


def test_a_change_is_answered_by_theory_before_anything_is_simulated(app, monkeypatch):
    """When the control has changed, the figure and the words are theory's, while the simulation waits."""
    gate = threading.Event()

    def waiting(question):
        gate.wait(60)
        yield answer_at_once(question)

    monkeypatch.setattr(module, "answers", waiting)
    before = app.figure.value
    app.controls["keys"].value = 3
    told = answer_at_once(app.question).sentences()[0]
    assert told in app.answer.value
    assert app.figure.value != before
    assert "Simulating" in app.status.value
    gate.set()
    app.wait(60)
    assert "Simulated in" in app.status.value


def test_the_newest_question_wins(app):
    """After many quick changes the answer is that to the last one."""
    for keys in (3, 4, 5, 6):
        app.controls["keys"].value = keys
    app.wait(60)
    assert app.question.keys == 6
    assert "Nominal: 12." in app.answer.value
    assert "% (simulation)" in app.answer.value


def test_no_limit_is_said_and_undone(app):
    """Without any limit the app says why there is no figure; with one it is back."""
    app.controls["per_minute"].value = 0
    assert app.question.per_minute is None
    assert "has no limit of requests" in app.answer.value
    assert app.figure.value == ""
    app.controls["per_minute"].value = 5
    app.wait(60)
    assert "<img" in app.figure.value


def test_an_error_of_the_simulation_is_shown(app, monkeypatch):
    """What goes wrong in the other thread does not look like work that goes on; markup in it is text."""

    def broken(question):
        raise RuntimeError("<b>no</b>")
        yield

    monkeypatch.setattr(module, "answers", broken)
    app.controls["keys"].value = 3
    with pytest.raises(RuntimeError):
        app.wait(60)
    assert "The simulation failed: RuntimeError: &lt;b&gt;no&lt;/b&gt;." in app.status.value


def test_every_choice_has_words():
    """Lists say in words what each value means, each with words of its own."""
    for name, values in (("policy", module.POLICIES), ("window", module.WINDOWS),
                         ("on_reject", REACTIONS), ("isolates", ISOLATES)):  # fmt: skip
        words = [WORDS[value] for value in values]
        assert len(set(words)) == len(words), name


def test_it_begins_with_what_is_asked_first():
    """A start that is on no list, a limit of 7 and a target of 3 %, is added to them."""
    asked = Question(keys=40, per_minute=7, per_day=333, target=0.03, rate_per_min=2.0)
    own = WhatIf(asked)
    own.wait(60)
    assert own.question == asked
    assert len(what_if(asked).children) == 2
