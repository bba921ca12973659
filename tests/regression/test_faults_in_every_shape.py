"""Every fault is found in every shape of log that can show it.

What a shape can show follows from its flags (`keyrota.logs.write.Shape`):

============= ============================================================== =======================
ability       flags                                                          needed by
============= ============================================================== =======================
picks         ``rows`` is not "invocation"                                   all but "no picks"
starts        picks; ids, boots or ``Listening on`` lines: every such shape  always first
steps         picks and ids; or a local shape (neither ids nor boots), which stuck, random, passed over
              has one isolate at a time between two ``Listening on`` lines
requests      steps, and times                                               two picks
functions     slugs on every row; or ids and invocations, which tell slugs   wrong pool
nothing       picks alone, or not even they                                  all others
============= ============================================================== =======================

Where a shape cannot show a fault, the fault's code must not be found either. Other codes may be found only
if they are named as consequences.
"""

from dataclasses import dataclass, field

import numpy as np
import pytest

from keyrota.findings.facts import gather
from keyrota.findings.registry import find_all
from keyrota.logs.read import read
from keyrota.logs.write import (
    LISTENING,
    SHAPES,
    LogRow,
    boot_message,
    invalid_format_message,
    invocation_message,
    pick_message,
    pool_message,
    shutdown_message,
    write_log,
)
from keyrota.pools.load import load_pools

US, MS, SECOND = 1_000, 1_000_000, 1_000_000_000
NOON = 1_762_776_000 * SECOND
ARTIFACT = (3, 4, 5, 6)
IDS = {
    name: f"0d67{n:04d}-1111-4222-8333-444455556666" for n, name in enumerate(("chat", "generate-artifact"))
}


@dataclass
class Log:
    """Rows of one shape, isolate after isolate."""

    shape: str
    pool: str = "ARTIFACT"
    function: str = "generate-artifact"
    labels: tuple[int, ...] = ARTIFACT
    rows: list[LogRow] = field(default_factory=list)
    isolates: int = 0

    @property
    def is_local(self):
        return not SHAPES[self.shape].carries_isolate and not SHAPES[self.shape].carries_boot

    def isolate(self, *requests, warn=False):
        """Add an isolate that serves requests, each a sequence of positions."""
        start = NOON + self.isolates * 100 * SECOND
        self.isolates += 1
        self.add(start, boot_message(31), event_type="Boot", boot_ms=31)
        self.add(start + 5 * MS, LISTENING)
        for number, positions in enumerate(requests):
            at = start + 20 * MS + number * 9 * SECOND
            # A local log announces a request, a hosted invocation is written at its end.
            self.add(
                start - 2 * MS
                if self.is_local and number == 0
                else at - 2 * MS
                if self.is_local
                else at + SECOND,
                invocation_message("POST", 200, self.function),
                status=200,
                duration_ms=900,
                kind_of_row="invocation",
            )
            for pick, position in enumerate(positions):
                time = at + pick * 700 * US
                self.add(time, pick_message(self.labels[position - 1], position, len(self.labels)))
                if warn:
                    self.add(time + US, invalid_format_message(self.pool), level="warning")
                self.add(time + 2 * US, pool_message(self.pool, len(self.labels)))
        self.add(
            start + 75 * SECOND, shutdown_message(), event_type="Shutdown", reason="EarlyDrop", cpu_ms=40
        )

    def add(self, time, message, **fields):
        identity = f"{self.isolates:08d}-2222-4333-8444-555566667777"
        self.rows.append(
            LogRow(
                time,
                message,
                execution_id=identity,
                function_id=IDS[self.function],
                function=self.function,
                row_id=f"{len(self.rows):08d}-0000-4000-8000-000000000000",
                **fields,
            )
        )

    def written(self):
        return write_log(sorted(self.rows, key=lambda row: row.time_ns), self.shape, seed=7)


def spread(number, size):
    """Return starts that are spread evenly, in random order."""
    return (np.random.default_rng(11).permutation(np.arange(number)) % size + 1).tolist()


def turns(start, length, size):
    return [[(start - 1 + i) % size + 1] for i in range(length)]


def healthy(shape):
    log = Log(shape)
    for start in spread(40, 4):
        log.isolate(*turns(start, 2, 4))
    return log


def always_first(shape):
    log = Log(shape)
    for number in range(40):
        log.isolate(*turns(1, 1 + number % 4, 4))
    return log


