"""Q301, Q302, Q303, Q306, Q308, Q309: which limit the 429s come from, with its numbers, keys and remedy."""

import pytest

import keyrota
from keyrota.events import make_events
from keyrota.findings.facts import gather
from keyrota.findings.registry import find_all
from keyrota.pools.declared import Pool, PoolConfig, Quota

MS = 1_000_000
SECOND = 1000 * MS
MINUTE = 60 * SECOND
NOON = 1_763_467_200 * SECOND  # 2025-11-18 12:00 UTC, 04:00 Pacific
DAY = 86_400 * SECOND

POOLS = PoolConfig(
    pools=(
        Pool(name="CHAT", keys=(1, 2), functions=("chat",), quota=Quota(per_minute=2, per_day=50)),
        Pool(name="ARTIFACT", keys=(3, 4, 5, 6), functions=("make",), quota=Quota(per_minute=2, per_day=50)),
    )
)
ONE_DAY = "per-day"


class Log:
    """A log that is written call by call; every request has an isolate of its own unless one is given."""

    def __init__(self, pool="CHAT", keys=(1, 2)):
        self.pool, self.keys, self.rows, self.requests = pool, keys, [], 0

    def row(self, kind, time, isolate, **fields):
        self.rows.append({"kind": kind, "time": time, "isolate": isolate, "pool": self.pool} | fields)

    def call(self, at, key, cause=None, *, isolate=None, **fields):
        """One call; with a cause it got a 429, 300 ms later."""
        if isolate is None:
            self.requests += 1
            isolate = f"isolate-{self.requests}"
        place = {"key": key, "position": self.keys.index(key) + 1, "size": len(self.keys)}
        self.row("pick", at, isolate, **place)
        if cause is not None:
            self.row("rejection", at + 300 * MS, isolate, status=429, cause=cause, **fields)
        return self

    def request(self, at, *keys, passes, cause="per-minute"):
        """A request that tries key after key at once; the last one passes, or not."""
        self.requests += 1
        for tried, key in enumerate(keys):
            failed = tried < len(keys) - 1 or not passes
            moment, isolate = at + tried * 320 * MS, f"isolate-{self.requests}"
            self.call(moment, key, cause if failed else None, isolate=isolate)
        return self

    def table(self):
        rows = sorted(self.rows, key=lambda row: row["time"])
        names = dict.fromkeys(name for row in rows for name in row)
        columns = {name: [row.get(name) for row in rows] for name in names}
        lines = {"source": ["a.log"] * len(rows), "line": list(range(1, len(rows) + 1))}
        return make_events(columns | lines)

    def found(self, pools=POOLS, **options):
        """What is found, by code."""
        by_code = {}
        for finding in find_all(gather(self.table(), pools, **options)):
            by_code.setdefault(finding.code, []).append(finding)
        return by_code


def only(found, code):
    (finding,) = found[code]
    return finding


def quota_codes(found):
    """The codes of the findings about 429s; what is expected of the traffic (Q307) is not about them."""
    return {code for code in found if code[0] == "Q"} - {"Q307"}


def full_minutes(number, *, other=0, cause="per-minute", log=None, **fields):
    """Minutes in which key 1 is called three times, of which the third fails, and key 2 `other` times."""
    log = log or Log()
    for minute in range(number):
        begin = NOON + minute * 10 * MINUTE
        for second in (1, 5):
            log.call(begin + second * SECOND, 1)
        for second in range(other):
            log.call(begin + (10 + second) * SECOND, 2)
        log.call(begin + 30 * SECOND, 1, cause, **fields)
    return log


# The minute --------------------------------------------------------------------------------------


