"""A watch counts events, tells findings with begin and end, and takes no harm from restarts."""

import random
import statistics

import msgspec
import numpy as np
import pandas as pd
import pytest

from keyrota.events import make_events
from keyrota.logs.grammar import DEFAULT_RULES
from keyrota.logs.lines import LineDecoder
from keyrota.logs.live import LiveRows, LiveState
from keyrota.logs.live_events import Corrected, Pick, Rejected
from keyrota.logs.unread import UnreadPick
from keyrota.pools.declared import Pool, PoolConfig, Quota
from keyrota.quota.days import SECOND_NS
from keyrota.watch.core import Watch, WatchState
from keyrota.watch.snapshot import snapshot
from keyrota.watch.wording import as_finding
from keyrota.watching import store as store_module
from keyrota.watching.store import events_of

START = 1_762_761_600 * SECOND_NS
MINUTE = 60 * SECOND_NS
FOUR = PoolConfig(
    pools=(
        Pool(name="FOUR", keys=(3, 4, 5, 6), functions=("draw",), quota=Quota(per_minute=2, per_day=50)),
        Pool(name="TWO", keys=(1, 2), functions=("chat",)),
    )
)


def pick(number, position, *, size=4, isolate=None, function=None, key=None):
    key = position + 2 if key is None else key
    return Pick(START + number * SECOND_NS, "FOUR", key, position, size, function, isolate)


def rejected(number, cause="per-minute", limit=None, key=None):
    return Rejected(START + number * SECOND_NS, "FOUR", cause, limit, key)


def fair(rng, count, *, isolates=True, first=0):
    return [
        pick(first + n, int(p) + 1, isolate=f"i{first + n}" if isolates else None)
        for n, p in enumerate(rng.integers(4, size=count))
    ]


def told(changes):
    return [(change.event, change.episode.code) for change in changes]


def copied(watch):
    """A watch made of the saved state of another."""
    saved = msgspec.json.decode(msgspec.json.encode(watch.saved()))
    return Watch(
        watch.config, alpha=watch.alpha, state=msgspec.convert(saved, WatchState, strict=False, str_keys=True)
    )


def test_a_finding_is_told_once_with_begin_and_end():
    """429s begin a finding, more of them do not, and ten quiet minutes end it; the next one is another."""
    watch = Watch(FOUR)
    assert told(watch.take([rejected(0, key=3), rejected(1, key=4)])) == [("start", "Q301")]
    assert watch.take([rejected(30)]) == []
    assert watch.advance(START + 30 * SECOND_NS + 10 * MINUTE) == []
    ended = watch.advance(START + 31 * SECOND_NS + 10 * MINUTE)
    assert told(ended) == [("end", "Q301")]
    assert (ended[0].episode.keys, ended[0].episode.number) == ([3, 4], 3)
    assert ended[0].episode.end_ns == START + 30 * SECOND_NS
    assert told(watch.take([rejected(5_000)])) == [("start", "Q301")]
    assert watch.state.episodes.total == {"Q301": 2}


def test_errors_without_a_limit_are_a_finding_from_three_on():
    """Three in an hour; it goes on with each, and is over six hours after the last."""
    watch = Watch(FOUR)
    assert watch.take([rejected(0, "unknown", key=3), rejected(600, "unknown")]) == []
    assert told(watch.take([rejected(1_200, "unknown", key=4)])) == [("start", "Q309")]
    assert watch.take([rejected(5 * 3_600, "unknown")]) == []
    (ended,) = watch.advance(START + (11 * 3_600 + 1) * SECOND_NS)
    assert (ended.event, ended.episode.code, ended.episode.number) == ("end", "Q309", 4)
    assert ended.episode.keys == [4]


@pytest.mark.parametrize(("picks", "is_found"), [(300, True), (301, False)])
def test_a_few_errors_without_a_limit_among_many_picks_are_none(picks, is_found):
    """At least one in a hundred picks, of the hour or of the day."""
    watch = Watch(FOUR)
    watch.take([pick(n, 1 + n % 4) for n in range(picks)])
    changes = watch.take([rejected(400 + n, "unknown") for n in range(3)])
    assert (("start", "Q309") in told(changes)) is is_found


def test_errors_without_a_limit_are_counted_over_the_day_too():
    """One every two hours is never three in an hour."""
    watch = Watch(FOUR)
    assert watch.take([rejected(7_200 * n, "unknown") for n in range(2)]) == []
    assert told(watch.take([rejected(14_400, "unknown")])) == [("start", "Q309")]


