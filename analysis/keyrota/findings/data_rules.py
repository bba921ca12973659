"""D4xx: what the data can and cannot show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from keyrota.display import count, listed
from keyrota.findings.facts import LogFacts, PoolFacts
from keyrota.findings.rule import Finding, Rule
from keyrota.rotation.policies import declared_step
from keyrota.rotation.runs import BASES

ROW_CAPS: Final = (100, 1000)
"""Rows that one query returns at most: in the dashboard's preview, and in all."""

_QUERY_FORMATS: Final = ("json", "csv", "markdown")


def _lost_lines(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for source in facts.input.sources if facts.input else ():
        if source.truncated:
            yield rule.finding(
                f"{source.name} ends early: what came after is missing",
                "Fetch the file again; the result stands on what could be read.",
                evidence={"source": source.name, "lines": source.lines, "problems": list(source.problems)},
            )
        elif source.format in _QUERY_FORMATS and source.lines in ROW_CAPS:
            yield rule.finding(
                f"{source.name} holds exactly {count(source.lines, 'row')}, the most that one query returns: older rows "
                "are probably missing",
                "Export shorter spans of time and give all files: rows that they share are counted once. A log drain "
                "loses fewer.",
                evidence={"source": source.name, "lines": source.lines},
            )
    for pool in facts.pools:
        tests = pool.tests
        if tests is None or not tests.broken_steps or tests.is_succession_broken:
            continue
        yield rule.finding(
            f"{tests.broken_steps} of {count(tests.step_count, 'step')} inside isolates skip keys, too few for a fault of the "
            "rotation: the platform drops lines above 100 in 10 s",
            "Log less around the pick, or read a log drain.",
            pool=pool.name,
            evidence={
                "steps": {str(s): n for s, n in sorted(tests.steps.items()) if s != declared_step(tests.size)}
            },
        )


def _malformed_lines(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for source in facts.input.sources if facts.input else ():
        if source.malformed:
            places = [f"{source.name}:{line}" for line, _ in source.first_malformed]
            reasons = listed(sorted({reason for _, reason in source.first_malformed}), limit=3)
            yield rule.finding(
                f"{source.malformed} of {count(source.lines, 'line')} of {source.name} could not be read ({reasons})",
                "Look at the places named; if the lines are whole there, report them as a format that is not read yet.",
                evidence={"malformed": source.malformed, "places": places},
            )


def _not_enough_data(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    if not facts.pick_count:
        return
    for pool in facts.pools:
        if pool.picks.empty:
            yield rule.finding(
                f"no pick of pool {pool.name} is in the log",
                "Export the logs of its functions too" + _functions_of(pool) + ".",
                pool=pool.name,
                evidence={"picks": 0},
            )
        elif pool.verdict == "not enough data" and pool.tests is not None:
            yield rule.finding(
                f"{count(len(pool.picks), 'pick')} of {pool.name} are too few for a verdict: {pool.tests.picks_needed:,} show a share that "
                f"is off by a third with probability 0.9 at a false-alarm rate of {facts.alpha:g}",
                "Give more logs: exports of other days, or a log drain. A larger --alpha needs fewer picks.",
                pool=pool.name,
                evidence={"picks": len(pool.picks), "picks_needed": pool.tests.picks_needed, "power": 0.9},
            )


def _functions_of(pool: PoolFacts) -> str:
    return f": {listed(list(pool.functions))}" if pool.functions else ""


def _isolates_unknown(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for pool in facts.pools:
        runs = pool.runs
        if runs is None:
            continue
        picks_by_basis = {
            name: int(runs.lengths[runs.basis == number].sum()) for number, name in enumerate(BASES)
        }
        inferred = sum(picks_by_basis.values()) - picks_by_basis["known"]
        if not inferred:
            continue
        if picks_by_basis["unknown"] or picks_by_basis["boot"]:
            effect = "only their shares are tested, against the least favourable run length, and steps are not judged"
        else:
            effect = "their isolates are told by the `Listening on` lines"
        yield rule.finding(
            f"{count(inferred, 'pick')} of {pool.name} carry no execution id: {effect}",
            "Add execution_id to the query or export the full rows; local logs carry none.",
            pool=pool.name,
            evidence={"picks": picks_by_basis},
        )


def _no_picks(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    if facts.pick_count:
        return
    found = (
        dict(facts.input.found)
        if facts.input
        else facts.events["kind"].value_counts().loc[lambda n: n > 0].to_dict()
    )
    lines = facts.input.total("lines") if facts.input else len(facts.events)
    kinds = {str(kind): int(number) for kind, number in found.items()}
    what = (
        listed([f"{count(number, _NOUNS.get(kind, kind))}" for kind, number in sorted(kinds.items())])
        or "none of a known kind"
    )
    if set(kinds) == {"invocation"}:
        remedy = (
            "These are invocation rows (function_edge_logs; the MCP tool get_logs returns only these): they carry no console "
            "line. Export the function's Logs page, or query function_logs."
        )
    elif kinds.get("pool"):
        remedy = "The application asked for pools that its key mapping does not know: correct the name that it asks for."
    else:
        remedy = (
            "Export the console lines (the function's Logs page, function_logs, or a drain), over a time with traffic; for "
            "another project's lines write a [[rule]] in the pools file."
        )
    yield rule.finding(
        f"no line in the input says which key was used; found in {count(lines, 'line')}: {what}",
        remedy,
        evidence={"found": kinds, "lines": lines},
    )


_NOUNS: Final = {
    "pool": "pool line",
    "listening": "Listening line",
    "shutdown": "shutdown",
    "retry": "retry line",
}

RULES: Final = (
    Rule("D405", "no-picks", "error", _no_picks),
    Rule("D401", "lost-lines", "warning", _lost_lines),
    Rule("D402", "malformed-lines", "note", _malformed_lines),
    Rule("D403", "not-enough-data", "note", _not_enough_data),
    Rule("D404", "isolates-unknown", "note", _isolates_unknown),
)