def test_a_full_minute_while_another_key_has_room():
    """The numbers, the key, the place, and the remedy of a rotation."""
    finding = only(full_minutes(3, limit=2, retry_after_s=29.7).found(), "Q301")
    assert finding.severity == "error"
    assert finding.pool == "CHAT"
    assert finding.keys == (1,)
    assert finding.message == (
        "3 of 9 calls (33.3 %) got a 429 by the limit of 2 a minute; in 3 of the 3 that a full minute "
        "explains, another key of the pool had room"
    )
    assert finding.remedy.startswith("It is the rotation more than the size: let the client try the next key")
    assert "keyrota plan LOG" in finding.remedy
    assert finding.evidence == {
        "rejections": 3,
        "cause_told_by": {"stated": 3},
        "per_key": {"key 1": 3},
        "first": "2025-11-18T12:00:30Z",
        "places": ["a.log:4", "a.log:8", "a.log:12"],
        "limit": 2,
        "window": finding.evidence["window"],
        "by_full_minute": 3,
        "another_key_had_room": 3,
    }


def test_full_minutes_of_all_keys_are_a_matter_of_size():
    """Without room in any key the client that gives up is told to add keys or to wait."""
    finding = only(full_minutes(3, other=2, limit=2).found(), "Q301")
    assert finding.evidence["another_key_had_room"] == 0
    assert finding.message.endswith(
        "in 0 of the 3 that a full minute explains, another key of the pool had room"
    )
    assert finding.remedy.startswith("In the busiest minutes the pool is too small")
    assert "terms, which are yours to check" in finding.remedy


@pytest.mark.parametrize(("with_room", "is_rotation"), [(1, False), (2, True)])
def test_from_half_of_them_on_it_is_the_rotation(with_room, is_rotation):
    """Of four 429s, one with room elsewhere is no matter of rotation, two are."""
    log = full_minutes(with_room)
    late = Log()
    full_minutes(4 - with_room, other=2, log=late)
    for row in late.rows:
        row["time"] += 5 * 3600 * SECOND
        row["isolate"] += "-late"
    log.rows += late.rows
    finding = only(log.found(), "Q301")
    assert finding.evidence["another_key_had_room"] == with_room
    assert finding.evidence["by_full_minute"] == 4
    assert finding.remedy.startswith("It is the rotation") is is_rotation


def test_a_client_that_tries_the_other_keys_already():
    """It is not told to do what it does."""
    log = Log()
    for minute in range(4):
        begin = NOON + minute * 10 * MINUTE
        for second, key in ((1, 1), (2, 1), (3, 2)):
            log.call(begin + second * SECOND, key)
        log.request(begin + 10 * SECOND, 1, 2, passes=True)
        log.request(begin + 20 * SECOND, 2, 1, passes=False)
    finding = only(log.found(), "Q301")
    assert finding.severity == "error"
    assert finding.evidence["another_key_had_room"] == 4
    assert finding.evidence["by_full_minute"] == 12
    assert finding.remedy.startswith(
        "The client tries the other keys already, and 20.0 % of the requests end in a 429: the pool is too "
        "small"
    )
    assert finding.keys == (1, 2)
    assert finding.evidence["per_key"] == {"key 1": 8, "key 2": 4}


@pytest.mark.parametrize("cause", ["unknown", None])
def test_an_error_without_a_cause_is_told_by_the_replay(cause):
    """A bare "Resource has been exhausted" at a full minute is the minute's; the evidence tells why."""
    log = Log()
    for minute in range(3):
        begin = NOON + minute * 10 * MINUTE
        for second in (1, 5):
            log.call(begin + second * SECOND, 1)
        log.call(begin + 30 * SECOND, 1, "unknown")
        if cause is None:
            del log.rows[-1]["cause"]
    finding = only(log.found(), "Q301")
    assert finding.evidence["cause_told_by"] == {"replay": 3}
    assert finding.evidence["limit"] == 2


def test_errors_without_a_cause_and_with_room_have_none():
    """No window of the key was full: no limit is made up."""
    log = Log()
    for minute in range(3):
        log.call(NOON + minute * 10 * MINUTE, 1, "unknown")
    assert quota_codes(log.found()) == {"Q309"}


