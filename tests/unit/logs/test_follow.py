"""Logs that grow: every complete line once, whatever the writer does to the file."""

import os
import random
import re
import shutil

import pytest

from keyrota.errors import InputError
from keyrota.logs import follow as follow_module
from keyrota.logs.follow import Follow
from keyrota.logs.grammar import DEFAULT_RULES
from keyrota.logs.growing import KEPT_BYTES


def line(number, key=1):
    time = f"2025-11-10T08:{number // 60:02}:{number % 60:02}Z"
    return f"{time} Using GOOGLE_KEY_{key} (position {key}/2 in pool)\n"


def times(followed):
    """The second of each pick that has come."""
    first = 1_762_761_600
    return [t // 10**9 - first for piece in followed.pieces() for t in piece.gathered.rows.time.tolist()]


OPENED = []


@pytest.fixture(autouse=True, params=[32, 1, 0], ids=["open", "one open", "none open"])
def _closed(request, monkeypatch):
    """However few files stay open between two looks, what comes is the same."""
    monkeypatch.setattr(follow_module, "OPEN_KEPT", request.param)
    yield
    while OPENED:
        OPENED.pop().close()


def follow(*paths, **options):
    OPENED.append(Follow([str(path) for path in paths], DEFAULT_RULES, **options))
    return OPENED[-1]


def append(path, text):
    with path.open("a") as stream:
        stream.write(text)


def test_only_complete_lines_count(tmp_path):
    """The part of a line waits for its rest."""
    log = tmp_path / "app.log"
    log.write_text(line(0) + line(1)[:30])
    followed = follow(log)
    assert times(followed) == [0]
    append(log, line(1)[30:-1])
    assert times(followed) == []
    append(log, "\n" + line(2))
    assert times(followed) == [1, 2]


def test_a_late_writer_is_waited_for(tmp_path):
    """A file that is not there yet is told of once, and read when it comes."""
    log = tmp_path / "app.log"
    followed = follow(log)
    assert (times(followed), len(followed.notes)) == ([], 1)
    assert "waited for" in followed.notes[0]
    log.write_text(line(0))
    assert times(followed) == [0]
    assert followed.waiting_for == []


def test_from_now_leaves_out_what_is_there(tmp_path):
    """With `from_end` only what comes later counts, the line that was begun included."""
    log = tmp_path / "app.log"
    log.write_text(line(0) + line(1)[:20])
    followed = follow(log, from_end=True)
    assert times(followed) == []
    append(log, line(1)[20:])
    assert times(followed) == [1]


def test_from_now_of_a_restart_skips_no_new_file(tmp_path):
    """A run that goes on where another stopped reads what rotation brings from its start."""
    log = tmp_path / "app.log"
    log.write_text(line(0))
    first = follow(log)
    assert times(first) == [0]
    second = follow(log, places=first.places, from_end=True)
    log.rename(tmp_path / "app.log.1")
    log.write_text(line(1))
    assert [time for _ in range(3) for time in times(second)] == [1]


def test_a_folder_is_waited_for(tmp_path):
    """One that is not there yet is followed when it comes, as a file is."""
    followed = follow(tmp_path / "logs")
    assert times(followed) == []
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "app.log").write_text(line(0))
    assert times(followed) == [0]


def test_rotation_by_rename(tmp_path):
    """The old file is read to its end, a last word of its writer too, and then the new one."""
    log = tmp_path / "app.log"
    log.write_text(line(0))
    followed = follow(log)
    assert times(followed) == [0]
    append(log, line(1))
    log.rename(tmp_path / "app.log.1")
    append(tmp_path / "app.log.1", line(2))
    assert times(followed) == [1, 2]
    log.write_text(line(3))
    assert times(followed) == []
    append(tmp_path / "app.log.1", line(9)[:-1])  # its writer was still at it, and wrote no end
    assert [time for _ in range(4) for time in times(followed)] == [9, 3]
    append(log, line(4))
    assert times(followed) == [4]


