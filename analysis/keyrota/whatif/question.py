"""What is asked: a pool, its limits, its rotation and its traffic in a few choices, and what is answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from keyrota.display import shown
from keyrota.errors import ConfigurationError
from keyrota.planning.curve import share_curves, theory_curve
from keyrota.planning.share_curve import ShareCurve
from keyrota.simulation.scenario import (
    PolicyName,
    Scenario,
    WindowName,
)
from keyrota.simulation.simple import ISOLATES, REACTIONS, simple_scenario

if TYPE_CHECKING:
    from keyrota.report.figures import ReportFigure

SIZE_IN: Final = (5.2, 3.5)
"""Width and height of the figure, inches."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A pool of like keys under Poisson traffic.

    Parameters
    ----------
    rate_per_min
        The reader's own traffic, requests a minute, above 0.
    keys
        Keys, each in its own project.
    per_minute, per_day
        Limits of each key; ``None`` for none.
    policy, window
        As in `keyrota.simulation.scenario.Scenario`.
    on_reject, isolates
        One of `keyrota.simulation.simple.REACTIONS`, one of `ISOLATES` there.
    target
        Share of requests that may end in a 429, in (0, 1).
    """

    rate_per_min: float = 1.0
    keys: int = 4
    per_minute: int | None = 2
    per_day: int | None = None
    policy: PolicyName = "random-start-round-robin"
    on_reject: str = "fail"
    window: WindowName = "fixed"
    isolates: str = "supabase-free"
    target: float = 0.01

    def __post_init__(self) -> None:
        for name, value, known in (
            ("on_reject", self.on_reject, REACTIONS),
            ("isolates", self.isolates, ISOLATES),
        ):
            if value not in known:
                raise ConfigurationError(f"{name} is {shown(value)}; there are {', '.join(known)}")

    def scenario(self) -> Scenario:
        """Return what is simulated."""
        return simple_scenario(
            keys=self.keys, per_minute=self.per_minute, per_day=self.per_day,
            rate_per_min=self.rate_per_min, isolates=self.isolates, policy=self.policy,
            on_reject=self.on_reject, window=self.window,
        )  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What is known by now.

    Parameters
    ----------
    question
        What was asked.
    curve
        Shares of 429s by rate; the rate of the question is among the rates.
    usable_by
        Where the usable rate comes from; ``None`` where it is not known yet.
    """

    question: Question
    curve: ShareCurve
    usable_by: Literal["theory", "simulation"] | None

    def sentences(self) -> list[str]:
        """Return the answer in words.

        Examples
        --------
        >>> for told in answer_at_once(Question(keys=2, policy="random", rate_per_min=4.0)).sentences():
        ...     print(told)
        Usable: 0.523 requests a minute with at most 1 % of 429s (theory). Nominal: 4.
        At your 4 a minute 27.1 % of requests end in a 429 (theory).
        """
        return [self._usable(), self._at_rate()]

    def _usable(self) -> str:
        nominal = f"Nominal: {self.curve.nominal_per_min:,.3g}."
        if self.curve.usable_per_min is None:
            return f"Usable: no closed form tells, the simulation is searching. {nominal}"
        return (
            f"Usable: {self.curve.usable_per_min:,.3g} requests a minute with at most "
            f"{100 * self.curve.target:.3g} % of 429s ({self.usable_by}). {nominal}"
        )

    def _at_rate(self) -> str:
        place = int(np.flatnonzero(self.curve.rate_per_min == self.question.rate_per_min)[0])
        told = [
            f"{_percent(float(column[place]))} of requests end in a 429 ({source})"
            for source, column in (
                ("theory", self.curve.theory_share),
                ("simulation", self.curve.simulated_share),
            )
            if column is not None and np.isfinite(column[place])
        ]
        rate = f"At your {self.question.rate_per_min:,.3g} a minute"
        if len(told) == 2:
            told[1] = told[1].replace(" of requests end in a 429", "")
        return f"{rate} {', '.join(told) or 'only the simulation tells, which is under way'}."


def answer_at_once(question: Question) -> Answer | None:
    """Return what theory says, in milliseconds; ``None`` if no closed form speaks.

    Raises
    ------
    ConfigurationError, ModelError
        If a value is not allowed, or there is no limit, so that 429s never begin.

    Examples
    --------
    >>> theory = answer_at_once(Question(keys=2, policy="random"))
    >>> round(theory.curve.usable_per_min, 4), theory.usable_by
    (0.5225, 'theory')
    """
    curve = theory_curve(question.scenario(), target=question.target, also_at=(question.rate_per_min,))
    return None if curve is None else Answer(question, curve, _source(curve, curve))


def answers(question: Question, *, seed: int = 0) -> Iterator[Answer]:
    """Yield answers, what is known sooner first; see `keyrota.planning.curve.share_curves`.

    The simulation begins at the rate of the question.

    Raises
    ------
    ConfigurationError, ModelError
        If a value is not allowed, or there is no limit, so that 429s never begin.
    """
    first = None
    for curve in share_curves(
        question.scenario(), target=question.target, also_at=(question.rate_per_min,), seed=seed
    ):
        first = first or curve
        yield Answer(question, curve, _source(curve, first))


def _source(curve: ShareCurve, first: ShareCurve) -> Literal["theory", "simulation"] | None:
    """Return where the usable rate comes from: what is known before any search is theory's."""
    if curve.usable_per_min is None:
        return None
    return "theory" if curve.usable_per_min == first.usable_per_min else "simulation"


def figure_of(answer: Answer) -> ReportFigure:
    """Return the figure of an answer: the curve, with a mark at the reader's own rate."""
    from keyrota.report.figures import draw_share_curve, share_curve_figure
    from keyrota.report.figures.rate_mark import mark_rate

    figure = share_curve_figure(answer.curve)

    def draw(ax: Any) -> None:
        draw_share_curve(ax, answer.curve)
        mark_rate(ax, answer.question.rate_per_min)

    return replace(figure, draw=draw, size=SIZE_IN, alt=f"{figure.alt} {' '.join(answer.sentences())}")


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %" if share == 0 or share >= 1e-5 else "less than 0.001 %"
