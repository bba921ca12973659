"""Many logs, of which most are finished or gone: what is kept is that of those that are there."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from keyrota.logs import finished, growing
from keyrota.logs import follow as follow_module
from keyrota.logs.finished import DONE_KEPT
from keyrota.logs.follow import OPEN_KEPT, Follow
from keyrota.logs.grammar import DEFAULT_RULES

DESCRIPTORS = Path("/proc/self/fd")
GONE = growing.GONE_READS


def line(number):
    time = f"2025-11-10T{8 + number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
    return f"{time} Using GOOGLE_KEY_1 (position 1/2 in pool)\n"


def numbers(followed):
    """Which lines have come."""
    first = 1_762_761_600
    return [t // 10**9 - first for piece in followed.pieces() for t in piece.gathered.rows.time.tolist()]


def append(path, text):
    with path.open("a") as stream:
        stream.write(text)


def opened(folder):
    """The files of a folder that this process has open, by their names; those of deleted ones say so."""
    if not DESCRIPTORS.exists():
        pytest.skip("this system does not tell which files are open")
    found = []
    for entry in DESCRIPTORS.iterdir():
        try:
            found.append(os.readlink(entry))
        except FileNotFoundError:
            continue  # the one that listed them
    return [name for name in found if name.startswith(str(folder))]


OPENED = []


@pytest.fixture(autouse=True)
def _closed():
    yield
    while OPENED:
        OPENED.pop().close()


def follow(*paths, **options):
    OPENED.append(Follow([str(path) for path in paths], DEFAULT_RULES, **options))
    return OPENED[-1]


def test_few_of_many_files_stay_open(tmp_path):
    """Logs with dates in their names: few are open, and any of them may still grow."""
    for n in range(110):
        (tmp_path / f"day-{n:03}.log").write_text(line(n))
    followed = follow(tmp_path)
    assert sorted(numbers(followed)) == list(range(110))
    assert len(opened(tmp_path)) == OPEN_KEPT
    assert numbers(followed) == []
    for n in range(0, 110, 10):
        append(tmp_path / f"day-{n:03}.log", line(1000 + n))
    assert sorted(numbers(followed)) == list(range(1000, 1110, 10))
    assert len(opened(tmp_path)) == OPEN_KEPT


def test_a_deleted_file_frees_its_room(tmp_path):
    """After a while without a line it is closed and forgotten; a log that was named is waited for."""
    (tmp_path / "logs").mkdir()
    files = [tmp_path / "logs" / f"day-{n}.log" for n in range(5)]
    named = tmp_path / "app.log"
    for n, file in enumerate([*files, named]):
        file.write_text(line(n))
    followed = follow(tmp_path / "logs", named)
    assert sorted(numbers(followed)) == list(range(6))
    with files[0].open("a") as writer:
        for file in [*files, named]:
            file.unlink()
        writer.write(line(10) + line(13)[:-1])  # its writer has it open, and goes on for a while
        writer.flush()
        assert numbers(followed) == [10]
    assert [number for _ in range(GONE) for number in numbers(followed)] == [13]
    assert opened(tmp_path) == []
    assert sorted(followed.dropped) == [str(file) for file in files]
    assert (list(followed.places.logs), followed.places.done) == ([str(named)], [])
    named.write_text(line(11))
    files[1].write_text(line(12))
    assert sorted(numbers(followed) + numbers(followed) + numbers(followed)) == [11, 12]
    assert [note for note in followed.notes if "gone" in note] == []


def test_a_renamed_file_is_there(tmp_path):
    """A log whose path is empty is read on where it is now, also under a name of another kind."""
    log = tmp_path / "app.log"
    log.write_text(line(0) + line(1))
    followed = follow(tmp_path)
    assert numbers(followed) == [0, 1]
    log.rename(tmp_path / "before-app.log")
    for _ in range(2 * GONE):
        assert numbers(followed) == []
    assert opened(tmp_path) == []
    append(tmp_path / "before-app.log", line(2))
    assert numbers(followed) == [2]
    log.write_text(line(3))
    assert numbers(followed) + numbers(followed) + numbers(followed) == [3]
    assert numbers(follow(tmp_path, places=followed.places)) == []


def test_a_folder_that_was_away_is_read_on(tmp_path):
    """A file that comes back, as after a mount, goes on where it was."""
    logs, away = tmp_path / "logs", tmp_path / "away"
    logs.mkdir()
    for n in range(50):
        (logs / f"day-{n}.log").write_text(line(n))
    followed = follow(logs)
    assert sorted(numbers(followed)) == list(range(50))
    logs.rename(away)
    for _ in range(2 * GONE):
        assert numbers(followed) == []
    assert followed.places.logs == {}
    append(away / "day-7.log", line(100))
    away.rename(logs)
    assert numbers(followed) + numbers(followed) == [100]
    assert len(followed.places.logs) == 50


@pytest.mark.parametrize("how", ["rename", "copytruncate"])
def test_finished_files_are_not_read_twice(tmp_path, how):
    """However many lie in the folder, and whatever became of their log; not after restarts either."""
    log = tmp_path / "app.log"
    followed = follow(tmp_path)
    found = []
    for n in range(40):
        append(log, line(2 * n) + line(2 * n + 1))
        found += numbers(followed) + numbers(followed)
        if how == "rename":
            log.rename(tmp_path / f"app.log.{n}")
        else:
            shutil.copy(log, tmp_path / f"app.log.{n}")
            found += numbers(followed)
            log.write_text("")
        found += numbers(followed)
        if n % 7 == 3:
            followed.close()
            followed = follow(tmp_path, places=followed.places)
    log.unlink(missing_ok=True)
    for _ in range(GONE + 2):
        found += numbers(followed)
    again = follow(tmp_path, places=followed.places)
    assert found + numbers(again) == list(range(80))
    for rotated in tmp_path.iterdir():
        rotated.unlink()
    for _ in range(GONE + 2):
        assert numbers(again) == []
    assert again.places.logs == {}
    assert len(again.places.done) <= DONE_KEPT


def test_places_do_not_grow_with_the_files_that_were_there(tmp_path, monkeypatch):
    """Hundreds of days, of which the last three are kept: logs are those three, with some that ended."""
    monkeypatch.setattr(finished, "DONE_KEPT", 10)
    monkeypatch.setattr(growing, "GONE_READS", 3)
    followed = follow(tmp_path)
    found = []
    for n in range(300):
        (tmp_path / f"day-{n:03}.log").write_text(line(2 * n))
        found += numbers(followed)
        (tmp_path / f"day-{n:03}.log").rename(tmp_path / f"day-{n:03}.log.1")
        (tmp_path / f"day-{n:03}.log").write_text(line(2 * n + 1))
        found += numbers(followed) + numbers(followed) + numbers(followed)
        for name in (f"day-{n - 3:03}.log", f"day-{n - 3:03}.log.1"):
            (tmp_path / name).unlink(missing_ok=True)
    assert found == list(range(600))
    places = followed.places
    assert len(places.logs) <= 3 + 3
    assert len(places.done) <= 3 + 10 + 1  # one ended after the last look
    assert len(followed._finished._gone) <= 10
    assert len(followed._logs) == len(places.logs)


def test_places_of_other_logs_that_are_gone_are_few(tmp_path, monkeypatch):
    """Of logs that are not given any more, those that are there are kept, and few of the others."""
    monkeypatch.setattr(follow_module, "DONE_KEPT", 10)
    other = tmp_path / "other"
    other.mkdir()
    for n in range(40):
        (other / f"day-{n}.log").write_text(line(n))
    first = follow(other)
    assert len(numbers(first)) == 40
    for n in range(25):
        (other / f"day-{n}.log").unlink()
    second = follow(tmp_path / "app.log", places=first.places)
    assert len(second.places.logs) == 15 + 10
    assert numbers(follow(other, places=second.places)) == []


LIMITED = """
import json, os, resource, sys
from keyrota.logs.follow import Follow
from keyrota.logs.grammar import DEFAULT_RULES