def stuck(shape):
    log = Log(shape)
    for start in spread(40, 4):
        log.isolate([start], [start], [start])
    return log


def random_choice(shape):
    log, rng = Log(shape), np.random.default_rng(3)
    for _ in range(30):
        log.isolate(*rng.integers(1, 5, size=(6, 1)).tolist())
    return log


def passed_over(shape):
    log, ring = Log(shape), (1, 2, 4)
    for start in spread(40, 3):
        log.isolate(*([ring[(start + i) % 3]] for i in range(4)))
    return log


def missing_secret(shape):
    log = Log(shape, labels=ARTIFACT[:3])
    for start in spread(39, 3):
        log.isolate([start])
    return log


def two_picks(shape):
    log = Log(shape, "CHAT", "chat", (1, 2))
    for start in spread(20, 2):
        log.isolate(*[[start, 3 - start]] * 6)
    return log


def unused_key(shape):
    log = Log(shape)
    for start in spread(120, 3):
        log.isolate([start])
    return log


def undeclared_key(shape):
    log = Log(shape, labels=(3, 4, 5, 11))
    for start in spread(40, 4):
        log.isolate([start])
    return log


def swapped(shape):
    log = Log(shape, labels=(3, 5, 4, 6))
    for start in spread(40, 4):
        log.isolate([start])
    return log


def listed_twice(shape):
    log = Log(shape, labels=(3, 4, 4, 6))
    for start in spread(80, 4):
        log.isolate([start])
    return log


def wrong_pool(shape):
    log = Log(shape, function="chat")
    for start in spread(40, 4):
        log.isolate([start])
    return log


def invalid_key(shape):
    log = Log(shape)
    for start in spread(40, 4):
        log.isolate([start], warn=start == 2)
    return log


def no_picks(shape):
    log = Log(shape)
    for _ in range(5):
        log.isolate([])
    return log


@dataclass(frozen=True)
class Fault:
    """A fault: its log, its code, the ability that a shape needs to show it, and what may follow from it."""

    make: object
    code: str | None
    needs: str = "picks"
    consequences: frozenset = frozenset()


SHARES = frozenset({"R101", "R106"})
FAULTS = {
    "none": Fault(healthy, None),
    "always first": Fault(always_first, "R102", "starts", SHARES),
    "stuck": Fault(stuck, "R104", "steps", SHARES),
    "random": Fault(random_choice, "R103", "steps", SHARES),
    "passed over": Fault(passed_over, "R103", "steps", SHARES | {"R102"}),
    "missing secret": Fault(missing_secret, "C201"),
    "two picks": Fault(two_picks, "R105", "requests"),
    "unused key": Fault(unused_key, "R106", consequences=frozenset({"R101", "R102"})),
    "undeclared key": Fault(undeclared_key, "C202"),
    "swapped positions": Fault(swapped, "C203"),
    "listed twice": Fault(listed_twice, "C203", consequences=frozenset({"R106"})),
    "wrong pool": Fault(wrong_pool, "C204", "functions"),
    "invalid key": Fault(invalid_key, "C205"),
    "no picks": Fault(no_picks, "D405", "nothing"),
}


def abilities(name):
    """Return what a shape can show, by the table above."""
    shape = SHAPES[name]
    found = {"nothing"}
    if shape.rows == "invocation":
        return found
    found |= {"picks", "starts"}
    is_local = not shape.carries_isolate and not shape.carries_boot
    if shape.carries_isolate or is_local:
        found |= {"steps"} | ({"requests"} if shape.carries_time else set())
    if shape.carries_function == "slug" or (shape.carries_function == "id" and shape.rows == "all"):
        found.add("functions")
    return found


def found_in(log, tmp_path):
    path = tmp_path / f"log{SHAPES[log.shape].suffix}"
    path.write_bytes(log.written())
    pools = load_pools()
    reading = read(path, pools=pools)
    facts = gather(reading.events, reading.pools, log_input=reading.input)
    return {finding.code for finding in find_all(facts) if finding.code[0] in "RC" or finding.code == "D405"}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", FAULTS)
def test_fault(name, shape, tmp_path):
    """The fault's code is found where the shape can show it, and nothing that does not follow from it."""
    fault, able = FAULTS[name], abilities(shape)
    found = found_in(fault.make(shape), tmp_path)
    if "picks" not in able:
        assert found == {"D405"}
    else:
        expected = {fault.code} if fault.code and fault.needs in able else set()
        assert expected <= found <= expected | fault.consequences