@pytest.mark.parametrize("copied", [True, False], ids=["copied", "emptied"])
def test_rotation_by_truncation(tmp_path, copied):
    """A file that became shorter is read from its start; what was copied away unread is read there."""
    log = tmp_path / "app.log"
    log.write_text(line(0) + line(1))
    followed = follow(log)
    assert times(followed) == [0, 1]
    append(log, line(2))
    if copied:
        shutil.copy(log, tmp_path / "app.log.1")
    log.write_text(line(3))
    assert times(followed) + times(followed) == ([2, 3] if copied else [3])
    append(log, line(4))
    assert times(followed) == [4]


def test_truncation_to_the_same_size(tmp_path):
    """Other first bytes tell a file that was rewritten, even if it is as long as before, or longer."""
    log = tmp_path / "app.log"
    log.write_text(line(0) + line(1))
    followed = follow(log)
    assert times(followed) == [0, 1]
    log.write_text(line(2) + line(3))
    assert times(followed) + times(followed) == [2, 3]
    log.write_text(line(4) + line(5) + line(6))
    assert times(followed) + times(followed) == [4, 5, 6]


def test_a_folder_is_followed(tmp_path):
    """New files of a folder are read; renamed files and copies are not read again; others are left out."""
    (tmp_path / "a.log").write_text(line(0) + line(1))
    followed = follow(tmp_path)
    assert times(followed) == [0, 1]
    (tmp_path / "b.log").write_text(line(2) + line(3))
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert times(followed) == [2, 3]
    assert any("PNG" in note for note in followed.notes)
    (tmp_path / "a.log").rename(tmp_path / "a.log.1")
    (tmp_path / "a.log").write_text(line(4) + line(5))
    shutil.copy(tmp_path / "b.log", tmp_path / "b.log.1")
    assert times(followed) + times(followed) + times(followed) == [4, 5]


def test_several_files_are_met_in_the_order_of_their_times(tmp_path, monkeypatch):
    """What is behind in time is read first."""
    monkeypatch.setattr(follow_module, "PIECE_BYTES", 100)
    (tmp_path / "a.log").write_text("".join(line(n) for n in range(0, 40, 2)))
    (tmp_path / "b.log").write_text("".join(line(n) for n in range(1, 40, 2)))
    found = times(follow(tmp_path / "a.log", tmp_path / "b.log"))
    assert sorted(found) == list(range(40))
    assert max(abs(place - time) for place, time in enumerate(found)) <= 4


def test_places_survive_a_restart(tmp_path):
    """Another run goes on where the first stopped, also if the log was renamed or copied meanwhile."""
    for number, how in enumerate(("nothing", "renamed", "copied")):
        log = tmp_path / f"{how}.log"
        log.write_text(line(0) + line(1))
        first = follow(log)
        assert times(first) == [0, 1]
        places = first.places
        append(log, line(2))
        rotated = tmp_path / f"{how}.log.1"
        if how == "renamed":
            log.rename(rotated)
            log.write_text(line(3))
        elif how == "copied":
            shutil.copy(log, rotated)
            log.write_text(line(3))
        else:
            append(log, line(3))
        second = follow(log, places=places)
        assert times(second) + times(second) == [2, 3], (number, how)


def test_places_hold_no_key_and_no_half_character(tmp_path):
    """Logs with such names are gone on with under their hashes, given by name, in a folder or by a glob."""
    logs = [tmp_path / name for name in ("AIzaSyA1234567890.log", "AIzaSyA1234567891.log", "caf\udce9.log")]
    for given in (logs, [tmp_path], [tmp_path / "*.log"]):
        for number, log in enumerate(logs):
            log.write_text(line(number))
        first = follow(*given)
        assert sorted(times(first)) == [0, 1, 2]
        assert all(re.fullmatch(r"\[key\] [0-9a-f]{32}", name) for name in first.places.logs)
        for number, log in enumerate(logs):
            append(log, line(10 + number))
        second = follow(*given, places=first.places)
        assert (sorted(times(second)), second.notes) == ([10, 11, 12], [])
        logs[0].unlink()
        third = follow(tmp_path, places=second.places)
        assert (times(third), third.notes) == ([], [])
        assert third.places.logs == second.places.logs


