"""Laws of runs: for every table of events, and for every healthy log however its rows are scrambled."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from keyrota.events import make_events
from keyrota.findings.facts import gather
from keyrota.findings.registry import find_all
from keyrota.pools.declared import Pool, PoolConfig
from keyrota.rotation.runs import find_runs
from keyrota.rotation.ties import untangle

laws = settings(derandomize=True, deadline=None, max_examples=100)

MS = 1_000_000
COLUMNS = ("kind", "time", "position", "size", "isolate", "source", "function")

# Anything an event table may hold: marks and picks, with ids and without, of several sizes, out of order.
any_row = st.tuples(
    st.sampled_from(["pick", "pick", "pick", "boot", "listening", "retry", "invocation"]),
    st.none() | st.integers(0, 6).map(lambda n: n * MS),
    st.none() | st.integers(-1, 6),
    st.none() | st.integers(1, 5),
    st.none() | st.sampled_from("abc"),
    st.sampled_from(["a.log", "b.log"]),
    st.none() | st.sampled_from(["make", "fix"]),
)


def table(rows):
    return make_events(dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True)))


@st.composite
def healthy_logs(draw):
    """Rows of a healthy log: runs with random starts whose picks often share a millisecond."""
    size = draw(st.integers(1, 6))
    rows = []
    for isolate in range(draw(st.integers(1, 6))):
        position, time = draw(st.integers(0, size - 1)), draw(st.integers(1, 4))
        for gap in draw(st.lists(st.integers(0, 2), max_size=12)):
            rows.append(("pick", time * MS, position + 1, size, f"i{isolate}", "a.log", "make"))
            position, time = (position + 1) % size, time + gap
    return rows, size


@laws
@given(st.lists(any_row, min_size=1, max_size=40))
def test_runs_partition_the_picks(rows):
    """Each pick with a place in the pool is in exactly one run, of its size, isolate and source."""
    events = table(rows)
    found = find_runs(events)
    picks = events[events["kind"] == "pick"]
    inside = (picks["position"] >= 1) & (picks["position"] <= picks["size"])
    placed = picks[inside.fillna(False).astype(bool)]
    seen = [row for runs in found.values() for row in runs.rows]
    assert sorted(seen) == placed.index.tolist()
    for size, runs in found.items():
        own = events.loc[runs.rows]
        assert (own["size"] == size).all()
        assert own["position"].tolist() == runs.positions.tolist()
        assert runs.lengths.sum() == len(runs.rows) == runs.counts.sum()
        assert len(runs.basis) == len(runs.is_start_certain) == len(runs.lengths)
        for _, of_run in own.groupby(runs.run):
            assert of_run["isolate"].nunique(dropna=False) == 1
            if of_run["isolate"].isna().all():
                assert of_run["source"].nunique() == 1
                assert of_run["function"].nunique(dropna=False) == 1


@laws
@given(healthy_logs(), st.randoms(use_true_random=False))
def test_scrambling_equal_milliseconds_breaks_no_step(log, random):
    """Rows of one millisecond come back in any order: every step of a healthy log stays +1."""
    rows, size = log
    shuffled = sorted(random.sample(rows, len(rows)), key=lambda row: row[1])
    for events in (table(rows), table(shuffled)) if rows else ():
        (runs,) = find_runs(events).values()
        steps, _ = runs.steps
        assert (steps == 1 % size).all()


@laws
@given(healthy_logs(), st.randoms(use_true_random=False))
def test_scrambling_changes_no_start_that_is_certain(log, random):
    """A start said to be certain is the true one, and the same in every order of the file."""
    rows, _ = log
    true_start = {}
    for row in rows:
        true_start.setdefault(row[4], row[2])
    shuffled = sorted(random.sample(rows, len(rows)), key=lambda row: row[1])
    if not rows:
        return
    events = table(shuffled)
    (runs,) = find_runs(events).values()
    isolates = events.loc[runs.rows[runs.first], "isolate"].tolist()
    starts = runs.positions[runs.first].tolist()
    for isolate, start, is_certain in zip(isolates, starts, runs.is_start_certain, strict=True):
        assert not is_certain or start == true_start[isolate]


@laws
@given(st.lists(st.integers(1, 5), min_size=1, max_size=12), st.data())
def test_untangling_is_a_permutation_within_moments(positions, data):
    """Picks never leave their moment, whatever the positions."""
    gaps = data.draw(st.lists(st.integers(0, 1), min_size=len(positions), max_size=len(positions)))
    moments = np.cumsum(gaps)
    order, _ = untangle(np.array(positions), moments, 5)
    assert sorted(order.tolist()) == list(range(len(positions)))
    assert moments[order].tolist() == moments.tolist()


@laws
@given(healthy_logs(), st.integers(0, 5))
def test_turning_the_pool_turns_the_order(log, shift):
    """Where the circle of positions begins is a convention: the order found turns with it."""
    rows, size = log
    if not rows:
        return
    turned = [(*row[:2], (row[2] - 1 + shift) % size + 1, *row[3:]) for row in rows]
    (plain,), (moved,) = find_runs(table(rows)).values(), find_runs(table(turned)).values()
    assert np.array_equal((plain.positions - 1 + shift) % size + 1, moved.positions)
    assert np.array_equal(plain.is_start_certain, moved.is_start_certain)


@settings(laws, max_examples=15)
@given(healthy_logs(), st.permutations(["i0", "i1", "i2", "i3", "i4", "i5"]))
def test_relabelling_isolates_changes_nothing(log, names):
    """The ids of isolates are names: tests, verdicts and findings are the same under others."""
    rows, size = log
    if not rows:
        return
    pools = PoolConfig(pools=(Pool(name="P", keys=tuple(range(1, size + 1))),))
    renamed = [(*row[:4], names[int(row[4][1:])], *row[5:]) for row in rows]
    plain, other = (gather(table(of), pools) for of in (rows, renamed))
    assert plain.pools[0].tests == other.pools[0].tests
    assert plain.pools[0].verdict == other.pools[0].verdict
    assert find_all(plain) == find_all(other)
