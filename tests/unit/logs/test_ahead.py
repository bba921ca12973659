"""Pieces fetched by another thread: all of them, in order, no more than wait, and an end whoever ends it."""

import threading
import time

import pytest

from keyrota.logs.ahead import DEPTH, ahead


def others():
    return [thread for thread in threading.enumerate() if thread.name == "keyrota-ahead"]


@pytest.mark.parametrize("number", [0, 1, DEPTH, 50])
def test_all_pieces_come_in_their_order(number):
    """Few or many; the thread is gone when they are out."""
    pieces = [bytes([place]) for place in range(number)]
    assert list(ahead(iter(pieces))) == pieces
    assert not others()


def test_no_more_is_fetched_than_waits():
    """However long the other end takes: memory stays bounded."""
    fetched = []
    came = threading.Event()

    def source():
        for number in range(100):
            fetched.append(number)
            if number == DEPTH + 1:
                came.set()  # one in the hands of each thread, the others wait
            yield b"x"

    pieces = ahead(source())
    next(pieces)
    assert came.wait(timeout=30)
    time.sleep(0.05)
    assert len(fetched) == DEPTH + 2
    pieces.close()
    assert not others()


def test_an_error_comes_where_its_piece_would():
    """What was fetched before it is not lost."""

    def source():
        yield b"a"
        yield b"b"
        raise ValueError("damaged")

    pieces = ahead(source())
    assert [next(pieces), next(pieces)] == [b"a", b"b"]
    with pytest.raises(ValueError, match="damaged"):
        next(pieces)
    assert not others()


def test_who_stops_early_ends_the_thread():
    """Also while it waits with a piece in its hands, and the source is closed."""
    is_closed = threading.Event()

    def source():
        try:
            while True:
                yield bytes(1000)
        finally:
            is_closed.set()

    pieces = ahead(source())
    next(pieces)
    with pytest.raises(KeyboardInterrupt):
        pieces.throw(KeyboardInterrupt)
    assert not others()
    assert is_closed.wait(timeout=30)
