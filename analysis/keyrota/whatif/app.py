"""The app: choices as sliders and lists, the figure and the answer beside them.

A change is answered by theory at once, in the thread that it comes in; a second thread simulates and
brings the figure up to date. A newer change makes it drop what it is at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from threading import Lock
from time import monotonic
from typing import Any, Final

import ipywidgets as widgets  # type: ignore[import-untyped]
from jinja2 import Environment, Template

from keyrota.display import sentence, visible
from keyrota.errors import KeyrotaError
from keyrota.quota.windows import WINDOWS
from keyrota.report.notebook import figure_as_html
from keyrota.rotation.policies import POLICIES
from keyrota.simulation.simple import ISOLATES, REACTIONS
from keyrota.whatif.question import (
    Answer,
    Question,
    answer_at_once,
    answers,
    figure_of,
)

REDRAW_S: Final = 0.25
"""Between two drawings of points as they come in."""

WORKING: Final = "Simulating (the first time, the engine is compiled: up to a minute) ..."

PER_MINUTE: Final = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 60, 100, 150, 300, 1000)
PER_DAY: Final = (10, 20, 25, 50, 100, 150, 200, 250, 500, 1000, 1500, 2000, 5000, 10_000)
TARGETS: Final = (0.001, 0.005, 0.01, 0.02, 0.05, 0.10)

WORDS: Final = {
    "random-start-round-robin": "random start, then in order",
    "start-at-first": "first key first, then in order",
    "random": "any key, at random",
    "shared-round-robin": "in order over all isolates",
    "least-used": "the least-used key",
    "sticky": "one key per isolate",
    "fail": "the request fails",
    "failover": "the next key at once",
    "backoff": "wait 1, 2, 4 s, try again",
    "wait": "wait as it says, try again",
    "fixed": "calendar minutes",
    "sliding": "the last 60 seconds",
    "token-bucket": "a bucket that refills",
    "supabase-free": "hosted, free plan (75 s)",
    "supabase-paid": "hosted, paid plan (200 s)",
    "single": "one that never ends",
    "scale-per-request": "one request each",
}
"""What a list says for each value."""


_ANSWER: Final = """\
{% for told in sentences -%}
<p style="margin: 0 0 0.3em; line-height: 1.4; font-size: 1.1em">{{ told }}</p>
{%- endfor %}
"""
_STATUS: Final = '<p role="status" style="margin: 0; line-height: 1.4; color: #595959">{{ told }}</p>'


class WhatIf:
    """The app, running.

    Parameters
    ----------
    start
        What is asked first.
    """

    def __init__(self, start: Question) -> None:
        self.controls = controls_of(start)
        self.answer, self.figure, self.status = (widgets.HTML() for _ in range(3))
        self.figure.layout.min_height = "18em"  # what stands below must not jump
        self._number = 0
        self._drawing = Lock()  # matplotlib's settings are those of the whole process
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="keyrota-whatif")
        self._running: Future[None] | None = None
        for control in self.controls.values():
            control.observe(self._changed, names="value")
        self._changed()

    @property
    def question(self) -> Question:
        """What the controls ask."""
        asked = {name: control.value for name, control in self.controls.items()}
        for name in ("per_minute", "per_day"):
            asked[name] = asked[name] or None  # a list has no room for None
        return Question(**asked)

    def widget(self) -> widgets.Widget:
        """Return everything as one widget."""
        left = widgets.VBox(
            list(self.controls.values()), layout=widgets.Layout(flex="0 1 27em", min_width="17em")
        )
        right = widgets.VBox(
            [self.answer, self.figure, self.status], layout=widgets.Layout(flex="1 1 30em", min_width="17em")
        )
        return widgets.HBox([left, right], layout=widgets.Layout(flex_flow="row wrap", grid_gap="1em 2em"))

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait until the simulation behind the last change is done."""
        if self._running is not None:
            self._running.result(timeout_s)

    def _changed(self, _change: object = None) -> None:
        """Answer by theory, and set the simulation going."""
        self._number += 1
        number, question = self._number, self.question
        self.status.value = ""  # it told of the question before
        try:
            known = answer_at_once(question)
        except KeyrotaError as error:
            self._tell(number, "", [f"{sentence(str(error))}."], status="")
            return
        if known is not None:
            self._show(known, number, WORKING)
        else:  # the figure before stays for the moment that the simulation takes
            self._tell(number, None, ["No closed form tells; the simulation is under way."], status=WORKING)
        self._running = self._worker.submit(self._simulate, number, question)
        self._running.add_done_callback(partial(self._ended, number))

    def _simulate(self, number: int, question: Question) -> None:
        begun = drawn = monotonic()
        last: Answer | None = None
        for answer in answers(question):
            if number != self._number:
                return
            last = answer
            if monotonic() - drawn > REDRAW_S:
                self._show(answer, number, WORKING)
                drawn = monotonic()
        if last is not None:
            self._show(last, number, f"Simulated in {monotonic() - begun:.1f} s.")

    def _ended(self, number: int, done: Future[None]) -> None:
        """Tell what the other thread could not: an error must not look like work that goes on."""
        error = done.exception()
        if error is not None and number == self._number:
            told = str(error) if isinstance(error, KeyrotaError) else f"{type(error).__name__}: {error}"
            self.status.value = _template(_STATUS).render(told=f"The simulation failed: {visible(told)}.")

    def _show(self, answer: Answer, number: int, status: str) -> None:
        """Draw an answer and tell it, unless another question was asked meanwhile."""
        with self._drawing:
            if number == self._number:
                picture = figure_as_html(figure_of(answer), with_numbers=False)
                self._tell(number, picture, answer.sentences(), status=status)

    def _tell(self, number: int, picture: str | None, sentences: Sequence[str], *, status: str) -> None:
        """Show a picture as HTML, or the one before where it is ``None``, with what is to be said."""
        if number != self._number:
            return
        if picture is not None:
            self.figure.value = picture
        self.answer.value = _template(_ANSWER).render(sentences=sentences)
        self.status.value = _template(_STATUS).render(told=status)


