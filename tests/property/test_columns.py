"""Rows as columns give what the rules give row by row, and a source read in ranges what it gives whole.

The rows are made up of few values each, so that ids, names, times and contents meet in every way; the rules
are those of support/rows_one_by_one.py.
"""

import pickle
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rows_one_by_one as plain
from keyrota.errors import InputError
from keyrota.logs.assemble import assembled
from keyrota.logs.collect import finished, gather
from keyrota.logs.duplicates import Duplicates, Marks, repeats
from keyrota.logs.gathered import Gathered, Joining
from keyrota.logs.hashing import id_hash
from keyrota.logs.joined_rows import joined
from keyrota.logs.own_rules import rule_table
from keyrota.logs.record import BadRow, Record
from keyrota.logs.rows import constant
from keyrota.pools.declared import UNDECLARED, Pool, PoolConfig
from keyrota.pools.load import load_pools, parse_pools

NS = 1_762_917_393_000_000_000
SECOND = 1_000_000_000
CONFIGS = {
    "packaged": load_pools(),
    "none": UNDECLARED,
    # Two names that differ by their letters' size only, two pools of one model, a pool that is not in order.
    "odd": PoolConfig(
        pools=(
            Pool(name="Chat", keys=(2, 1), functions=("chat", "i-1"), model="flash"),
            Pool(name="CHAT", keys=(5, 3, 4), model="flash"),
            Pool(name="image", keys=(7,), functions=("generate-image",), model="pro"),
        )
    ),
}


KINDS = ["pick", "pick", "pool", "rejection", "retry", "warning", "boot", "invocation"]


UNTIMED = settings(deadline=None)


def maybe(*values):
    """One of these as often as nothing."""
    return st.one_of(st.none(), st.sampled_from(values))


def rows_of(times, names=True, ids=True, kinds=None):
    """Rows of few values; `times` is what a time is drawn from."""
    told = maybe if names else lambda *_: st.none()
    sizes = st.sampled_from([(None, None), (1, 2), (2, 2), (1, 3), (3, 3), (1, 1), (4, 4)])
    return st.builds(
        lambda place, **fields: plain.PlainRow(position=place[0], size=place[1], **fields),
        place=sizes,
        kind=st.sampled_from(kinds or KINDS),
        line=st.integers(1, 300),
        time_ns=times,
        key=maybe(1, 2, 3, 7, 11, 99),
        carried=maybe("chat", "CHAT", "Image", "OTHER"),
        function=told("chat", "generate-image", "i-1", "f-1"),
        function_id=told("f-1", "f-2"),
        isolate=told("i-1", "i-2", "i-3"),
        model=maybe("flash", "pro"),
        status=maybe(200, 429),
        cause=maybe("per-day", "CPUTime"),
        limit=maybe(0, 50),
        retry_after_s=maybe(0.5),
        duration_ms=maybe(0.0, 31.0),
        row_id=maybe("a", "b", "c") if ids else st.none(),
    )  # fmt: skip


TIMES = {
    "close": st.integers(0, 4).map(lambda n: NS + n),
    "minutes": st.integers(0, 20).map(lambda n: NS + n * 15 * SECOND),
    "some": st.sampled_from([None, NS, NS + 50 * SECOND, NS + 200 * SECOND]),
    "none": st.none(),
}
SOURCE = st.one_of(
    *(st.lists(rows_of(times, names), max_size=25) for times in TIMES.values() for names in (True, False))
)
IN_ORDER = SOURCE.map(plain.in_time_order)

# Rows of so few contents that most of them come again.
FEW = st.lists(
    st.builds(
        plain.PlainRow,
        kind=st.sampled_from(["pick", "pick", "retry"]),
        key=st.sampled_from([1, 2]),
        time_ns=st.one_of(st.none(), *[st.integers(NS, NS + 2)] * 4),
        row_id=maybe("a", "b"),
    ),
    max_size=15,
)
FEW_IN_ORDER = FEW.map(plain.in_time_order)


@st.composite
def pool_lines(draw):
    """Picks of one moment that no declaration knows, and lines after them of which one names a pool."""
    rows = []
    for _ in range(draw(st.integers(1, 4))):
        isolate = draw(maybe("i-1", "i-2"))
        rows.append(
            plain.PlainRow("pick", key=draw(maybe(99)), position=1, size=2, isolate=isolate, time_ns=NS)
        )
        rows += [plain.PlainRow("boot", isolate=isolate, time_ns=NS) for _ in range(draw(st.integers(0, 4)))]
        rows.append(plain.PlainRow("pool", carried=draw(maybe("chat", "X")), isolate=isolate, time_ns=NS))
    return rows