def lines():
    return sum(piece.gathered.lines for piece in followed.pieces())


folder, limit, takes_all = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "all"
followed = Follow([f"{folder}/day-000.log"], DEFAULT_RULES)
lines()  # imports what it needs
followed.close()
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
followed = Follow([folder], DEFAULT_RULES)
first = lines()
for name in (f"{folder}/day-003.log", f"{folder}/day-149.log"):
    with open(name, "a") as stream:
        stream.write("2025-11-11T07:00:00Z Using GOOGLE_KEY_1 (position 1/2 in pool)\\n")
    os.rename(name, f"{name}.1")
    with open(name, "w") as stream:
        stream.write("2025-11-11T08:00:00Z Using GOOGLE_KEY_1 (position 1/2 in pool)\\n")
others = []
try:
    while takes_all:
        others.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
short = lines()
if takes_all:
    followed._rest_but(0)
    while True:
        try:
            others.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            break
    short += lines() + lines()
for other in others:
    os.close(other)
later = sum(lines() for _ in range(4))
print(json.dumps([first, short, later, followed.notes, len(followed.places.logs)]))
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of a process")
@pytest.mark.parametrize(("limit", "taken"), [(100, "none"), (20, "none"), (60, "all")])
def test_a_low_limit_of_open_files(tmp_path, limit, taken):
    """What cannot be opened is tried again: no log is left out for good, and no line comes twice."""
    for n in range(150):
        (tmp_path / f"day-{n:03}.log").write_text(line(2 * n) + line(2 * n + 1))
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path), str(limit), taken], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    first, short, later, notes, logs = json.loads(done.stdout)
    assert (first, short + later, logs) == (300, 4, 150)
    if taken == "all":
        assert later
        assert len(notes) == 1
        assert "tried again" in notes[0]
    else:
        assert notes == []


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_done_to_many_files(tmp_path, monkeypatch, seed):
    """Grown, renamed, copied and emptied, deleted, made anew, over restarts: each line comes once."""
    rng = random.Random(seed)
    monkeypatch.setattr(follow_module, "OPEN_KEPT", rng.choice([0, 1, 3, 32]))
    monkeypatch.setattr(growing, "GONE_READS", rng.choice([1, 3]))
    followed = follow(tmp_path)
    found, written, rotated = [], 0, 0

    def look():
        for _ in range(4):
            found.extend(numbers(followed))

    for _ in range(60):
        log = tmp_path / f"{rng.choice('abcd')}.log"
        for _ in range(rng.randint(1, 3)):
            append(log, line(written))
            written += 1
        if rng.random() < 0.6:
            found.extend(numbers(followed))
        what = rng.choice(["nothing", "rename", "copy", "delete", "restart", "delete an old one"])
        if what == "rename":
            look()
            rotated += 1
            log.rename(tmp_path / f"{log.name}.{rotated}")
        elif what == "copy":
            look()
            rotated += 1
            shutil.copy(log, tmp_path / f"{log.name}.{rotated}")
            if rng.random() < 0.5:
                found.extend(numbers(followed))
            log.write_text("")
            found.extend(numbers(followed))
        elif what == "delete":
            look()
            log.unlink()
            look()
        elif what == "restart":
            followed.close()
            followed = follow(tmp_path, places=followed.places)
        elif what == "delete an old one" and (old := sorted(tmp_path.glob("*.log.*"))):
            look()
            rng.choice(old).unlink()
    look()
    assert sorted(found) == list(range(written))
    there = sum(1 for _ in tmp_path.iterdir())
    assert len(followed.places.logs) <= there