def what_if(start: Question | None = None) -> widgets.Widget:
    """Return the app as a widget: show it as the last line of a cell.

    Parameters
    ----------
    start
        What is asked first; four keys of two requests a minute if nothing is given.
    """
    return WhatIf(start or Question()).widget()


def controls_of(start: Question) -> Mapping[str, Any]:
    """Return a control for each field of a question, by its name, set to what is asked first."""
    return {
        "rate_per_min": widgets.FloatLogSlider(
            value=start.rate_per_min, base=10, min=-2, max=4, step=0.02, readout_format=".3g",
            **_look("your requests/min"),
        ),
        "keys": widgets.IntSlider(value=start.keys, min=1, max=max(24, start.keys), **_look("keys")),
        "per_minute": _limit(start.per_minute, PER_MINUTE, "limit a minute"),
        "per_day": _limit(start.per_day, PER_DAY, "limit a day"),
        "policy": _list(start.policy, POLICIES, "which key"),
        "on_reject": _list(start.on_reject, REACTIONS, "on a 429"),
        "window": _list(start.window, WINDOWS, "a minute is"),
        "isolates": _list(start.isolates, ISOLATES, "isolates"),
        "target": widgets.SelectionSlider(
            value=start.target,
            options=[(f"{100 * share:g} %", share) for share in sorted({*TARGETS, start.target})],
            **_look("tolerated 429s"),
        ),
    }  # fmt: skip


def _limit(value: int | None, usual: Sequence[int], words: str) -> widgets.Widget:
    limits = sorted({*usual, value or 0} - {0})
    options = [("none", 0), *((f"{limit:,}", limit) for limit in limits)]
    return widgets.SelectionSlider(value=value or 0, options=options, **_look(words))


def _list(value: str, known: Iterable[str], words: str) -> widgets.Widget:
    return widgets.Dropdown(value=value, options=[(WORDS[name], name) for name in known], **_look(words))


def _look(words: str) -> dict[str, Any]:
    return {
        "description": words,
        "style": {"description_width": "9.5em"},
        "layout": widgets.Layout(width="100%", margin="2px 0"),
    }


@cache
def _template(source: str) -> Template:
    return Environment(autoescape=True).from_string(source)
