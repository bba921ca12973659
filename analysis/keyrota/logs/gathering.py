"""What the records of several sources say: big logs by a compiled scan and several workers, others alone.

A log that can be read from any place is cut into ranges, a compressed one is one piece; all pieces of all
logs are given to the workers together.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from keyrota.errors import InputError
from keyrota.logs.ahead import ahead
from keyrota.logs.collect import gather
from keyrota.logs.formats import NotALogError, OpenedLog, open_log
from keyrota.logs.gathered import Gathered
from keyrota.logs.grammar import DEFAULT_RULES
from keyrota.logs.rules import RuleTable
from keyrota.logs.scan.machine import has_compiler
from keyrota.logs.scan.shape import Shape, shape_of
from keyrota.logs.sources import Source

if TYPE_CHECKING:
    from keyrota.logs.scan.reader import Part
    from keyrota.workers import Workers

SCAN_BYTES: Final = 50_000_000
"""A smaller log is read by the general decoder before a compiler has started."""

RATIO: Final = 6
"""By how much a compressed log is taken to grow: five to twelve times is usual."""

OnRead = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A range of a log for one worker; without a range the whole of a compressed one.

    That may be decompressed ahead of the scan, by a thread that nobody else needs.
    """

    source: Source
    shape: Shape
    range: tuple[int, int] | None = None
    is_ahead: bool = False


@dataclass(slots=True)
class _Done:
    """What a worker found in a piece, and what it says of the compressed data."""

    part: Part
    problem: str | None = None
    raw_bytes: int = 0


@dataclass(slots=True)
class _Plan:
    """A log that is scanned, with its pieces."""

    log: OpenedLog
    pieces: list[_Piece] = field(default_factory=list)


def gathered_from(
    sources: Sequence[Source], rules: RuleTable, workers: Workers, on_read: OnRead | None = None
) -> Iterator[tuple[Source, tuple[OpenedLog, Gathered] | NotALogError]]:
    """Yield each source with what its records say, or with why it is no log, in the order of the sources.

    Parameters
    ----------
    sources
        The inputs.
    rules
        The grammar.
    workers
        Who scans; threads are enough on one machine.
    on_read
        Called with each number of bytes read.

    Raises
    ------
    InputError
        If a source that the user named cannot be read.
    """
    plans = {
        number: plan for number, source in enumerate(sources) if (plan := _plan_of(source, rules, workers))
    }
    pieces = [piece for plan in plans.values() for piece in plan.pieces]
    if len(pieces) < workers.number:
        pieces = [replace(piece, is_ahead=piece.range is None) for piece in pieces]
    # A function that tells of bytes cannot travel to another machine.
    is_here = workers.cluster is None
    done = (
        workers.map(partial(_scan_piece, on_read=on_read if is_here else None), pieces)
        if pieces
        else iter(())
    )
    for number, source in enumerate(sources):
        try:
            plan = plans.get(number)
            if plan is None:
                yield source, _read_alone(source, rules, on_read)
            else:
                yield source, _put_together(plan, done, None if is_here else on_read)
        except NotALogError as reason:
            yield source, reason
        except InputError as error:
            if source.is_named:
                raise InputError(f"{source.name}: {error}") from None
            yield source, NotALogError(str(error))


def _plan_of(source: Source, rules: RuleTable, workers: Workers) -> _Plan | None:
    """Return how a log is scanned, ``None`` if it is to be read alone: what is wrong with it shows then."""
    if rules is not DEFAULT_RULES or source.size is None or source.size < SCAN_BYTES / RATIO:
        return None
    try:
        log = open_log(source.chunks(), None, rules, limit=source.inflated_limit)
    except (InputError, NotALogError):
        return None
    log.chunks = iter(())
    is_plain = log.inflated.compression is None
    if is_plain and source.size < SCAN_BYTES:
        return None
    shape = shape_of(log, rules)
    if shape is None or not has_compiler():
        return None
    if not (is_plain and source.is_seekable and log.is_whole):
        return _Plan(log, [_Piece(source, shape)])
    from keyrota.logs.scan.ranges import ranges_of

    ranges = ranges_of(source.size, workers.number, start=shape.offset)
    return _Plan(log, [_Piece(source, shape, one) for one in ranges])


def _scan_piece(piece: _Piece, on_read: OnRead | None) -> _Done | InputError:
    from keyrota.logs.scan.ranges import scan

    try:
        if piece.range is not None:
            return _Done(scan(piece.source, *piece.range, piece.shape, on_read=on_read))
        chunks, limit = piece.source.chunks, piece.source.inflated_limit
        log = open_log(chunks(), on_read, again=chunks, limit=limit)
        part = _scan_stream(log, piece.shape, is_ahead=piece.is_ahead)
        return _Done(part, log.inflated.problem, log.inflated.raw_bytes)
    except InputError as error:
        return error


def _scan_stream(log: OpenedLog, shape: Shape, *, is_ahead: bool) -> Part:
    from keyrota.logs.scan.blocks import Blocks, from_chunks
    from keyrota.logs.scan.reader import Scan

    with closing(ahead(log.chunks)) if is_ahead else nullcontext(log.chunks) as chunks:
        blocks = Blocks(from_chunks(chunks))
        blocks.fill()
        blocks.at = shape.offset
        return Scan(shape, DEFAULT_RULES, blocks).run()


def _put_together(
    plan: _Plan, done: Iterator[_Done | InputError], on_read: OnRead | None
) -> tuple[OpenedLog, Gathered]:
    """Take the results of a log's pieces, and put them together."""
    from keyrota.logs.scan.ranges import in_order, joined, scan

    own = itertools.islice(done, len(plan.pieces))
    source, shape = plan.pieces[0].source, plan.pieces[0].shape
    ends: list[tuple[str | None, int]] = []

    def parts() -> Iterator[Part]:
        for result in own:
            if isinstance(result, InputError):
                raise result
            ends.append((result.problem, result.raw_bytes))
            yield result.part

    size = source.size or 0
    ranges = [piece.range for piece in plan.pieces if piece.range is not None]
    again = partial(scan, source, shape=shape, is_start=True)
    try:
        whole = joined(in_order(zip(ranges, parts(), strict=True), again) if ranges else parts(), size)
    except InputError:
        deque(own, maxlen=0)  # those of the next log come behind them
        raise
    if on_read is not None:
        on_read(size)
    log = plan.log
    log.inflated.problem, raw_bytes = ends[-1]
    log.inflated.raw_bytes = raw_bytes or whole.end
    log.end(cut=whole.cut, is_cut=whole.is_truncated)
    return log, whole.gathered


def _read_alone(source: Source, rules: RuleTable, on_read: OnRead | None) -> tuple[OpenedLog, Gathered]:
    again = source.chunks if source.size is not None else None
    log = open_log(source.chunks(), on_read, rules, again, source.inflated_limit)
    shape = shape_of(log, rules) if source.size is None else None
    if shape is not None and _is_big(log) and has_compiler():
        part = _scan_stream(log, shape, is_ahead=False)  # it may have to wait for more, and Ctrl-C with it
        log.end(cut=part.cut, is_cut=part.is_truncated)
        return log, part.gathered
    return log, gather(log.records, rules)


def _is_big(log: OpenedLog) -> bool:
    """Read on in a stream of unknown length, and say whether it is one to be scanned."""
    chunks, size = [], 0
    for chunk in log.chunks:
        chunks.append(chunk)
        size += len(chunk)
        if size >= SCAN_BYTES:
            break
    log.chunks = itertools.chain(chunks, log.chunks)
    return size >= SCAN_BYTES
