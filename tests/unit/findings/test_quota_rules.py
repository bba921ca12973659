"""Q304, Q305: limits other than declared, and keys that share a quota, by what passed and what did not."""

import itertools

import numpy as np
import pytest

from keyrota.events import make_events
from keyrota.findings.facts import gather
from keyrota.findings.registry import find_all
from keyrota.pools.declared import Pool, PoolConfig, Quota

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
NOON = 1_763_467_200 * SECOND  # 2025-11-18 12:00 UTC
MIDNIGHT = NOON - 4 * 3600 * SECOND  # of the Pacific day


def pool(name="CHAT", keys=(1, 2), per_minute=2, per_day=None, **more):
    quota = Quota(per_minute=per_minute, per_day=per_day)
    return Pool(name=name, keys=keys, functions=(name.lower(),), quota=quota, **more)


def pools(*declared):
    return PoolConfig(pools=declared or (pool(),))


class Log:
    """Calls with an isolate each: (time, key, cause of the 429 or nothing), of one pool or several."""

    def __init__(self):
        self.rows, self.numbers = [], itertools.count()

    def add(self, time, key, cause=None, *, name="CHAT", keys=(1, 2), **fields):
        own = {"isolate": f"isolate-{next(self.numbers)}", "pool": name}
        place = {"key": key, "position": keys.index(key) + 1, "size": len(keys)}
        self.rows.append({"kind": "pick", "time": time} | own | place)
        if cause is not None:
            error = {"kind": "rejection", "time": time + SECOND // 5, "status": 429, "cause": cause}
            self.rows.append(error | own | fields)
        return self

    def found(self, config=None, **options):
        rows = sorted(self.rows, key=lambda row: row["time"])
        names = dict.fromkeys(name for row in rows for name in row)
        events = make_events({name: [row.get(name) for row in rows] for name in names})
        by_code = {}
        for finding in find_all(gather(events, config or pools(), **options)):
            by_code.setdefault(finding.code, []).append(finding)
        return by_code


def only(found, code):
    (finding,) = found[code]
    return finding


def served(calls, *, limit, projects, cause="per-minute", log=None, **options):
    """Let a provider with fixed minutes answer calls (time, key), a window for each project."""
    log, used = log or Log(), {}
    fields = options.pop("fields", {})
    for time, key in calls:
        window = projects.get(key, key), time // MINUTE
        used[window] = used.get(window, 0) + 1
        is_full = used[window] > limit
        if is_full:
            used[window] = limit
        log.add(time, key, cause if is_full else None, **(fields if is_full else {}), **options)
    return log


def traffic(keys, *, minutes=60, per_minute=3, seed=1):
    """Calls at so many a minute on average, each of a random key, ten seconds clear of the minute's ends."""
    rng = np.random.default_rng(seed)
    calls = []
    for minute in range(minutes):
        number = rng.poisson(per_minute)
        offsets = np.sort(rng.uniform(10, 50, number))
        calls += [(NOON + minute * MINUTE + int(o * 1e9), int(rng.choice(keys))) for o in offsets]
    return calls


# Limits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ([5], "1 error states a limit of 5, where 2 a minute are declared"),
        ([5, 5, 5], "3 errors state a limit of 5, where 2 a minute are declared"),
        (
            [5, 10, 10],
            "2 errors state 10 and 1 states 5 as the limit a minute, the last 10 at 2025-11-18T12:20:00Z; 10 "
            "is taken, as most errors of the last 24 hours state it, where 2 a minute are declared",
        ),
    ],
)
def test_a_stated_limit_of_a_minute(limits, message):
    """What most errors state is held against the declaration."""
    log = Log()
    for number, limit in enumerate(limits):
        log.add(NOON + number * 10 * MINUTE, 1, "per-minute", limit=limit)
    finding = only(log.found(), "Q304")
    assert (finding.severity, finding.pool, finding.keys) == ("warning", "CHAT", ())
    assert finding.message == message
    stated = max(limits, key=limits.count)
    one = f"Write {stated} into the pools file, with the day since which it holds."
    assert finding.remedy == one or len(set(limits)) > 1
    assert finding.evidence["declared"] == 2
    assert finding.evidence["stated"] == stated
    assert finding.evidence["stated_counts"] == {str(n): limits.count(n) for n in set(limits)}
    assert finding.evidence["per"] == "minute"