def test_errors_whose_body_comes_later_are_not_without_a_limit():
    """What is put right is not counted as unknown."""
    watch = Watch(FOUR)
    for n in range(5):
        time = START + n * SECOND_NS
        watch.take([rejected(n, "unknown"), Corrected(time, "FOUR", "per-minute", 2, None, "unknown")])
    assert set(watch.state.episodes.total) == {"Q301"}


def test_a_gap_within_a_piece_ends_a_finding():
    """Two signs with more than ten minutes between them are two findings, however they come."""
    together, apart = Watch(FOUR), Watch(FOUR)
    events = [rejected(0), rejected(700)]
    assert told(together.take(events)) == told(apart.take(events[:1]) + apart.take(events[1:]))


def test_a_day_limit_ends_with_the_day():
    """429s by the day's limit are one finding until midnight Pacific, and another one the day after."""
    watch = Watch(FOUR)
    assert told(watch.take([rejected(0, "per-day", 50), rejected(7_200, "per-day", 50)])) == [
        ("start", "Q302")
    ]
    changes = watch.take([rejected(86_400 + 60, "per-day", 50)])
    assert told(changes) == [("end", "Q302"), ("start", "Q302")]
    assert changes[0].episode.end_ns == START + 86_400 * SECOND_NS  # 08:00 UTC is midnight Pacific


@pytest.mark.parametrize(
    ("event", "code", "words"),
    [
        (pick(0, 1, size=3), "C201", "a pool of 3 keys where 4 are declared"),
        (pick(0, 1, key=99), "C202", "GOOGLE_KEY_99 is picked"),
        (pick(0, 1, key=4), "C203", "GOOGLE_KEY_4 is picked at position 1, declared at 2"),
        (pick(0, 1, function="chat"), "C204", "chat picks from FOUR; its own pool is TWO"),
        (pick(0, 1, function="\x1b[31mx"), "C204", "\\x1b[31mx picks from FOUR"),
        (rejected(0, "per-day", 50), "Q302", "states as 50"),
        (rejected(0, "tokens-per-minute"), "Q303", "input tokens"),
        (rejected(0, "no-quota", 0), "Q306", "a limit of 0"),
        (rejected(0, "per-minute", 5), "Q304", "a limit of 5 a minute, where 2 is declared"),
    ],
)
def test_facts_become_findings(event, code, words):
    """Each fact opens the finding that the report would call it, in its words."""
    watch = Watch(FOUR)
    (change,) = [change for change in watch.take([event]) if change.episode.code == code]
    found = as_finding(change.episode)
    assert words in found.message
    assert (found.code, found.pool) == (code, "FOUR")


def test_a_corrected_429_counts_once():
    """When a body tells the cause of a 429, the count of the unknown one is taken back."""
    watch = Watch(FOUR)
    watch.take([rejected(0, "unknown"), Corrected(START, "FOUR", "per-day", 50, None, "unknown")])
    (pool, _) = snapshot(watch).pools
    for counts in (pool.rejections, pool.rejections_minute, pool.rejections_hour, pool.rejections_day):
        assert counts == {"per-day": 1}