def with_hashes(rows):
    """The rows with the hash of their id, which is what columns keep."""
    return [replace(row, row_id=row.row_id and id_hash(row.row_id)) for row in rows]


@UNTIMED
@given(SOURCE)
def test_columns_keep_what_rows_say(rows):
    """There and back, through a pickle too."""
    columns = pickle.loads(pickle.dumps(plain.as_columns(rows)))
    assert plain.as_plain(columns) == with_hashes(rows)


PIECES = [
    "429 {",
    '"quotaId": "GenerateRequestsPerDayPerProject", "quotaValue": "50"',
    '"quotaId": "GenerateRequestsPerMinutePerProject"',
    '"model": "flash-2"',
    "Please retry in 36s",
]


@st.composite
def raw_rows(draw):
    """Rows as they are gathered: with fragments, and words where a cause is wanting."""
    times = draw(st.sampled_from(list(TIMES.values())))
    rows = draw(st.lists(rows_of(times), max_size=25))
    for row in rows:
        if row.kind == "retry" or (row.kind == "rejection" and row.cause is None):
            row.kind = "fragment" if row.kind == "retry" else row.kind
            row.text = draw(st.sampled_from(PIECES))
        if row.kind == "invocation" and draw(st.booleans()):
            row.status = None
    return rows


@pytest.mark.parametrize("pools", CONFIGS)
@UNTIMED
@given(rows=raw_rows())
def test_the_sequence_of_a_source(pools, rows):
    """Order, functions in flight and bodies, as told row by row."""
    ordered = plain.with_functions_in_flight(plain.in_time_order(rows), CONFIGS[pools])
    expected, orphans = plain.with_bodies(ordered)
    gathered = Gathered(plain.as_columns(rows), 100, 3, [], [], constant("key", len(rows)))
    found = finished(gathered, CONFIGS[pools], {})
    assert plain.as_plain(found.rows) == with_hashes(expected)
    assert (found.used, found.lines, found.malformed) == (len(rows) - orphans, 100, 3)
    assert sum(found.found.values()) == len(expected)


def kept(sources):
    duplicates = Duplicates()
    result = []
    for number, rows in enumerate(sources, start=1):
        marks = Marks.of(plain.as_columns(rows))
        is_repeat = duplicates.repeats_in(marks, is_last=number == len(sources))
        result.append([row for row, repeated in zip(rows, is_repeat.tolist(), strict=True) if not repeated])
    return result


def expected_kept(sources):
    duplicates = plain.Duplicates()
    return [duplicates.drop_from(rows) for rows in sources]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(FEW_IN_ORDER, FEW, IN_ORDER), max_size=6))
def test_repeats_of_several_sources(sources):
    """Ids, counts and the share of an overlap, as told row by row."""
    assert kept(sources) == expected_kept(sources)


@UNTIMED
@given(st.data())
def test_repeats_of_exports_that_overlap(data):
    """Parts of one log, some with ids and some without, in any order."""
    kinds = st.sampled_from([["pick"], ["pick", "retry"]])
    log = data.draw(st.lists(rows_of(TIMES["minutes"], kinds=data.draw(kinds)), min_size=5, max_size=40))
    log = plain.in_time_order(log)
    sources = []
    for _ in range(data.draw(st.integers(2, 5))):
        start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(log))] * 2)))
        has_ids = data.draw(st.booleans())
        sources.append([row if has_ids else replace(row, row_id=None) for row in log[start:end]])
    assert kept(sources) == expected_kept(sources)


@UNTIMED
@given(FEW_IN_ORDER, st.one_of(FEW, FEW_IN_ORDER))
def test_repeats_of_a_set_of_rows(seen, rows):
    """A store asks with the marks of what it holds, in any order."""
    seen = plain.Duplicates().drop_from(seen)
    expected = expected_kept([seen, rows])[1]
    marks = Marks.of(plain.as_columns(seen))
    shuffled = marks.take(np.random.default_rng(1).permutation(len(marks)))
    for held in (marks, shuffled):
        is_repeat = repeats(Marks.of(plain.as_columns(rows)), held).tolist()
        assert [row for row, repeated in zip(rows, is_repeat, strict=True) if not repeated] == expected


