"""Rows of a log that grows to what a watch counts: picks, and 429s each once with their cause.

What other rows say of a row is taken from those before it alone, whatever pieces the log comes in: the
function of its isolate, the pool that its isolate picks from, the error that a retry line announced. What
comes late, the lines of an error's body, corrects what was told before. The rules are those of
`keyrota.logs.enrich`, `keyrota.logs.sequence` and `keyrota.quota.rejections`, read forward.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec
import numpy as np

from keyrota.display import masked_name, redact, visible
from keyrota.events import CAUSES
from keyrota.logs.enrich import POOL_LINE_REACH
from keyrota.logs.gathered import Gathered
from keyrota.logs.gemini import parse_quota_error
from keyrota.logs.live_events import Corrected, Event, Pick, Rejected, sound_times
from keyrota.logs.recent_picks import RECENT_LINES, RECENT_NS
from keyrota.logs.rows import KIND_CODES, MISSING
from keyrota.logs.sequence import BODY_LINES, BODY_SPAN_NS, FUNCTIONS_IN_FLIGHT
from keyrota.pools.declared import PoolConfig

PLACES_KEPT: Final = 4_096
"""How many isolates and functions are remembered, those heard of last."""

LABELS_KEPT: Final = 1_000
"""How many keys that are told by a masked id get a number."""

GIVES_UP_NS: Final = 5_000_000_000
SAME_ATTEMPT_NS: Final = 50_000_000
"""How close an error and a retry line of one attempt lie: see `keyrota.quota.rejections`."""

SEVERAL: Final = ""
"""The pool of an isolate that picks from several."""

_PICK, _POOL, _REJECTION, _RETRY, _INVOCATION, _FRAGMENT = (
    KIND_CODES[kind] for kind in ("pick", "pool", "rejection", "retry", "invocation", "fragment")
)
_CAUSES: Final = (*CAUSES, "unknown")  # a missing code finds the last
_TEXTS_KEPT: Final = 40
_NAMELESS: Final = "f "


class _Place(msgspec.Struct):
    """An isolate, or a function where lines name no isolate."""

    function: str | None = None
    pool: str | None = None
    key: int | None = None
    last: list[Any] | None = None  # of the last 429: time, line, is an error, announces, cause, pool, limit
    picked: bool = False  # since then
    texts: list[str] = msgspec.field(default_factory=list)


class LiveState(msgspec.Struct):
    """What a reader of rows knows of those before: numbers and names, as JSON holds them."""

    places: dict[str, _Place] = msgspec.field(default_factory=dict)
    slugs: dict[str, str] = msgspec.field(default_factory=dict)
    serving: list[str] = msgspec.field(default_factory=list)
    recent: list[list[Any]] = msgspec.field(default_factory=list)
    held: list[list[Any]] = msgspec.field(default_factory=list)
    time: int | None = None


class LiveRows:
    """Reads the rows of one log in their order.

    Parameters
    ----------
    config
        The declared pools.
    key_labels
        Numbers for keys that logs tell by a masked id; added to.
    state
        That of an earlier run.
    """

    def __init__(
        self, config: PoolConfig, key_labels: dict[str, int], state: LiveState | None = None
    ) -> None:
        self.state = state or LiveState()
        self._labels = key_labels
        self._pools = config.pools
        self._pool_of_key = {key: pool.name for pool in config.pools for key in pool.keys}
        self._by_name = {pool.name.casefold(): pool for pool in config.pools}
        self._pool_of_function = {name: pool.name for pool in config.pools for name in pool.functions}
        models = [pool.model for pool in config.pools]
        self._pool_of_model = {p.model: p.name for p in config.pools if models.count(p.model) == 1}
        self._out: list[Event] = []

    def read(self, gathered: Gathered, now_ns: int) -> list[Event]:
        """Return the events of the next rows.

        Parameters
        ----------
        gathered
            Rows in the order of the log.
        now_ns
            The time now, for `keyrota.logs.live_events.sound_times`.
        """
        rows, state = gathered.rows, self.state
        # What is kept goes to a file: masked as in the event table. A missing code is -1.
        names: list[str | None] = [*map(redact, rows.names), None]
        keys = self._numbered(gathered)
        times = sound_times(rows.time, now_ns, state.time).tolist()
        columns = [
            rows.kind.tolist(), times, rows.line.tolist(), keys, rows.position.tolist(),
            rows.size.tolist(), [names[i] for i in rows.function.tolist()],
            [names[i] for i in rows.function_id.tolist()], [names[i] for i in rows.isolate.tolist()],
            [names[i] for i in rows.pool.tolist()],
        ]  # fmt: skip
        self._out = []
        for at, (kind, time, line, key, position, size, slug, function_id, isolate, named) in enumerate(
            zip(*columns, strict=True)
        ):
            if state.held:
                self._release(kind, time, isolate, named)
            function = slug
            place = None
            if isolate is not None or slug is not None or function_id is not None or kind != _PICK:
                function, place = self._place(kind, slug, function_id, isolate, key)
            elif state.serving:
                function = self._serving(key)
            if kind == _PICK:
                pool = self._pool_of_key.get(key)
                own_key = None if key == MISSING else key
                told = (
                    time, pool, own_key, None if position == MISSING else position,
                    None if size == MISSING else size, function, isolate,
                )  # fmt: skip
                if pool is None:
                    self._open_pick(told, named, place)
                else:
                    self._picked(told, place)
            elif kind in (_REJECTION, _RETRY):
                self._on_429(at, rows, kind, time, line, function, named, place, names)
            elif kind == _FRAGMENT and place is not None and place.last is not None:
                self._more_of_body(rows.texts.get(at), time, line, place)
            elif kind == _INVOCATION and isolate is None and slug is not None and rows.status[at] == MISSING:
                state.serving = [slug, *state.serving][:FUNCTIONS_IN_FLIGHT]
            if kind == _POOL and named is not None and place is not None and place.pool is None:
                place.pool = self._declared(named)
        state.time = times[-1] if times else state.time
        return self._out

    def flush(self) -> list[Event]:
        """Return picks that wait for the line that names their pool: nothing has come for a while."""
        self._out = []
        held, self.state.held = self.state.held, []
        for _, told in held:
            self._picked(tuple(told), self._known(told[6], told[5]))
        return self._out

    def _numbered(self, gathered: Gathered) -> list[int]:
        keys: list[int] = gathered.rows.key.tolist()
        if not gathered.key_labels:
            return keys
        numbers = [self._number(masked_name(label)) for label in gathered.key_labels]
        labels = gathered.label.tolist()
        return [key if label == MISSING else numbers[label] for key, label in zip(keys, labels, strict=True)]

    def _number(self, label: str) -> int:
        if label not in self._labels and len(self._labels) >= LABELS_KEPT:
            return MISSING
        return self._labels.setdefault(label, len(self._labels) + 1)

    def _known(self, isolate: str | None, function: str | None) -> _Place:
        """Return what is known of an isolate, else of a function; the one heard of last is kept longest."""
        places = self.state.places
        name = f"i {isolate}" if isolate is not None else f"f {function or ''}"
        place = places.pop(name, None)
        if place is None:
            place = _Place()
            if len(places) >= PLACES_KEPT:
                del places[next(iter(places))]
        places[name] = place
        return place

    def _place(
        self, kind: int, slug: str | None, function_id: str | None, isolate: str | None, key: int
    ) -> tuple[str | None, _Place]:
        """Return a row's function and what is known of where it happened."""
        state = self.state
        function = slug
        if function_id is not None:
            if slug is not None and (function_id in state.slugs or len(state.slugs) < PLACES_KEPT):
                state.slugs[function_id] = slug
            function = slug or state.slugs.get(function_id, function_id)
        if isolate is None:
            if function is None and state.serving and kind != _INVOCATION:
                function = self._serving(key)
            return function, self._known(None, function)
        place = self._known(isolate, None)
        if function is None:
            function = place.function
        else:
            place.function = function
        return function, place

    def _serving(self, key: int) -> str:
        """Return which of the functions in flight a row belongs to: the last that picks from its pool."""
        pool = self._pool_of_key.get(key)
        serving = self.state.serving
        fits = (name for name in serving if pool and self._pool_of_function.get(name) == pool)
        return next(fits, serving[0])

    def _declared(self, name: str) -> str:
        pool = self._by_name.get(name.casefold())
        return name if pool is None else pool.name

    def _open_pick(self, told: tuple[Any, ...], named: str | None, place: _Place | None) -> None:
        """Tell the pool of a pick whose key no pool declares, or let it wait for the line that names it."""
        if named is not None:
            self._picked(self._in_pool(told, self._declared(named)), place)
        else:
            self.state.held.append([0, list(told)])

    def _release(self, kind: int, time: int, isolate: str | None, named: str | None) -> None:
        """Let picks go whose pool line has come, or will not come any more."""
        kept = []
        for reach, told in self.state.held:
            is_told = kind == _POOL and named and (told[6], told[0]) == (isolate, time)
            if is_told and named is not None:
                self._picked(self._in_pool(told, self._declared(named)), self._known(told[6], told[5]))
            elif kind == _PICK or reach + 1 >= POOL_LINE_REACH:
                pool = self._pool_of_function.get(told[5] or "")
                place = self._known(told[6], told[5])
                self._picked(self._in_pool(told, pool or place.pool or None), place)
            else:
                kept.append([reach + 1, told])
        self.state.held = kept

    def _in_pool(self, told: Iterable[Any], pool: str | None) -> tuple[Any, ...]:
        """Return a pick in a pool; a position there tells the key of lines that number keys in the pool."""
        time, _, key, position, size, function, isolate = told
        declared = self._by_name.get(pool.casefold()) if pool else None
        if key is None and declared is not None and position is not None and size == declared.size:
            key = declared.key_at(position)
        return time, pool and visible(pool), key, position, size, function, isolate

    def _picked(self, told: tuple[Any, ...], place: _Place | None) -> None:
        time, pool, key, position, size, function, isolate = told
        if position is None and key is not None and pool is not None:
            declared = self._by_name.get(pool.casefold())
            if declared is not None and key in declared.keys:
                position, size = declared.keys.index(key) + 1, declared.size
        if place is not None:
            place.key, place.picked = key if isolate is not None else None, True
            place.pool = pool if place.pool in (None, pool) else SEVERAL
        if isolate is None and function is None:
            self.state.recent = [*self.state.recent[1 - RECENT_LINES :], [time, pool]]
            if (nameless := self.state.places.get(_NAMELESS)) is not None:
                nameless.picked = True
        self._out.append(Pick(time, pool, key, position, size, function, isolate))

    def _on_429(
        self, at: int, rows: Any, kind: int, time: int, line: int, function: str | None, named: str | None,
        place: _Place | None, names: list[str | None],
    ) -> None:  # fmt: skip
        """Count a 429 once: the error and the retry line of one attempt tell of one."""
        is_error = kind == _REJECTION
        if place is None or (not is_error and rows.status[at] != 429):
            return
        announces = not is_error and not bool(np.isnan(rows.retry_after_s[at]))
        cause = _CAUSES[rows.cause[at]] if is_error else "unknown"
        limit = None if rows.limit[at] == MISSING else int(rows.limit[at])
        pool = self._pool_of_429(named, function, place, names[rows.model[at]], time)
        last = place.last
        if last is not None and not place.picked and is_error != last[2]:
            apart = GIVES_UP_NS if not (announces or last[3]) else SAME_ATTEMPT_NS
            if abs(time - last[0]) <= apart:
                if is_error:
                    was, place.last = last[4], [time, line, True, False, cause, last[5], limit]
                    self._keep_text(place, rows.texts.get(at))
                    if (cause, limit) != (was, last[6]):
                        self._out.append(Corrected(last[0], last[5], cause, limit, place.key, was))
                return
        place.last, place.picked = [time, line, is_error, announces, cause, pool, limit], False
        self._keep_text(place, rows.texts.get(at))
        self._out.append(Rejected(time, pool, cause, limit, place.key))

    def _keep_text(self, place: _Place, text: str | None) -> None:
        place.texts = [redact(text)] if text is not None else []

    def _more_of_body(self, text: str | None, time: int, line: int, place: _Place) -> None:
        """Read an error's body again with one more of its lines."""
        last = place.last
        assert last is not None
        is_near = 0 <= time - last[0] <= BODY_SPAN_NS and line - last[1] <= BODY_LINES
        if text is None or not place.texts or not is_near or len(place.texts) > _TEXTS_KEPT:
            return
        place.texts.append(redact(text))
        error = parse_quota_error("\n".join(place.texts))
        was, was_limit = last[4], last[6]
        last[4], last[6] = error.cause, error.limit
        if (error.cause, error.limit) != (was, was_limit):
            self._out.append(Corrected(last[0], last[5], error.cause, error.limit, place.key, was))

    def _pool_of_429(
        self, named: str | None, function: str | None, place: _Place, model: str | None, time: int
    ) -> str | None:
        if named is not None:
            return visible(self._declared(named))
        pool = self._pool_of_function.get(function or "") or place.pool or self._pool_of_model.get(model)
        if pool:
            return pool
        recent = {pool for at, pool in self.state.recent if time - at <= RECENT_NS}
        return recent.pop() if len(recent) == 1 else None