def test_a_log_without_429s_has_no_quota_finding():
    """Full minutes alone are none."""
    log = Log()
    for second in range(20):
        log.call(NOON + second * MINUTE, 1 + second % 2)
    assert quota_codes(log.found(max_rejected=0.0)) == set()


def test_a_minute_limit_that_nobody_declares_or_states():
    """The message goes without a number."""
    pools = PoolConfig(pools=(Pool(name="CHAT", keys=(1, 2), functions=("chat",)),))
    finding = only(Log().call(NOON, 1, "per-minute").found(pools), "Q301")
    assert finding.message == "1 of 1 call (100.0 %) got a 429 by the minute limit"
    assert finding.evidence["limit"] is None


@pytest.mark.parametrize(("other", "with_room"), [(0, 0), (1, 3), (2, 0)])
def test_a_pool_that_is_not_declared(other, with_room):
    """Its 429s are judged as well, with the limit that they state, over the keys that the log has."""
    log = full_minutes(3, other=other, log=Log("OTHER"), limit=2)
    finding = only(log.found(PoolConfig(pools=())), "Q301")
    assert (finding.pool, finding.keys) == ("OTHER", (1,))
    assert finding.evidence["limit"] == 2
    assert finding.evidence["another_key_had_room"] == with_room


def tried_again(*, passes=10, fails=0, waits=0):
    """Full minutes in which a request goes from key 1 on to key 2, or waits so many seconds for key 1."""
    log = Log()
    for minute in range(passes + fails):
        begin = NOON + minute * 10 * MINUTE
        log.call(begin, 1).call(begin + SECOND, 1)
        if minute >= passes:
            log.call(begin + 2 * SECOND, 2).call(begin + 3 * SECOND, 2)
        if waits:
            at = begin + 10 * SECOND
            log.call(at, 1, "per-minute", isolate=f"w-{minute}", retry_after_s=float(waits))
            log.call(at + waits * SECOND, 1, isolate=f"w-{minute}")
        else:
            log.request(begin + 10 * SECOND, 1, 2, passes=minute < passes)
    return log


def test_a_client_that_makes_429s_good():
    """Requests end well: a note that says so, with what each 429 costs."""
    finding = only(tried_again().found(), "Q301")
    assert finding.severity == "note"
    assert finding.remedy == (
        "The client tries the next key, and 0.0 % of the requests end in a 429, within the target of 1 %: at "
        "the traffic of this log nothing has to change; each 429 costs a round trip."
    )
    assert finding.evidence["rejections"] == 10


def test_a_client_that_waits_makes_429s_good_as_well():
    """What it costs is another thing."""
    log = tried_again(waits=55)
    facts = gather(log.table(), POOLS)
    assert facts.pools[0].account.calls.reaction.kind == "backoff"
    finding = only(log.found(), "Q301")
    assert finding.severity == "note"
    assert finding.remedy.startswith("The client waits and calls again, and 0.0 % of the requests end")
    assert finding.remedy.endswith("each 429 costs its wait.")


ONE_OF = 35
"""Requests of `tried_again(fails=1)`: three a minute, and two more in the one that fills both keys."""


@pytest.mark.parametrize(
    ("target", "severity"),
    [(0.01, "error"), (1 / ONE_OF - 1e-9, "error"), (1 / ONE_OF, "note"), (0.5, "note")],
)
def test_the_target_is_what_requests_may_end_in(target, severity):
    """One request that ends in a 429 is within a target of as much, and beyond a smaller one."""
    log = tried_again(fails=1)
    ended = gather(log.table(), POOLS).pools[0].account.calls.rejected_requests
    assert (int(ended.sum()), len(ended)) == (1, ONE_OF)
    finding = only(log.found(target=target), "Q301")
    assert finding.severity == severity
    assert ("nothing has to change" in finding.remedy) is (severity == "note")