def test_a_stated_limit_of_a_day():
    """Its span is the Pacific day; a thousand is written as a number in a file."""
    log = Log().add(NOON, 1, "per-day", limit=1500)
    finding = only(log.found(pools(pool(per_day=50))), "Q304")
    assert finding.message == "1 error states a limit of 1,500, where 50 a Pacific day are declared"
    assert finding.remedy.startswith("Write 1500 into")
    assert finding.evidence["per"] == "Pacific day"


def test_a_stated_limit_as_declared():
    """Agreement is no finding."""
    log = Log().add(NOON, 1, "per-minute", limit=2).add(NOON + 9 * MINUTE, 2, "per-day", limit=50)
    assert "Q304" not in log.found(pools(pool(per_day=50)))


@pytest.mark.parametrize(
    ("span", "cause", "remedy"),
    [
        ("minute", "per-minute", "Write it into the pools file: quota = { per_minute = 7 }."),
        ("Pacific day", "per-day", "Write it into the pools file: quota = { per_day = 7 }."),
    ],
)
def test_a_limit_that_is_not_declared(span, cause, remedy):
    """The line for the pools file is said."""
    log = Log().add(NOON, 1, cause, limit=7)
    finding = only(log.found(pools(pool(per_minute=None))), "Q304")
    assert finding.message == f"the errors state a limit of 7 a {span} where none is declared"
    assert finding.remedy == remedy
    assert finding.evidence == {"declared": None, "stated": 7, "estimated": None, "per": span}


def test_a_pool_that_is_not_declared_has_no_limits_to_differ():
    """Only a declaration can be wrong; 429s that no window explains are found there too."""
    log = Log()
    for minute in range(4):
        log.add(NOON + 10 * minute * MINUTE, 1, "per-minute", limit=7, name="OTHER")
    assert "Q304" not in log.found()
    log.add(NOON + 3600 * SECOND, 1, "per-minute", limit=7, name="OTHER")
    assert only(log.found(), "Q304").message.startswith("5 of 5 429s came while the windows of their key")


def test_limits_that_change_within_the_log():
    """Both are told with the last one, and which of them counts; what passes then is no other finding."""
    log = Log()
    for hour, limit in enumerate([2] * 6 + [5] * 4):
        for second in range(limit):
            log.add(NOON + 3600 * SECOND * hour + second * SECOND, 1)
        log.add(NOON + 3600 * SECOND * hour + 20 * SECOND, 1, "per-minute", limit=limit)
    found = log.found()
    finding = only(found, "Q304")
    assert finding.message == (
        "6 errors state 2 and 4 state 5 as the limit a minute, the last 5 at 2025-11-18T21:00:20Z; 2 is "
        "taken, as most errors of the last 24 hours state it and as is declared; 12 calls passed although a "
        "window was full by it"
    )
    assert "--since and --until" in finding.remedy
    assert finding.evidence["stated_counts"] == {"2": 6, "5": 4}
    assert finding.evidence["stated_last"] == {"2": "2025-11-18T17:00:20Z", "5": "2025-11-18T21:00:20Z"}
    assert " by a limit a minute (6 errors state 2 and 4 state 5); in " in only(found, "Q301").message


@pytest.mark.parametrize(("true", "declared"), [(5, 2), (2, 5), (3, 15)])
def test_a_limit_that_the_calls_show(true, declared):
    """Errors that state no number: what passed and what did not tells the limit."""
    calls = traffic((1, 2), minutes=40, per_minute=4 * true)
    found = served(calls, limit=true, projects={}).found(pools(pool(per_minute=declared)))
    finding = only(found, "Q304")
    assert finding.message.startswith(f"what passed and what was rejected fits a limit of {true}")
    assert finding.message.endswith(f", where {declared} a minute are declared")
    assert finding.evidence["stated"] is None
    assert finding.evidence["estimated"] == true
    low, high = finding.evidence["between"]
    assert low <= true <= high
    assert not low <= declared <= high
    assert finding.evidence["log10_likelihood_ratio"] > 3
    assert "AI Studio" in finding.remedy
    assert only(found, "Q301").evidence["limit"] == true


def test_the_declared_limit_that_the_calls_show():
    """No finding where the log fits it."""
    log = served(traffic((1, 2), minutes=60, per_minute=6), limit=2, projects={})
    assert "Q304" not in log.found()
    assert "Q305" not in log.found()


