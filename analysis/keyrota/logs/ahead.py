"""Pieces made by another thread while the ones before are worked on: decompression beside the scan."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from queue import Full, Queue
from threading import Event, Thread
from typing import Final, TypeAlias

DEPTH: Final = 4
"""Pieces that wait at most: what one thread is ahead of the other evens out, memory stays small."""

_PATIENCE_S: Final = 0.05

_FAREWELL_S: Final = 1.0
"""How long the end waits for the thread, which may wait itself: for an address that does not answer."""

_Told: TypeAlias = bytes | BaseException | None


def ahead(chunks: Iterable[bytes]) -> Generator[bytes]:
    """Yield pieces that another thread fetches; an error of it is raised here, where its piece would come.

    The thread ends with the pieces, or when the iterator is closed.
    """
    pieces: Queue[_Told] = Queue(DEPTH)
    is_over = Event()
    worker = Thread(target=_fetch, args=(chunks, pieces, is_over), name="keyrota-ahead", daemon=True)
    worker.start()
    try:
        while (piece := pieces.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece
            yield piece
    finally:
        is_over.set()
        worker.join(_FAREWELL_S)


def _fetch(chunks: Iterable[bytes], pieces: Queue[_Told], is_over: Event) -> None:
    told: _Told = None
    try:
        for piece in chunks:
            if not _put(piece, pieces, is_over):
                return
    except BaseException as error:  # whatever it is, it is the other thread's to deal with
        told = error
    _put(told, pieces, is_over)


def _put(piece: _Told, pieces: Queue[_Told], is_over: Event) -> bool:
    """Hand over a piece; false if nobody wants it any more."""
    while not is_over.is_set():
        try:
            pieces.put(piece, timeout=_PATIENCE_S)
        except Full:
            continue
        return True
    return False