def test_what_is_allowed_takes_the_place_of_the_target():
    """With --max-rejected that share alone decides, and is named."""
    log = tried_again(fails=1)
    assert only(log.found(target=0.5, max_rejected=0.01), "Q301").severity == "error"
    finding = only(log.found(max_rejected=0.05), "Q301")
    assert finding.severity == "note"
    assert "of the requests end in a 429, and 5 % may: at the traffic" in finding.remedy


@pytest.mark.parametrize(
    ("cause", "code"), [("per-minute", "Q301"), (ONE_DAY, "Q302"), ("unknown", "Q309"), ("no-quota", "Q306")]
)
@pytest.mark.parametrize("picks", [0, 1])
def test_429s_whose_picks_are_missing(cause, code, picks):
    """There is no share of calls that the log does not show, and no remedy that rests on them."""
    log = Log()
    for minute in range(3):
        log.call(NOON + minute * 10 * MINUTE, 1, cause)
    kept = [row for row in log.rows if row["kind"] == "pick"][:picks]
    log.rows = [row | {"key": None} for row in log.rows if row["kind"] == "rejection"] + kept
    finding = only(log.found(), code)
    shown = "the log shows 1 pick" if picks else "the log shows no pick"
    assert finding.message.startswith(f"3 calls ({shown}) got a 429 ")
    assert "%" not in finding.message
    if code != "Q306":
        assert finding.remedy.startswith("The picks of these calls are missing")
        assert "add keys" not in finding.remedy
    report = keyrota.judge(log.table(), pools=POOLS).pools[0]
    assert (report.rejections.count, report.rejections.share) == (3, None)


# No cause and no window --------------------------------------------------------------------------

MIDNIGHT = NOON - 4 * 3600 * SECOND
"""Of the Pacific day of `NOON`."""


def bare(number, calls, log=None):
    """So many calls of both keys in turn, ten minutes apart, of which the first ones get bare errors."""
    log = log or Log()
    for call in range(calls):
        log.call(MIDNIGHT + 10 * call * MINUTE, 1 + call % 2, "unknown" if call < number else None)
    return log


def test_429s_that_nothing_explains():
    """The calls, the limits that they did not meet, what may be behind them, and what to do."""
    found = bare(6, 40).found()
    finding = only(found, "Q309")
    assert quota_codes(found) == {"Q309"}  # and not Q304, which would tell the same again
    assert (finding.severity, finding.pool, finding.keys) == ("error", "CHAT", (1, 2))
    assert finding.message == (
        "6 of 40 calls (15.0 %) got a 429 whose error states no limit, and no window of the known limits (2 "
        "a minute and 50 a Pacific day) was full when they came, as far as the log shows"
    )
    for words in ("lower than declared", "tokens", "another program", "overloaded", "quotaId", "get-logs"):
        assert words in finding.remedy
    assert finding.evidence == {
        "rejections": 6,
        "cause_told_by": {"unknown": 6},
        "per_key": {"key 1": 3, "key 2": 3},
        "first": "2025-11-18T08:00:00Z",
        "places": ["a.log:2", "a.log:4", "a.log:6"],
        "with_room": 6,
        "not_judged": 0,
        "per_minute": 2,
        "per_day": 50,
    }


@pytest.mark.parametrize(
    ("number", "calls", "is_found"),
    [(2, 2, False), (3, 3, True), (3, 300, True), (3, 301, False), (4, 301, True)],
)
def test_a_few_of_many_are_no_finding(number, calls, is_found):
    """Three, and one in a hundred."""
    pools = PoolConfig(pools=(Pool(name="CHAT", keys=(1, 2), functions=("chat",)),))
    assert ("Q309" in bare(number, calls).found(pools)) is is_found


def test_429s_of_a_pool_without_limits():
    """Where no limit is known nothing could have been full."""
    pools = PoolConfig(pools=(Pool(name="CHAT", keys=(1, 2), functions=("chat",)),))
    message = only(bare(5, 10).found(pools), "Q309").message
    assert message.endswith("whose error states no limit, and no limit is known that they could have met")


