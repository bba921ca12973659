"""The instances of a function: where a request goes, when a new one boots, when one ends.

Three platforms: hosted slots, one isolate, and one request at a time with idle expiry. They know
nothing of the event loop; the model asks them at a moment and tells them the moment.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush

from keyrota.rotation.policies import first_position
from keyrota.simulation.draws import BOOT, PREFLIGHT, SLOT, START, Draws
from keyrota.simulation.setting import HOSTED, NEVER, SINGLE, FunctionSetting, Setting
from keyrota.simulation.tally import OfFunction, overlap_us
from keyrota.simulation.trace import DEPLOYED, EARLY_DROP

ShutdownLog = Callable[["Isolate", int, int], None]
BootLog = Callable[["Isolate"], None]


@dataclass(slots=True)
class Isolate:
    """One isolate: its own rotation counter, and the moments of its life.

    Parameters
    ----------
    number
        Within its function, from 0.
    born, ready
        When its boot began and ended.
    ends
        From when on it takes no request any more (of an idle instance: see `idle_until`).
    replaced
        The next deployment.
    position
        1-based position of its next pick.
    busy_until
        Until when it has work; of an instance for one request at a time, since when.
    idle_until
        When an idle instance ends.
    """

    number: int
    born: int
    ready: int
    ends: int
    replaced: int
    position: int
    busy_until: int = 0
    idle_until: int = NEVER


@dataclass
class Isolates(ABC):
    """The isolates of one function.

    Parameters
    ----------
    function, setting
        What they are.
    draws
        The function's streams.
    counts
        The function's row of the tally.
    on_boot, on_shutdown
        Called with an isolate when it boots, and with the moment and the reason of its end.
    """

    function: FunctionSetting
    setting: Setting
    draws: Draws
    counts: list[int]
    on_boot: BootLog
    on_shutdown: ShutdownLog
    booted: int = 0

    @abstractmethod
    def meet(self, now: int) -> Isolate | None:
        """Return the isolate that a request meets, booted for it if need be; ``None`` at the cap."""

    @abstractmethod
    def work(self, isolate: Isolate, begin: int, end: int) -> None:
        """Take note that a request begins its work and when that ends; moments never go back."""

    @abstractmethod
    def leave(self, isolate: Isolate, now: int) -> None:
        """Take note that a request has left."""

    @abstractmethod
    def close(self) -> None:
        """Count what is left when all requests are finished."""

    def _boot(self, now: int) -> Isolate:
        boot = self.function.boot_least + int(self.draws.next(BOOT) * self.function.boot_span)
        size = self.setting.pool_size[self.function.pool]
        position = first_position(self.setting.policy, self.draws.next(START), size)
        deployments = self.setting.deployments
        replaced = deployments[bisect_right(deployments, now)]
        ends = min(now + self.function.life, replaced)
        isolate = Isolate(self.booted, now, now + boot, ends, replaced, position)
        self.booted += 1
        self.on_boot(isolate)
        return isolate

    def _end(self, isolate: Isolate, moment: int) -> None:
        """Count an isolate's whole life; one that outlives the span is alive until its end."""
        self._count(OfFunction.ALIVE_US, isolate.born, moment)
        if moment > self.setting.end:
            return
        self.on_shutdown(isolate, moment, DEPLOYED if moment >= isolate.replaced else EARLY_DROP)
        if moment >= self.setting.warm:
            self.counts[OfFunction.ENDED] += 1
            self.counts[OfFunction.LIFE_US] += (moment - isolate.born) // 1000

    def _count(self, column: OfFunction, begin: int, end: int) -> None:
        self.counts[column] += overlap_us(begin, end, self.setting.warm, self.setting.end)


@dataclass
class Slots(Isolates):
    """Equally likely slots; the isolate in one lives a fixed time from its boot, or until a deployment.

    `single` is the case of one slot and a life without end.
    """

    held: dict[int, Isolate] = field(default_factory=dict)

    def meet(self, now: int) -> Isolate:
        """Return the isolate in a slot drawn at random."""
        return self._at(int(self.draws.next(SLOT) * self.function.slots) if self._is_hosted else 0, now)

    def preflight(self, now: int) -> Isolate:
        """Return the isolate in a slot drawn for the preflight."""
        return self._at(int(self.draws.next(PREFLIGHT) * self.function.slots), now)

    def _at(self, slot: int, now: int) -> Isolate:
        isolate = self.held.get(slot)
        if isolate is None or now >= isolate.ends:
            isolate = self.held[slot] = self._boot(now)
            # Its end is known from the start: requests that it still has then are finished.
            self._end(isolate, isolate.ends)
        return isolate

    def work(self, isolate: Isolate, begin: int, end: int) -> None:
        """Count an isolate busy; the overlapping work of several requests counts once."""
        self._count(OfFunction.BUSY_US, max(begin, isolate.busy_until), end)
        isolate.busy_until = max(end, isolate.busy_until)

    def leave(self, isolate: Isolate, now: int) -> None:
        """Do nothing: its end was counted when it booted."""

    def close(self) -> None:
        """Do nothing: all ends are counted."""

    @property
    def _is_hosted(self) -> bool:
        return self.function.kind == HOSTED


@dataclass
class ScaledInstances(Isolates):
    """One request at a time in an instance; the idle one created last comes first."""

    idle: list[tuple[int, Isolate]] = field(default_factory=list)
    working: int = 0

    def meet(self, now: int) -> Isolate | None:
        """Return the newest idle instance, or a new one unless the cap is reached."""
        while self.idle:
            _, isolate = heappop(self.idle)
            if now < isolate.idle_until:
                self.working += 1
                isolate.busy_until = now
                return isolate
            self._end(isolate, isolate.idle_until)
        if self.working == self.function.cap:
            return None
        self.working += 1
        isolate = self._boot(now)
        isolate.busy_until = now
        return isolate

    def work(self, isolate: Isolate, begin: int, end: int) -> None:
        """Do nothing: an instance is busy until its request leaves."""

    def leave(self, isolate: Isolate, now: int) -> None:
        """Let the instance wait for the next request, or end if a deployment has replaced it."""
        self.working -= 1
        # An instance is busy from the moment it meets its request, also while that waits.
        self._count(OfFunction.BUSY_US, isolate.busy_until, now)
        if now >= isolate.ends:
            self._end(isolate, now)
            return
        isolate.idle_until = min(now + self.function.expiry, isolate.ends)
        heappush(self.idle, (-isolate.number, isolate))

    def close(self) -> None:
        """Count the instances that are idle at last."""
        while self.idle:
            _, isolate = heappop(self.idle)
            self._end(isolate, isolate.idle_until)


def isolates_of(
    function: FunctionSetting,
    setting: Setting,
    draws: Draws,
    counts: list[int],
    on_boot: BootLog,
    on_shutdown: ShutdownLog,
) -> Isolates:
    """Return the isolates of a function."""
    kind = Slots if function.kind in (HOSTED, SINGLE) else ScaledInstances
    return kind(function, setting, draws, counts, on_boot, on_shutdown)