def test_two_429s_are_no_estimate():
    """Less than three 429s at a full window leave the declared limit in force."""
    log = Log()
    for minute in range(2):
        begin = NOON + 10 * minute * MINUTE
        for second in range(5):
            log.add(begin + second * SECOND, 1)
        log.add(begin + 10 * SECOND, 1, "per-minute")
    assert "Q304" not in log.found()


# 429s that no window explains --------------------------------------------------------------------


def alone(number, *, explained=0, cause="per-minute"):
    """So many 429s of a key without another call in its minute, and some of full minutes."""
    log = Log()
    for minute in range(number):
        log.add(NOON + 10 * minute * MINUTE, 1, cause, limit=2)
    later = NOON + 10 * number * MINUTE
    for minute in range(explained):
        begin = later + 10 * minute * MINUTE
        log.add(begin, 1).add(begin + SECOND, 1).add(begin + 2 * SECOND, 1, cause, limit=2)
    return log


@pytest.mark.parametrize(
    ("number", "explained", "is_found"), [(4, 0, False), (5, 0, True), (5, 20, True), (5, 21, False)]
)
def test_429s_with_room(number, explained, is_found):
    """Five, and a fifth of those that can be judged, are too many."""
    found = alone(number, explained=explained).found()
    assert ("Q304" in found) is is_found
    if is_found:
        finding = only(found, "Q304")
        assert finding.message.startswith(f"{number} of {number + explained} 429s came while the windows of")
        assert "give all logs that use the keys" in finding.remedy
        assert finding.evidence == {
            "explained": explained,
            "unexplained": number,
            "not_judged": 0,
            "passed_a_full_window": 0,
        }


@pytest.mark.parametrize("cause", ["tokens-per-minute", "no-quota"])
def test_429s_of_another_kind_are_not_judged(cause):
    """Tokens and models without quota say nothing about requests a minute."""
    log = Log()
    for minute in range(30):
        log.add(NOON + minute * MINUTE, 1, cause)
    assert not {"Q304", "Q305"} & set(log.found())


def test_429s_by_the_day_of_a_log_that_begins_later_are_not_judged():
    """The calls that used up the day are not in it."""
    log = Log()
    for minute in range(30):
        log.add(NOON + minute * MINUTE, 1, "per-day", limit=50)
    assert "Q304" not in log.found(pools(pool(per_day=50)))


def test_429s_of_a_pool_without_any_limit():
    """Where no limit is known, there is no window that could have room."""
    log = Log()
    for minute in range(30):
        log.add(NOON + 10 * minute * MINUTE, 1, "unknown")
    assert "Q304" not in log.found(pools(pool(per_minute=None)))


# Shared projects ---------------------------------------------------------------------------------


def test_two_keys_of_one_project():
    """Both are named, with the evidence for one window, and the limits are as declared."""
    log = served(traffic((1, 2)), limit=2, projects={1: "a", 2: "a"}, fields={"limit": 2})
    found = log.found()
    finding = only(found, "Q305")
    assert (finding.severity, finding.pool, finding.keys) == ("error", "CHAT", (1, 2))
    together = finding.evidence["explained_together"]
    assert together >= 10
    assert finding.message == (
        f"keys 1 and 2 behave as one quota: {together} of their 429s came while each had room alone and "
        "their sum had none"
    )
    assert finding.remedy.startswith("They are 2 keys with the quota of one: limits count per Google Cloud")
    assert finding.evidence["unexplained"] == 0
    assert finding.evidence["pairs_compared"] == 1
    assert finding.evidence["false_alarm_rate"] == 1e-3
    assert finding.evidence["log10_likelihood_ratio"] > 3
    assert "Q304" not in found
    assert only(found, "Q301").evidence["another_key_had_room"] == 0


def test_the_same_log_with_keys_of_two_projects():
    """Nothing is found where each key has a window of its own."""
    log = served(traffic((1, 2)), limit=2, projects={}, fields={"limit": 2})
    found = log.found()
    assert "Q301" in found
    assert not {"Q304", "Q305"} & set(found)


def test_a_declared_project_is_no_finding():
    """What is declared counts as one quota from the start."""
    log = served(traffic((1, 2)), limit=2, projects={1: "a", 2: "a"}, fields={"limit": 2})
    found = log.found(pools(pool(projects=("a", "a"))))
    assert "Q305" not in found
    assert "Q304" not in found
    evidence = only(found, "Q301").evidence
    assert evidence["by_full_minute"] == evidence["rejections"]
    assert evidence["another_key_had_room"] == 0