def test_bare_errors_of_a_day_that_began_before_the_log():
    """The day's calls may have been used up: that is not denied. The minute alone can be judged."""
    log = bare(5, 60)
    for row in log.rows:
        row["time"] += 6 * 3600 * SECOND
    finding = only(log.found(), "Q309")
    assert (
        "the log does not tell whether a window of the known limits (2 a minute and 50 a" in finding.message
    )
    assert (finding.evidence["with_room"], finding.evidence["not_judged"]) == (0, 5)
    minute = (Pool(name="CHAT", keys=(1, 2), functions=("chat",), quota=Quota(per_minute=2)),)
    finding = only(log.found(PoolConfig(pools=minute)), "Q309")
    assert "no window of the known limits (2 a minute) was full when they came" in finding.message


def test_bare_errors_beside_stated_ones():
    """Those that state their limit and come with room are left to Q304, each counted once."""
    log = bare(4, 30)
    for call in range(6):
        log.call(MIDNIGHT + 5 * MINUTE + 10 * call * MINUTE, 1, "per-minute", limit=2)
    found = log.found()
    assert only(found, "Q309").evidence["rejections"] == 4
    assert only(found, "Q304").message.startswith("6 of 6 429s came while the windows of their key had room")


@pytest.mark.parametrize(("allowed", "severity"), [(None, "error"), (0.1, "error"), (0.15, "note")])
def test_unexplained_429s_are_tolerated_as_others_are(allowed, severity):
    """`--max-rejected` makes them a note up to the share, and Q308 above it."""
    found = bare(6, 40).found(max_rejected=allowed)
    assert only(found, "Q309").severity == severity
    assert ("Q308" in found) is (allowed == 0.1)


# The day -----------------------------------------------------------------------------------------


def exhausted(days, log=None):
    """Days whose key 1 is used up at 17:20 UTC, and key 2 ten minutes later."""
    log = log or Log()
    for day in range(days):
        begin = NOON + day * DAY
        log.call(begin, 1).call(begin + MINUTE, 2)
        log.call(begin + 320 * MINUTE, 1, ONE_DAY, limit=50, retry_after_s=29.0)
        log.call(begin + 330 * MINUTE, 2, ONE_DAY, limit=50, retry_after_s=29.0)
    return log


def test_a_day_that_is_used_up():
    """The moment is told in both zones; the evidence has that of each key; a short delay changes nothing."""
    found = exhausted(1).found()
    finding = only(found, "Q302")
    assert quota_codes(found) == {"Q302"}
    assert (finding.severity, finding.pool, finding.keys) == ("error", "CHAT", (1, 2))
    assert finding.message == (
        "2 of 4 calls (50.0 %) got a 429 by the limit of 50 a Pacific day: 2025-11-18 from 09:20 Pacific "
        "(17:20 UTC)"
    )
    assert finding.evidence["days"] == {
        "2025-11-18": {"key 1": "2025-11-18T17:20:00Z", "key 2": "2025-11-18T17:30:00Z"}
    }
    assert finding.evidence["cause_told_by"] == {"stated": 2}
    assert "until midnight Pacific" in finding.remedy
    assert "yours to check" in finding.remedy


@pytest.mark.parametrize(
    ("days", "end"),
    [
        (2, "2025-11-18 from 09:20 Pacific (17:20 UTC) and 2025-11-19 from 09:20 Pacific (17:20 UTC)"),
        (3, "(17:20 UTC) and 2025-11-20 from 09:20 Pacific (17:20 UTC)"),
        (5, "(17:20 UTC), 2025-11-20 from 09:20 Pacific (17:20 UTC) and 2 more"),
    ],
)
def test_several_days(days, end):
    """The first three are named, the others counted, all are in the evidence."""
    finding = only(exhausted(days).found(), "Q302")
    assert finding.message.endswith(end)
    assert len(finding.evidence["days"]) == days


