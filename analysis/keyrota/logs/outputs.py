"""What a program printed, an isolate at a time, to the event table: no file, no times, nothing shared."""

from __future__ import annotations

from collections.abc import Sequence

from keyrota.errors import InputError
from keyrota.logs.assemble import assembled
from keyrota.logs.collect import EventRow, collect
from keyrota.logs.formats import NotALogError, open_log
from keyrota.logs.own_rules import rule_table
from keyrota.logs.read import LogInput, Reading
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
    rows: list[tuple[str, list[EventRow]]] = []
    for number, output in enumerate(outputs, start=1):
        try:
            own = collect(open_log([output], None, rules).records, rules, config, key_labels).rows
        except NotALogError:
            continue
        for row in own:
            row.isolate = row.isolate if names_isolates else f"run-{number}"
        rows.append((f"run {number}", own))
    if not any(row.kind == "pick" for _, own in rows for row in own):
        raise InputError(
            "no line about a pick: the lines to look for read `Using GOOGLE_KEY_n (position x/y in pool)`"
        )
    events, config = assembled(rows, config)
    return Reading(events, LogInput(()), config)
