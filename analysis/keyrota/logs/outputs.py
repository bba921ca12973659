"""What a program printed, an isolate at a time, to the event table: no file, no times, nothing shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from keyrota.errors import InputError
from keyrota.logs.assemble import assembled
from keyrota.logs.collect import collect
from keyrota.logs.duplicates import Marks
from keyrota.logs.enrich import PICK
from keyrota.logs.formats import NotALogError, open_log
from keyrota.logs.own_rules import rule_table
from keyrota.logs.read import LogInput, Reading
from keyrota.logs.rows import Rows, constant
from keyrota.pools.declared import PoolConfig


def read_outputs(outputs: Sequence[bytes], config: PoolConfig, *, names_isolates: bool = False) -> Reading:
    """Read what a program printed when it ran several times.

    Parameters
    ----------
    outputs
        Of each run, in any shape that is read.
    names_isolates
        Whether the lines name their isolates; else each run is one, whatever they name.
    config
        The declared pools.

    Raises
    ------
    InputError
        If no output holds a line about keys.
    """
    rules = rule_table(config)
    key_labels: dict[str, int] = {}
    rows: list[tuple[str, Rows]] = []
    for number, output in enumerate(outputs, start=1):
        try:
            own = collect(open_log([output], None, rules).records, rules, config, key_labels).rows
        except NotALogError:
            continue
        rows.append((f"run {number}", own if names_isolates else _of_one_isolate(own, f"run-{number}")))
    if not any((own.kind == PICK).any() for _, own in rows):
        raise InputError(
            "no line about a pick: the lines to look for read `Using GOOGLE_KEY_n (position x/y in pool)`"
        )
    marks = Marks.joined([Marks.of(own) for _, own in rows])
    whole = assembled(rows, config)
    return Reading(whole.events, LogInput(()), whole.pools, whole.marks_in_order(marks))


def _of_one_isolate(rows: Rows, isolate: str) -> Rows:
    """Return rows that all name this isolate."""
    names = list(dict.fromkeys([*rows.names, isolate]))
    return replace(rows, names=names, isolate=constant("isolate", len(rows), names.index(isolate)))