def test_a_pacific_day_ends_in_the_utc_morning():
    """07:00 UTC is still the day before in Los Angeles."""
    finding = only(Log().call(NOON - 5 * 3600 * SECOND, 1, ONE_DAY).found(), "Q302")
    assert finding.message.endswith("2025-11-17 from 23:00 Pacific (07:00 UTC)")


def test_a_key_that_is_used_up_while_another_passes_calls():
    """Its calls show that it had some left, also where the log begins within the day."""
    log = Log()
    for call in range(4):
        log.call(NOON + 10 * call * MINUTE, 1, ONE_DAY, limit=50)
    log.call(NOON + 25 * MINUTE, 2)
    finding = only(log.found(), "Q302")
    assert finding.message.endswith(
        " from 04:00 Pacific (12:00 UTC); in 3 of 4 another key of the pool had calls left"
    )
    assert finding.remedy == (
        "Waiting for a minute does not help: the day's calls of key 1 are used up until midnight Pacific. "
        "The other keys had calls left: let the client try the next key on a 429. `keyrota plan LOG` tells "
        "how many keys each remedy needs."
    )
    assert (finding.evidence["by_day"], finding.evidence["another_key_had_calls_left"]) == (4, 3)


def test_the_other_keys_can_take_but_a_part():
    """Below a half it stays a matter of size, beside the client."""
    log = Log()
    for call in range(4):
        log.call(NOON + 10 * call * MINUTE, 1, ONE_DAY, limit=50)
    log.call(NOON + 5 * MINUTE, 2)
    finding = only(log.found(), "Q302")
    assert "in 1 of 4 another key" in finding.message
    assert "Trying the next key on a 429 saves but a part of these calls: take keys" in finding.remedy
    assert "yours to check" in finding.remedy


def test_calls_of_another_day_or_of_the_same_key_show_nothing():
    """Before the 429, after midnight, or by the key itself: none says that another key had calls left."""
    log = Log().call(NOON, 2).call(NOON + MINUTE, 1, ONE_DAY, limit=50).call(NOON + 2 * MINUTE, 1)
    log.call(NOON + DAY, 2)
    finding = only(log.found(), "Q302")
    assert "calls left" not in finding.message
    assert finding.remedy.startswith("Waiting for a minute or another order of the keys does not help")


def test_a_key_that_is_never_picked_has_its_day_left():
    """On a day of which the log has the midnight and the calls that used up the key."""
    log = Log()
    for call in range(60):
        log.call(MIDNIGHT + 2 * call * MINUTE, 1, ONE_DAY if call >= 50 else None, limit=50)
    finding = only(log.found(), "Q302")
    assert "in 10 of 10 another key of the pool had calls left" in finding.message
    assert ", and spread the calls evenly, as the findings on the rotation say." in finding.remedy


def test_keys_of_one_project_have_no_calls_left_for_each_other():
    """The project's calls are what is used up."""
    shared = Pool(
        name="CHAT", keys=(1, 2), functions=("chat",), quota=Quota(per_day=50), projects=("app", "app")
    )
    log = Log()
    for call in range(60):
        log.call(MIDNIGHT + 2 * call * MINUTE, 1 + call % 2, ONE_DAY if call >= 50 else None, limit=50)
    assert "calls left" not in only(log.found(PoolConfig(pools=(shared,))), "Q302").message


def test_a_client_that_finds_the_key_with_calls_left():
    """A day that is used up is made good as a minute is; beyond the target it is a matter of size."""
    log = Log()
    for call in range(8):
        log.request(NOON + 10 * call * MINUTE, 1, 2, passes=True, cause=ONE_DAY)
    finding = only(log.found(), "Q302")
    assert finding.severity == "note"
    assert finding.remedy.startswith("The client tries the next key, and 0.0 % of the requests end in a 429")
    log.request(NOON + 100 * MINUTE, 1, 2, passes=False, cause=ONE_DAY)
    finding = only(log.found(), "Q302")
    assert finding.severity == "error"
    assert (
        "The client tries the other keys already, and 11.1 % of the requests end in a 429" in finding.remedy
    )