@UNTIMED
@given(st.one_of(SOURCE, FEW))
def test_marks_tell_rows_apart(rows):
    """Two contents are equal if time, kind, key, place and status are."""
    marks = Marks.of(plain.as_columns(rows)).content.tolist()
    told = [plain.content(row) for row in rows]
    assert len(set(marks)) == len(set(told)) == len(set(zip(marks, told, strict=True)))


@pytest.mark.parametrize("pools", CONFIGS)
@UNTIMED
@given(
    sources=st.lists(
        st.tuples(st.sampled_from(["a", "b", "AIzaSyABCDEF"]), st.one_of(IN_ORDER, IN_ORDER, pool_lines())),
        min_size=1,
        max_size=3,
    )
)
def test_the_table_of_several_sources(pools, sources):
    """Functions, pools, places, inferred pools: equal in every cell, type and category."""
    config = CONFIGS[pools]
    columns = [(name, plain.as_columns(rows)) for name, rows in sources]
    try:
        events, expected_pools = plain.assembled(sources, config)
    except InputError:
        with pytest.raises(InputError, match="no pick in this log names a key or a position"):
            assembled(columns, config)
        return
    found = assembled(columns, config)
    assert plain.same_tables(found.events, events)
    assert found.pools == expected_pools
    marks = found.marks_in_order(Marks.of(joined([rows for _, rows in columns])))
    times = found.events["time"].to_numpy(dtype="datetime64[ns]").view("int64")
    assert marks.time.tolist() == times.tolist()


OWN = parse_pools(
    "[[rule]]\nname = 'own'\nkind = 'pick'\npattern = 'key (?P<key>[A-Za-z0-9*]+)'\nmatches = ['key a**b']\n"
    "[[pool]]\nname = 'A'\nkeys = [1, 2]"
)
MESSAGES = [
    "key a**1", "key b**2", "key 7", "key 0", "hello", "Using GOOGLE_KEY_1 (position 1/2 in pool)",
    "Google AI Studio error: 429 {", '"quotaId": "GenerateRequestsPerDay"', "shutdown", "booted (time: 31ms)",
]  # fmt: skip
MADE = st.lists(st.tuples(st.sampled_from([*MESSAGES, None]), maybe("i-1", "i-2")), max_size=20)


def records(made, start=0, end=None):
    """Rows of a range of a source, which counts its lines from 1."""
    return [
        BadRow(line, "odd") if message is None else Record(line, message, NS + place, f"r{place}", isolate)
        for line, (place, (message, isolate)) in enumerate(list(enumerate(made))[start:end], start=1)
    ]


def same(a, b):
    assert a.rows == b.rows
    assert (a.lines, a.used, a.malformed, a.first_malformed, a.key_labels) == (
        b.lines, b.used, b.malformed, b.first_malformed, b.key_labels,
    )  # fmt: skip
    assert a.label.tolist() == b.label.tolist()


def in_ranges(parts):
    """Put the ranges of one source together: each counts its lines from 1."""
    joining, lines = Joining(), 0
    for number, part in enumerate(parts, start=1):
        joining.add(part, lines, number / len(parts))
        lines += part.lines
    return joining.done()


@UNTIMED
@given(made=MADE, cuts=st.lists(st.integers(0, 20), max_size=4))
def test_ranges_put_together_are_the_source(made, cuts):
    """Lines go on from range to range, labels are numbered as they appear."""
    rules = rule_table(OWN)
    ends = sorted({0, len(made), *(cut for cut in cuts if cut <= len(made))})
    parts = [gather(records(made, start, end), rules) for start, end in pairwise(ends)]
    whole = gather(records(made), rules)
    same(pickle.loads(pickle.dumps(in_ranges(parts))), whole)
    labels, others = {}, {}
    assert finished(in_ranges(parts), OWN, labels) == finished(whole, OWN, others)
    assert labels == others
    assert labels == {label: number for number, label in enumerate(whole.key_labels, start=1)}


@UNTIMED
@given(made=MADE, data=st.data())
def test_two_readers_of_one_range_are_the_source(made, data):
    """Each reads some of the lines."""
    rules = rule_table(OWN)
    told = records(made)
    is_first = [data.draw(st.booleans()) for _ in told]
    parts = [
        gather([r for r, own in zip(told, is_first, strict=True) if own is who], rules)
        for who in (True, False)
    ]
    same(Gathered.woven(parts), gather(told, rules))