def test_projects_that_are_declared_wrongly():
    """Keys that are declared apart are found all the same."""
    log = served(traffic((1, 2)), limit=2, projects={1: "a", 2: "a"}, fields={"limit": 2})
    assert only(log.found(pools(pool(projects=("a", "b")))), "Q305").keys == (1, 2)


@pytest.mark.parametrize(
    ("projects", "groups"),
    [
        ({3: "a", 5: "a"}, [(3, 5)]),
        ({3: "a", 4: "a", 6: "a"}, [(3, 4, 6)]),
        ({3: "a", 5: "a", 4: "b", 6: "b"}, [(3, 5), (4, 6)]),
        ({3: "a", 4: "a", 5: "a", 6: "a"}, [(3, 4, 5, 6)]),
    ],
)
def test_groups_of_a_larger_pool(projects, groups):
    """Pairs are told apart, groups of three and four form; the message counts the keys."""
    keys = (3, 4, 5, 6)
    calls = traffic(keys, minutes=120, per_minute=5)
    log = served(calls, limit=2, projects=projects, name="ARTIFACT", keys=keys, fields={"limit": 2})
    found = log.found(pools(pool("ARTIFACT", keys)))
    assert sorted(finding.keys for finding in found["Q305"]) == groups
    assert all(f.evidence["pairs_compared"] == 6 for f in found["Q305"])
    for finding in found["Q305"]:
        assert f"They are {len(finding.keys)} keys with the quota of one" in finding.remedy


def test_the_third_key_of_a_declared_project():
    """A declared pair counts as one; a third key of the project joins it."""
    keys = (3, 4, 5)
    calls = traffic(keys, minutes=90, per_minute=4)
    log = served(calls, limit=2, projects=dict.fromkeys(keys, "a"), name="X", keys=keys, fields={"limit": 2})
    declared = pool("X", keys, projects=("a", "a", "b"))
    assert only(log.found(pools(declared)), "Q305").keys == (3, 4, 5)


def in_two_pools():
    """The log of two keys of one project, each of which is a pool."""
    log = served(traffic((1, 2)), limit=2, projects={1: "a", 2: "a"})
    key_of = {row["isolate"]: row["key"] for row in log.rows if row["kind"] == "pick"}
    for row in log.rows:
        row["pool"] = "AB"[key_of[row["isolate"]] - 1]
        if row["kind"] == "pick":
            row.update(position=1, size=1)
    return log


@pytest.mark.parametrize(
    ("model", "per_minute", "is_found"), [("m", 2, True), ("other", 2, False), ("m", 3, False)]
)
def test_keys_of_two_pools(model, per_minute, is_found):
    """Keys of pools with one model and one limit may share a quota, and are found once."""
    declared = pools(pool("A", (1,), model="m"), pool("B", (2,), per_minute=per_minute, model=model))
    found = in_two_pools().found(declared)
    assert ("Q305" in found) is is_found
    if is_found:
        assert only(found, "Q305").keys == (1, 2)


def test_the_level_decides():
    """Two 429s that only the sum explains are 8,900 to 1: enough at 1e-3, too few at 1e-5."""
    log = Log()
    for minute in range(2):
        begin = NOON + 10 * minute * MINUTE
        log.add(begin, 1).add(begin + SECOND, 2).add(begin + 2 * SECOND, 1, "per-minute", limit=2)
    assert only(log.found(), "Q305").evidence["log10_likelihood_ratio"] == pytest.approx(4.0, abs=0.1)
    assert "Q305" not in log.found(alpha=1e-5)


def test_two_keys_whose_day_is_one():
    """The sum of a day shows it as the sum of a minute does."""
    log = Log()
    for day in range(3):
        begin = MIDNIGHT + day * 86_400 * SECOND
        for call in range(40):
            cause = "per-day" if call >= 30 else None
            fields = {"limit": 30} if cause else {}
            log.add(begin + (3 + 10 * call) * MINUTE, 1 + call % 2, cause, **fields)
    found = log.found(pools(pool(per_day=30)))
    assert only(found, "Q305").keys == (1, 2)
    assert "Q304" not in found