def test_a_day_told_by_the_replay():
    """51 calls of a key on a day of which the log has the midnight: the bare 429 of the last is the day's."""
    log = Log()
    midnight = NOON - 4 * 3600 * SECOND
    for call in range(50):
        log.call(midnight + (2 * call + 1) * MINUTE, 1)
    log.call(midnight + 400 * MINUTE, 1, "unknown")
    finding = only(log.found(), "Q302")
    assert finding.evidence["cause_told_by"] == {"replay": 1}
    assert finding.keys == (1,)


# Tokens, and no quota ----------------------------------------------------------------------------


def test_tokens():
    """The limit of input tokens is a finding of its own and no limit of requests."""
    found = Log().call(NOON, 1).call(NOON + SECOND, 2, "tokens-per-minute", limit=125_000).found()
    finding = only(found, "Q303")
    assert quota_codes(found) == {"Q303"}
    assert (finding.severity, finding.keys) == ("error", (2,))
    assert finding.message == "1 of 2 calls (50.0 %) got a 429 by the limit of input tokens a minute"
    assert finding.evidence["cause_told_by"] == {"stated": 1}


def test_no_quota():
    """The model is named as the error names it; a limit of 0 is no other limit than the declared one."""
    log = Log().call(NOON, 1, "no-quota", limit=0, model="gemini-2.5-flash-preview-image")
    found = log.found()
    finding = only(found, "Q306")
    assert quota_codes(found) == {"Q306"}
    assert finding.message == (
        "1 of 1 call (100.0 %) got a 429 whose limit is 0: the projects have no quota for "
        "gemini-2.5-flash-preview-image"
    )
    assert finding.evidence["models"] == ["gemini-2.5-flash-preview-image"]
    assert "More keys of this kind will not help" in finding.remedy


@pytest.mark.parametrize(
    ("keys", "whose"),
    [((1,), "the project of key 1 has no quota"), ((1, 2), "the projects of keys 1 and 2 have no quota")],
)
def test_no_quota_of_some_keys(keys, whose):
    """One project has none, or several have none."""
    log = Log("ARTIFACT", (1, 2, 3, 4)).call(NOON, 3)
    for key in keys:
        log.call(NOON + key * MINUTE, key, "no-quota", limit=0)
    pools = PoolConfig(pools=(Pool(name="ARTIFACT", keys=(1, 2, 3, 4), functions=("make",)),))
    assert only(log.found(pools), "Q306").message.endswith(f"a 429 whose limit is 0: {whose}")


def test_no_quota_of_a_model_without_a_name():
    """Bodies that name no model give a finding too."""
    finding = only(Log().call(NOON, 1, "no-quota").found(), "Q306")
    assert finding.message.endswith("the projects have no quota")
    assert finding.evidence["models"] == []


def test_each_cause_of_a_log_is_a_finding():
    """Causes stand side by side, each with its own count; keys are those of the cause."""
    log = full_minutes(1, limit=2)
    log.call(NOON + 3600 * SECOND, 2, "tokens-per-minute")
    log.call(NOON + 7200 * SECOND, 2, ONE_DAY, limit=50)
    found = log.found()
    assert quota_codes(found) == {"Q301", "Q302", "Q303"}
    assert {code: only(found, code).keys for code in ("Q301", "Q302", "Q303")} == {
        "Q301": (1,),
        "Q302": (2,),
        "Q303": (2,),
    }
    assert all(only(found, code).evidence["rejections"] == 1 for code in ("Q301", "Q302", "Q303"))


def test_two_429s_of_one_isolate_at_once_name_no_key_for_certain():
    """Where two picks are open the likelier one counts; what is below one half names none."""
    log = Log()
    log.call(NOON, 1, isolate="i").call(NOON + 2 * SECOND, 2, isolate="i")
    log.row("rejection", NOON + 2 * SECOND + 200 * MS, "i", status=429, cause="per-minute")
    finding = only(log.found(), "Q301")
    assert finding.keys == (2,)


