"""The rotation of one pool while it happens: starts, steps, the evidence against them, the alarms.

The level of the pool is spent over its tests and over the alarms of each test: half of it on the starts,
a quarter each on repeated and on other broken steps; and of that the share 6 / (pi^2 i^2) on alarm number i,
so that all shares of a test add up to one. An alarm opens a finding. While it is open, its test rests; it
ends when the picks look as declared again, and the test begins anew.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from keyrota.findings.key_places import Places, keys_by_place
from keyrota.rotation.policies import declared_step
from keyrota.rotation.stream import StartStream
from keyrota.watch.episodes import Episode, Episodes
from keyrota.watch.steps import StepStream

CALM: Final = 64
"""So many starts, or steps, that look as declared end a finding: starts of which the position that was
favoured has no more than its fair share, rounded up; steps that all go to the next key."""

ISOLATES_KEPT: Final = 20_000
"""How many isolates are remembered; the first pick of another one is a start."""

STEPS_KEPT: Final = 64
"""How many of the last steps are remembered by their times, to tell since when they are broken."""

LAST_PICKS: Final = 24
STUCK_CHANCE: Final = 5e-5
"""If the last picks before an alarm of the starts all took one position, its key is stuck: so many picks, but
6 at least, that a fair choice takes the same that often with this probability."""

SHARES: Final = {"starts": 0.5, "repeats": 0.25, "disorder": 0.25}
_MOMENTS: Final = 1_024


class TestState(msgspec.Struct):
    """One test of a pool: how many alarms it gave, and what it watches while its finding is open.

    Parameters
    ----------
    alarms
        Alarms so far.
    code
        Of its open finding, ``None`` without one.
    favoured
        The 0-based position that its open finding names.
    calm
        The last starts since, or the number of whole steps in a row.
    """

    alarms: int = 0
    code: str | None = None
    favoured: int = 0
    calm: list[int] = msgspec.field(default_factory=list)
    whole_steps: int = 0


class Moments(msgspec.Struct):
    """When the starts of a stream were, as exactly as bounded memory allows."""

    stride: int = 1
    times: list[int] = msgspec.field(default_factory=list)
    number: int = 0

    def add(self, time_ns: int) -> None:
        """Note the time of the next start."""
        if self.number % self.stride == 0:
            self.times.append(time_ns)
            if len(self.times) > _MOMENTS:
                self.times, self.stride = self.times[::2], 2 * self.stride
        self.number += 1

    def at(self, number: int) -> int:
        """Return the time of a start, or of the last one before it whose time is known."""
        return self.times[min(number // self.stride, len(self.times) - 1)]


class RotationState(msgspec.Struct):
    """What a pool's rotation was so far, as JSON holds it; `shown` is the last key at each 1-based place."""

    shown: dict[int, int] = msgspec.field(default_factory=dict)
    isolates: dict[str, int] = msgspec.field(default_factory=dict)
    knows_isolates: bool = False
    starts: int = 0
    steps: int = 0
    broken_steps: int = 0
    step_times: list[int] = msgspec.field(default_factory=list)
    last_picks: list[int] = msgspec.field(default_factory=list)
    tests: dict[str, TestState] = msgspec.field(
        default_factory=lambda: {name: TestState() for name in SHARES}
    )
    repeats: StepStream = msgspec.field(default_factory=StepStream)
    disorder: StepStream = msgspec.field(default_factory=StepStream)
    moments: Moments = msgspec.field(default_factory=Moments)
    stream: dict[str, Any] = msgspec.field(default_factory=dict)


