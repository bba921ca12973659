"""Event tables with a known fault, and what is found in them."""

import numpy as np
import pytest

from keyrota.events import make_events
from keyrota.findings.facts import gather
from keyrota.findings.registry import find_all
from keyrota.pools.declared import Pool, PoolConfig
from keyrota.rotation.policies import following

SECOND = 1_000_000_000

POOLS = PoolConfig(
    pools=(
        Pool(name="CHAT", keys=(1, 2), functions=("chat",)),
        Pool(name="ARTIFACT", keys=(3, 4, 5, 6), functions=("make", "fix")),
    )
)


def run(start, length, size):
    """Return the positions of one isolate in correct succession."""
    positions = [start]
    while len(positions) < length:
        positions.append(following(positions[-1], size))
    return positions


def uniform_runs(runs, length, size, seed=1):
    """Return runs whose starts are spread as evenly as their number allows, in random order."""
    starts = np.random.default_rng(seed).permutation(np.arange(runs) % size + 1)
    return [run(int(start), length, size) for start in starts]


def picked(runs, size=4, *, pool="ARTIFACT", keys=None, ids=True, spacing_ns=10 * SECOND, **columns):
    """Return the columns of an event table: one isolate to a run of positions, one after the other."""
    of_pool = {"CHAT": (1, 2), "ARTIFACT": (3, 4, 5, 6)}.get(pool, tuple(range(1, size + 1)))
    keys = keys or of_pool
    rows = [(n, p) for n, positions in enumerate(runs) for p in positions]
    table = {
        "kind": ["pick"] * len(rows),
        "time": [1_762_000_000_123_000_000 + spacing_ns * i for i in range(len(rows))],
        "pool": [pool] * len(rows),
        "key": [keys[p - 1] if p <= len(keys) else None for _, p in rows],
        "position": [p for _, p in rows],
        "size": [size] * len(rows),
        "isolate": [f"isolate-{n}" if ids else None for n, _ in rows],
        "source": ["a.log"] * len(rows),
        "line": list(range(1, len(rows) + 1)),
    }
    return table | {name: list(values) for name, values in columns.items()}


def joined(*tables):
    """Return several tables as one; what a table lacks is missing there."""
    names = dict.fromkeys(name for table in tables for name in table)
    lengths = [len(next(iter(table.values()))) for table in tables]
    return {
        name: [v for table, n in zip(tables, lengths, strict=True) for v in table.get(name, [None] * n)]
        for name in names
    }


class Judge:
    """Builds tables and judges them."""

    run, uniform_runs, picked, joined = map(staticmethod, (run, uniform_runs, picked, joined))
    pools = POOLS

    def facts(self, columns, *, pools=POOLS, alpha=1e-3, log_input=None):
        """Return the facts about a table of columns."""
        return gather(make_events(columns), pools, alpha=alpha, log_input=log_input)

    def findings(self, columns, **options):
        """Return what is found, by code; `also` tells of tests that expect one finding of each code."""
        found = {}
        for finding in find_all(self.facts(columns, **options)):
            found.setdefault(finding.code, []).append(finding)
        return found

    def codes(self, columns, **options):
        """Return the codes of the findings about the rotation and the declaration."""
        return sorted(code for code in self.findings(columns, **options) if code[0] in "RC")


@pytest.fixture(scope="session")
def judge():
    return Judge()