# What is tolerated -------------------------------------------------------------------------------

TWELVE = 1 / 12
"""`full_minutes(1, other=9)` has 12 requests, one of which ends in a 429."""


@pytest.mark.parametrize(
    ("allowed", "severity", "is_too_many"),
    [
        (None, "error", False),
        (0.0, "error", True),
        (TWELVE - 1e-9, "error", True),
        (TWELVE, "note", False),
        (0.5, "note", False),
        (1.0, "note", False),
    ],
)
def test_a_share_that_is_allowed(allowed, severity, is_too_many):
    """At or below it the 429s are notes, above it they are errors and Q308 says so."""
    found = full_minutes(1, other=9, limit=2).found(max_rejected=allowed)
    assert only(found, "Q301").severity == severity
    assert ("Q308" in found) is is_too_many


@pytest.mark.parametrize(
    ("cause", "code", "severity"),
    [(ONE_DAY, "Q302", "note"), ("tokens-per-minute", "Q303", "note"), ("no-quota", "Q306", "error")],
)
def test_what_is_tolerated_by_cause(cause, code, severity):
    """A model without quota is an error at any share."""
    found = Log().call(NOON, 1).call(NOON + MINUTE, 2, cause).found(max_rejected=0.6)
    assert only(found, code).severity == severity
    assert "Q308" not in found


def test_too_many():
    """The message has both numbers."""
    finding = only(full_minutes(2, limit=2).found(max_rejected=0.01), "Q308")
    assert (finding.severity, finding.pool, finding.keys) == ("error", "CHAT", ())
    assert finding.message == "2 of 6 requests end in a 429: 33.3 %, and at most 1 % are allowed"
    assert finding.evidence == {"requests": 6, "rejected": 2, "allowed": 0.01}
    assert "keyrota plan LOG" in finding.remedy


def test_one_too_many_agrees_in_number():
    """One request ends, two end."""
    found = full_minutes(1).found(max_rejected=0.25)
    assert only(found, "Q308").message.startswith("1 of 3 requests ends in a 429: 33.3 %, and at most 25 %")


def test_a_request_that_ends_well_is_not_rejected():
    """What the next key made good is a 429, but not one that users see."""
    log = Log()
    for minute in range(10):
        begin = NOON + minute * 10 * MINUTE
        log.call(begin, 1).call(begin + SECOND, 1)
        log.request(begin + 10 * SECOND, 1, 2, passes=True)
    found = log.found(max_rejected=0.0)
    assert "Q308" not in found
    assert only(found, "Q301").severity == "note"
    assert only(found, "Q301").evidence["rejections"] == 10


def test_each_pool_has_its_own_share():
    """A pool that keeps to the share is tolerated beside one that does not."""
    log = full_minutes(1, other=9, limit=2)
    other = Log("ARTIFACT", (3, 4, 5, 6)).call(NOON, 3).call(NOON + SECOND, 4, "per-minute", isolate="x")
    log.rows += [row | {"isolate": f"a-{row['isolate']}"} for row in other.rows]
    found = log.found(max_rejected=0.2)
    assert only(found, "Q308").pool == "ARTIFACT"
    assert {f.pool: f.severity for f in found["Q301"]} == {"CHAT": "note", "ARTIFACT": "error"}


def test_judge_takes_the_share():
    """The public function passes it on, and the report carries the severity."""
    table = full_minutes(1, other=9, limit=2).table()
    by_code = {
        allowed: {
            f.code: f.severity for f in keyrota.judge(table, pools=POOLS, max_rejected=allowed).findings
        }
        for allowed in (None, 0.01, 0.5)
    }
    assert by_code[None]["Q301"] == "error"
    assert "Q308" not in by_code[None]
    assert by_code[0.01]["Q308"] == "error"
    assert by_code[0.5]["Q301"] == "note"
    assert "Q308" not in by_code[0.5]