def test_places_of_other_logs_are_kept_and_not_read(tmp_path):
    """A log that is not given this time is not followed, and not read again when it is given once more."""
    logs = [tmp_path / name for name in ("a.log", "b.log")]
    for number, log in enumerate(logs):
        log.write_text(line(number))
    both = follow(*logs)
    assert times(both) == [0, 1]
    append(logs[1], line(2))
    alone = follow(logs[0], places=both.places)
    assert times(alone) == []
    assert times(follow(*logs, places=alone.places)) == [2]


def test_a_log_that_is_gone_is_told_of(tmp_path):
    """If the file of an earlier run is gone, that is said, and the new one is read from its start."""
    log = tmp_path / "app.log"
    log.write_text(line(0))
    first = follow(log)
    times(first)
    os.replace(log, tmp_path / "elsewhere")
    os.unlink(tmp_path / "elsewhere")
    log.write_text(line(1) + line(2))
    second = follow(log, places=first.places)
    assert "gone" in second.notes[0]
    assert times(second) == [1, 2]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x1f\x8b\x08\x00rest\n", "compressed"),
        (b'[{"event_message":"x","timestamp":1762761600000000}]\n', "JSON array"),
        (b"id,timestamp,event_message\n1,2,3\n", "csv"),
        ("\ufeffbooted\n".encode("utf-16-le"), "UTF-16"),
        (b"PAR1....\n", "Parquet"),
    ],
)
def test_what_cannot_be_followed_says_what_to_do(tmp_path, content, what):
    """A shape that has no lines of its own is refused in one line with its name."""
    log = tmp_path / "app.log"
    log.write_bytes(content)
    with pytest.raises(InputError, match=what) as error:
        times(follow(log))
    assert str(log) in str(error.value)


def test_a_fifo_is_refused(tmp_path):
    """Of a pipe with a name the reader is told to pipe it in, whether somebody writes to it or not."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="give - instead"):
        times(follow(tmp_path / "pipe"))
    writer = os.open(tmp_path / "pipe", os.O_RDWR | os.O_NONBLOCK)
    with pytest.raises(InputError, match="give - instead"):
        times(follow(tmp_path / "pipe"))
    os.close(writer)


def test_an_endless_line_takes_little_memory(tmp_path):
    """A line without an end is kept up to a limit, and the line after it is read."""
    log = tmp_path / "app.log"
    log.write_text(line(0))
    followed = follow(log)
    assert times(followed) == [0]
    with log.open("a") as stream:
        for _ in range(3):
            stream.write("x" * KEPT_BYTES)
            stream.flush()
            assert times(followed) == []
            assert len(next(iter(followed._logs.values())).file._rest) <= KEPT_BYTES
    append(log, "\n" + line(1))
    assert times(followed) == [1]


@pytest.mark.parametrize("seed", range(20))
def test_pieces_are_invisible(tmp_path, seed):
    """However a log is appended and rotated, each line comes once and in order."""
    rng = random.Random(seed)
    text = "".join(line(n, 1 + n % 2) for n in range(60))
    log = tmp_path / "app.log"
    followed = follow(log)
    found = []
    at = rotation = 0
    while at < len(text):
        step = rng.choice((1, 7, 80, 500))
        append(log, text[at : at + step])
        at += step
        if rng.random() < 0.5:
            found += times(followed)
        if text[:at].endswith("\n") and rng.random() < 0.4:
            found += times(followed)
            rotation += 1
            if rng.random() < 0.5:
                log.rename(tmp_path / f"app.log.{rotation}")
            else:
                log.write_text("")
            if rng.random() < 0.5:
                followed = follow(log, places=followed.places)
    for _ in range(3):
        found += times(followed)
    assert found == list(range(60))