class PoolRotation:
    """Judges the picks of one pool of K keys.

    Parameters
    ----------
    name, keys
        Of the pool, in the order of the rotation.
    alpha
        Probability of a false alarm over the whole life of this watch of the pool.
    episodes
        Where findings are told.
    state
        That of an earlier run.
    """

    def __init__(
        self,
        name: str,
        keys: Sequence[int],
        *,
        alpha: float,
        episodes: Episodes,
        state: RotationState | None = None,
    ) -> None:
        self.name, self.keys, self.alpha = name, keys, alpha
        self.state = state or RotationState()
        self.size = len(keys)
        told = self.state.stream
        self.stream = StartStream.from_dict(told) if told else StartStream(self.size)
        self._episodes = episodes
        self._step = declared_step(self.size)
        # What has come since the last `judge`: picks, their keys and times, which of them are starts, and of
        # each step its pick, by number.
        self._positions: list[int] = []
        self._keys: list[int | None] = []
        self._times: list[int] = []
        self._is_start: list[bool] = []
        self._steps: list[tuple[int, int, int]] = []

    def pick(self, time_ns: int, position: int, isolate: str | None, key: int | None = None) -> None:
        """Take the next pick, at a 1-based position of the pool's own size; its key if the log shows it."""
        index = position - 1
        before = None
        if isolate is not None:
            isolates = self.state.isolates
            before = isolates.pop(isolate, None)
            if before is None and len(isolates) >= ISOLATES_KEPT:
                del isolates[next(iter(isolates))]
            isolates[isolate] = index
            self.state.knows_isolates = True
        self._positions.append(index)
        self._keys.append(key)
        self._times.append(time_ns)
        self._is_start.append(before is None)
        if before is not None:
            self._steps.append((time_ns, (index - before) % self.size, len(self._positions) - 1))

    def level(self, test: str) -> float:
        """Return the ln E at which the next alarm of a test comes."""
        number = self.state.tests[test].alarms + 1
        return -math.log(self.alpha * SHARES[test] * 6 / (math.pi * number) ** 2)

    @property
    def waiting(self) -> int:
        """Number of picks that have come since the last `judge`."""
        return len(self._positions)

    def judge(self, *, is_complete: bool = True) -> None:
        """Hold what has come against the declared rotation; if picks are missing in it, only count it."""
        if self.size > 1 and self._positions and is_complete:
            self._judge_starts()
            if self._steps:
                for test, is_broken in (
                    ("repeats", [step == 0 for _, step, _ in self._steps]),
                    ("disorder", [step not in (0, self._step) for _, step, _ in self._steps]),
                ):
                    self._judge_steps(test, is_broken)
        state = self.state
        state.starts += sum(self._is_start)
        state.steps += len(self._steps)
        state.broken_steps += sum(step != self._step for _, step, _ in self._steps)
        state.step_times = (state.step_times + [time for time, _, _ in self._steps[-STEPS_KEPT:]])[
            -STEPS_KEPT:
        ]
        state.last_picks = (state.last_picks + self._positions[-LAST_PICKS:])[-LAST_PICKS:]
        state.shown = self._shown(len(self._positions))
        self._positions, self._keys, self._times, self._is_start, self._steps = [], [], [], [], []

    def saved(self) -> RotationState:
        """Return the state, the stream's in it."""
        self.state.stream = dict(self.stream.to_dict())
        return self.state

    def _judge_starts(self) -> None:
        at = np.flatnonzero(self._is_start)
        positions = np.array(self._positions, dtype=np.int64)[at]
        test = self.state.tests["starts"]
        done = 0
        while done < len(at):
            if test.code is not None:
                done = self._await_calm(positions, at, done)
                continue
            rest = positions[done:]
            before = copy.deepcopy(self.stream)
            above = np.flatnonzero(self.stream.add(rest) >= self.level("starts"))
            taken = len(rest) if not len(above) else int(above[0]) + 1
            for pick in at[done : done + taken].tolist():
                self.state.moments.add(self._times[pick])
            done += taken
            if len(above):
                if taken < len(rest):
                    self.stream = before
                    self.stream.add(rest[:taken])
                self._alarm_of_starts(int(at[done - 1]))

    def _alarm_of_starts(self, pick: int) -> None:
        """Open the finding that the starts show, at this pick: a stuck key, or starts that are not random."""
        stream, state = self.stream, self.state
        favoured, since = stream.favoured(), stream.suspected_since()
        count = max(6, math.ceil(math.log(STUCK_CHANCE) / -math.log(self.size)))
        last = (state.last_picks + self._positions[: pick + 1])[-count:]
        is_stuck = last == [favoured] * count
        code = "R104" if is_stuck else "R102" if state.knows_isolates else "R101"
        self._open(
            "starts", code, pick, state.moments.at(since), favoured, stream.log_e, stream.seen - since,
        )  # fmt: skip

    def _await_calm(self, positions: NDArray[np.int64], at: NDArray[np.intp], done: int) -> int:
        """Take starts until the finding ends, or all; return how many are done."""
        test = self.state.tests["starts"]
        fair = -(-CALM // self.size)
        for number in range(done, len(at)):
            test.calm = [*test.calm[1 - CALM :], int(positions[number])]
            if len(test.calm) == CALM and test.calm.count(test.favoured) <= fair:
                self._close("starts", self._times[int(at[number])])
                self.stream = StartStream(self.size)
                self.state.moments = Moments()
                return number + 1
        return len(at)

    def _judge_steps(self, name: str, is_broken: list[bool]) -> None:
        test = self.state.tests[name]
        done = 0
        while done < len(is_broken):
            if test.code is not None:
                broken = is_broken[done]
                test.whole_steps = 0 if broken else test.whole_steps + 1
                if test.whole_steps >= CALM:
                    self._close(name, self._steps[done][0])
                    setattr(self.state, name, StepStream())
                done += 1
                continue
            stream: StepStream = getattr(self.state, name)
            found = stream.add(is_broken[done:], self.level(name))
            if found is None:
                return
            done += found + 1
            pick = self._steps[done - 1][2]
            own = stream.seen - stream.suspected_since()
            code = "R104" if name == "repeats" else "R103"
            last = (self.state.step_times + [time for time, _, _ in self._steps[:done]])[-STEPS_KEPT:]
            since = last[-min(own, len(last))]
            self._open(name, code, pick, since, self._positions[pick], stream.log_e, own)
            test.whole_steps = 0

    def _open(
        self, test: str, code: str, pick: int, since_ns: int, favoured: int, log_e: float, number: int
    ) -> None:
        """Open a finding at a pick, by its number since the last `judge`."""
        state = self.state.tests[test]
        state.alarms += 1
        state.code, state.favoured, state.calm = code, favoured, []
        keys: tuple[int, ...] = ()
        facts = {}
        if code in ("R101", "R102", "R104"):
            places = Places(keys_by_place(self._shown(pick + 1), self.keys))
            key, name = places.keys.get(favoured + 1), places.name(favoured + 1)
            keys = () if key is None else (key,)
            if name != f"key {key}":
                facts["name"] = name
        self._episodes.sign(
            code, self.name, self._times[pick], keys=keys, number=number, test=test, since_ns=since_ns,
            log10_e=round(log_e / math.log(10), 2), isolates_known=self.state.knows_isolates,
            alarm=state.alarms, **facts,
        )  # fmt: skip

    def _shown(self, picks: int) -> dict[int, int]:
        """Return the last key at each place after so many picks since the last `judge`."""
        told = zip(self._positions[:picks], self._keys[:picks], strict=True)
        return self.state.shown | {index + 1: key for index, key in told if key is not None}

    def _close(self, test: str, now_ns: int) -> None:
        state = self.state.tests[test]
        code, state.code = state.code, None
        still = any(other.code == code for other in self.state.tests.values())
        found: Episode | None = self._episodes.get(code or "", self.name)
        if found is not None and not still:
            found.last_ns = max(found.last_ns, now_ns)
            self._episodes.end(found, now_ns)