@pytest.mark.parametrize("isolates", [True, False], ids=["isolates", "no isolates"])
@pytest.mark.parametrize("healthy", [0, 100, 2_000])
def test_a_stuck_key_is_named_within_40_picks(healthy, isolates):
    """The median over 11 streams: R104 with its key, after any healthy time, a cold start at each pick."""
    needed = []
    for seed in range(11):
        rng = np.random.default_rng(seed)
        watch = Watch(FOUR)
        assert watch.take(fair(rng, healthy, isolates=isolates)) == []
        stuck = int(rng.integers(4)) + 1
        changes = watch.take(
            [pick(healthy + n, stuck, isolate=f"s{n}" if isolates else None) for n in range(100)]
        )
        (change,) = changes
        assert (change.episode.code, change.episode.keys) == ("R104", [stuck + 2])
        needed.append((change.episode.start_ns - START) // SECOND_NS - healthy + 1)
    assert statistics.median(needed) <= 40


@pytest.mark.nightly
def test_a_stuck_key_is_named_after_100000_healthy_picks():
    """The same after 10^5 fair picks."""
    needed = []
    for seed in range(21):
        rng = np.random.default_rng(seed)
        watch = Watch(FOUR)
        assert watch.take(fair(rng, 100_000, isolates=False)) == []
        (change,) = watch.take([pick(100_000 + n, 2) for n in range(100)])
        assert (change.episode.code, change.episode.keys) == ("R104", [4])
        needed.append((change.episode.start_ns - START) // SECOND_NS - 100_000 + 1)
    assert statistics.median(needed) <= 40


def test_a_stuck_isolate_is_named_by_its_repeats():
    """Isolates that live long and stay with their first key show it in their steps."""
    watch = Watch(FOUR)
    healthy = [pick(n, n % 4 + 1, isolate=f"i{n // 101}") for n in range(2_000)]
    assert watch.take(healthy) == []
    changes = watch.take([pick(2_000 + n, 3, isolate="stuck") for n in range(40)])
    assert told(changes) == [("start", "R104")]
    assert changes[0].episode.keys == [5]
    assert changes[0].episode.facts["since_ns"] == START + 2_001 * SECOND_NS
    again = watch.take([pick(3_000 + n, n % 4 + 1, isolate="well") for n in range(70)])
    assert told(again) == [("end", "R104")]


def test_a_start_at_first_is_no_stuck_key():
    """Isolates that all begin at the first key but go on as declared are told by R102."""
    watch = Watch(FOUR)
    picks = [pick(4 * i + n, n + 1, isolate=f"i{i}") for i in range(60) for n in range(3)]
    changes = watch.take(picks)
    assert told(changes) == [("start", "R102")]
    assert changes[0].episode.keys == [3]


@pytest.mark.parametrize("piece", [1, 7, 100])
def test_a_stuck_key_is_called_as_the_log_calls_it(piece):
    """Deployed as 4, 5, 6, 3: the first place is key 4, however the lines come; then the mapping changes."""
    order = (4, 5, 6, 3)
    watch = Watch(FOUR)
    events = [pick(n, 1, key=4, isolate=f"i{n}") for n in range(30)]
    events += [pick(30 + n, n % 4 + 1, isolate=f"i{30 + n}", key=order[n % 4]) for n in range(70)]
    events += [pick(100 + n, 1, key=3, isolate=f"i{100 + n}") for n in range(60)]
    changes = []
    for at in range(0, len(events), piece):
        changes += watch.take(events[at : at + piece])
        watch = copied(watch)
    stuck = [change for change in changes if (change.event, change.episode.code) == ("start", "R104")]
    assert [change.episode.keys for change in stuck] == [[4], [3]]
    assert "nearly every pick takes key 4 (" in as_finding(stuck[0].episode).message


def test_a_place_without_a_known_key_is_called_by_its_position():
    """A key that stands at two places, and a log that shows no key where others are out of order."""
    watch = Watch(FOUR)
    watch.take([pick(n, 2, key=3, isolate=f"a{n}") for n in range(3)])
    (change,) = (
        change
        for change in watch.take([pick(10 + n, 1, key=3, isolate=f"b{n}") for n in range(40)])
        if change.episode.code == "R104"
    )
    found = as_finding(change.episode)
    assert "takes key 3 at position 1 (" in found.message
    assert found.keys == (3,)
    assert "name" not in found.evidence


def test_uneven_shares_without_isolates():
    """Where no isolate is named, one key that has too many picks is told by R101."""
    watch = Watch(FOUR)
    rng = np.random.default_rng(1)
    positions = rng.choice(4, size=600, p=[0.55, 0.15, 0.15, 0.15]) + 1
    changes = watch.take([pick(n, int(p)) for n, p in enumerate(positions)])
    assert told(changes)[:1] == [("start", "R101")]
    assert changes[0].episode.keys == [3]


def test_a_step_that_goes_elsewhere_is_a_broken_succession():
    """Isolates that choose at random at each pick are told by R103, a lost line now and then is not."""
    rng = np.random.default_rng(5)
    lossy = [n for n in range(4_000) if rng.random() > 0.01]
    watch = Watch(FOUR)
    assert watch.take([pick(n, n % 4 + 1, isolate="i") for n in lossy]) == []
    changes = watch.take([pick(5_000 + n, 1 + 2 * (n % 2), isolate="j") for n in range(60)])
    assert told(changes) == [("start", "R103")]


def test_a_finding_about_starts_ends_when_they_are_fair_again():
    """After a stuck key, 64 starts that favour it no more end the finding, and the test begins anew."""
    rng = np.random.default_rng(2)
    watch = Watch(FOUR)
    assert told(watch.take([pick(n, 1) for n in range(80)])) == [("start", "R104")]
    level = watch.pools["FOUR"].rotation.level("starts")
    changes = watch.take(fair(rng, 400, isolates=False, first=100))
    assert told(changes) == [("end", "R104")]
    assert level > Watch(FOUR).pools["FOUR"].rotation.level("starts")
    assert 0 < watch.pools["FOUR"].rotation.stream.seen < 400


def test_fair_streams_give_no_alarm():
    """At alpha 1 % at most a few of 200 watches of 1,000 fair picks give an alarm (6 or more: below 2 %)."""
    alarms = 0
    for seed in range(200):
        watch = Watch(FOUR, alpha=0.01)
        alarms += bool(watch.take(fair(np.random.default_rng(seed), 1_000, isolates=bool(seed % 2))))
    assert alarms <= 5


def random_text(seed, count):
    """Lines of all kinds, some cut, some hostile, of several isolates and none."""
    rng = random.Random(seed)
    lines = []
    for n in range(count):
        stamp = f"2025-11-10T08:{n // 60 % 60:02}:{n % 60:02}Z "
        lines.append(
            stamp
            + rng.choice(
                (
                    "Using GOOGLE_KEY_3 (position 1/4 in pool)",
                    "Using GOOGLE_KEY_4 (position 2/4 in pool)",
                    "Using GOOGLE_KEY_9 (position 3/4 in pool)",
                    "Using GOOGLE_AI_STUDIO_KEY key #1 of 4",
                    "Using GOOGLE_AI_STUDIO_KEY_CHAT key #1 of 2",
                    "Using key pool: FOUR (4 keys available)",
                    "serving the request with supabase/functions/draw",
                    "Google AI Studio error: 429 {",
                    '  "quotaId": "GenerateRequestsPerDayPerProject",',
                    '  "quotaValue": "50"',
                    "Rate limited (429). Retry 1/3 after 1000ms",
                    "Max retries exceeded (status: 429)",
                    "Using GOOGLE_KEY_3 (position 9/4 in pool)",
                    "\x1b]0;pwned\x07 hello",
                    "",
                )
            )
            + "\n"
        )
    return "".join(lines).encode()


def random_json(seed, count):
    """The same as rows of a drain, with isolates."""
    rng = random.Random(seed)
    return b"".join(
        msgspec.json.encode(
            {
                "event_message": line.decode()[21:],
                "timestamp": START // 1000 + n * 1_000_000,
                "execution_id": f"e{rng.randrange(6)}",
                "function_id": f"f{rng.randrange(2)}",
            }
        )
        + b"\n"
        for n, line in enumerate(random_text(seed, count).splitlines())
    )


def of_log(stamps):
    """Events of lines with these times as a watch of a log gets them."""
    lines = "".join(f"{stamp} Using GOOGLE_KEY_3 (position 1/4 in pool)\n" for stamp in stamps)
    yield LiveRows(FOUR, {}).read(LineDecoder(DEFAULT_RULES).read(lines.encode()), START)


def of_store(stamps):
    """The same as a watch of a history gets them: in the order of time."""
    yield from (events for events, _ in events_of(picks_at(sorted(stamps)), START))


def picks_at(times):
    rows = len(times)
    return make_events(
        {"kind": ["pick"] * rows, "time": pd.to_datetime(times, utc=True), "pool": ["FOUR"] * rows,
         "key": [3] * rows, "position": [1] * rows, "size": [4] * rows}
    )  # fmt: skip


@pytest.mark.parametrize("feed", [of_log, of_store])
def test_a_time_far_ahead_is_none(feed):
    """One line that claims a far year does not make all lines after it late, nor begins another day."""
    stamps = [f"2025-11-10T08:{n // 60:02}:{n % 60:02}Z" for n in range(201)]
    stamps[100] = "2262-01-01T00:00:00Z"
    watch = Watch(FOUR)
    for events in feed(stamps):
        watch.take(events)
    (pool, _) = snapshot(watch).pools
    assert (pool.day.used, watch.state.moment_ns) == (201, START + 200 * SECOND_NS)


@pytest.mark.parametrize("feed", [of_log, of_store])
def test_times_far_ahead_alone_are_now(feed):
    """Where no line has a time that can be, the time is that of this machine."""
    watch = Watch(FOUR)
    for events in feed(["2262-01-01T00:00:00Z"] * 3):
        watch.take(events)
    (pool, _) = snapshot(watch).pools
    assert (pool.day.used, watch.state.moment_ns) == (3, START)


@pytest.mark.parametrize(("number", "batch"), [(0, 10), (10, 10), (25, 10)])
def test_a_long_source_comes_in_pieces(monkeypatch, number, batch):
    """No piece is longer than told, the last one says so, and none is lost."""
    monkeypatch.setattr(store_module, "BATCH_ROWS", batch)
    times = START + np.arange(number) * SECOND_NS
    pieces = list(events_of(picks_at(times), START))
    assert [event.time for events, _ in pieces for event in events] == times.tolist()
    assert all(len(events) <= batch for events, _ in pieces)
    assert [is_last for _, is_last in pieces] == [False] * (len(pieces) - 1) + [True]


def watched(data, cuts, *, restart):
    """Watch data in pieces, and perhaps with a restart between any two."""
    decoder, labels = LineDecoder(DEFAULT_RULES), {}
    rows, watch = LiveRows(FOUR, labels), Watch(FOUR)
    changes = []
    lines = data.split(b"\n")[:-1]
    for start, end in zip([0, *cuts], [*cuts, len(lines)], strict=True):
        piece = b"".join(line + b"\n" for line in lines[start:end])
        gathered = decoder.read(piece)
        moved = gathered.rows.line + start
        gathered.rows.line = moved
        events = rows.read(gathered, START)
        changes += watch.take(events, lines=gathered.lines, malformed=gathered.malformed)
        if restart:
            watch = copied(watch)
            state = msgspec.json.decode(msgspec.json.encode(rows.state), type=LiveState)
            rows = LiveRows(FOUR, labels, state)
    changes += watch.take(rows.flush())
    return watch, changes


@pytest.mark.parametrize("make", [random_text, random_json])
@pytest.mark.parametrize("restart", [False, True], ids=["pieces", "restarts"])
@pytest.mark.parametrize("seed", range(6))
def test_pieces_and_restarts_are_invisible(make, seed, restart):
    """However a log comes, and wherever a watch is restarted, it ends with the same state and findings."""
    data = make(seed, 300)
    rng = random.Random(100 + seed)
    cuts = sorted(rng.sample(range(1, 300), 40))
    whole, changes = watched(data, [], restart=False)
    other, others = watched(data, cuts, restart=restart)
    own, cut = (msgspec.to_builtins(watch.saved()) for watch in (whole, other))
    for state in (own, cut):
        for pool in state["pools"].values():
            pool["rotation"]["stream"] = round(pool["rotation"]["stream"]["log_e"], 6)
        state["episodes"]["over"].sort(key=lambda e: (e["code"], e["start_ns"]))
        state["episodes"]["opened"] = dict(sorted(state["episodes"]["opened"].items()))
    assert cut == own
    key = lambda change: (change.episode.code, change.episode.start_ns, change.event)  # noqa: E731
    assert sorted(map(key, others)) == sorted(map(key, changes))
    assert own["lines"] == 300


def test_the_scan_reads_what_the_general_decoder_reads(monkeypatch):
    """A large piece of JSON lines says the same through the compiled kernel, odd lines included."""
    from keyrota.logs import lines as lines_module

    data = random_json(1, 400) + b'not json\n{"event_message":\n"x"}\n' + random_json(2, 100)
    sound = random_json(3, 500).replace(b"position 9/4", b"position 4/4")
    found = []
    for limit in (1 << 40, 1):
        monkeypatch.setattr(lines_module, "SCANNED_BYTES", limit)
        found.append([LineDecoder(DEFAULT_RULES).read(part) for part in (data, sound)])
    for general, scanned in zip(*found, strict=True):
        assert (general.rows, general.lines, general.malformed) == (
            scanned.rows,
            scanned.lines,
            scanned.malformed,
        )
    assert lines_module._scanned(sound) is not None
    assert lines_module._scanned(data) is None


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_no_alarm_where_pick_lines_cannot_be_read(piece):
    """Of a fair choice each pick at position 4 names key 0: D406 in place of an alarm, and it goes by."""
    watch = Watch(FOUR)
    drawn = fair(np.random.default_rng(3), 1_000, isolates=False)
    changes = []
    for first in range(0, len(drawn), piece):
        part = drawn[first : first + piece]
        read = [one for one in part if one.position != 4]
        lost = {UnreadPick("key 0", 4): len(part) - len(read)}
        changes += watch.take(read, lines=len(part), malformed=lost[UnreadPick("key 0", 4)], unread=lost)
    assert told(changes) == [("start", "D406")]
    assert "its rotation is not judged meanwhile" in as_finding(changes[0].episode).message
    assert watch.pools["TWO"].state.unread == 0
    # Once the lines can be read, the rotation is judged again.
    watch = copied(watch)
    for first in range(1_000, 21_000, 500):
        watch.take(fair(np.random.default_rng(first), 500, isolates=False, first=first))
    stuck = [pick(30_000 + number, 2) for number in range(60)]
    assert ("start", "R104") in told(watch.take(stuck))


def test_one_line_that_cannot_be_read_is_no_finding():
    """A single line is counted as malformed, and no more."""
    watch = Watch(FOUR)
    assert watch.take([pick(0, 1)], malformed=1, unread={UnreadPick("key 0", 4): 1}) == []
