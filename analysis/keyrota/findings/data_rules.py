"""D4xx: what the data can and cannot show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from keyrota.display import count, listed
from keyrota.findings.facts import LogFacts, PoolFacts
from keyrota.findings.lost_lines import lost_lines
from keyrota.findings.rule import Finding, Rule
from keyrota.findings.wording import agree, per_cent
from keyrota.logs.unread import FROM_ZERO
from keyrota.rotation.runs import BASES


def _malformed_lines(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    for source in facts.input.sources if facts.input else ():
        if source.malformed:
            reasons = listed(sorted({reason for _, reason in source.first_malformed}), limit=3)
            is_from_zero = any(kind.what in FROM_ZERO for kind, _ in source.unread_picks)
            yield rule.finding(
                f"{source.malformed:,} of {count(source.lines, 'line')} of {source.name} could not be read "
                f"({reasons})",
                _COUNT_FROM_ZERO if is_from_zero else _LOOK,
                evidence={
                    "malformed": source.malformed,
                    "places": [f"{source.name}:{line}" for line, _ in source.first_malformed],
                },
            )


_LOOK: Final = (
    "Look at the places named; if the lines are whole there, report them as a format that is not read yet."
)
_COUNT_FROM_ZERO: Final = (
    "Keys and positions are counted from 1. If the application counts from 0, add a [[rule]] with first = 0 "
    "to the pools file (docs/howto/other-projects.md)."
)


def _unread_picks(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    found = [(pool.name, of_size.unread) for pool in facts.pools for of_size in (pool, *pool.others)]
    for name, unread in (*found, (None, facts.unread)):
        if unread is None:
            continue
        whose = f" that may be of {name}" if name is not None else ""
        named = listed([f"{number:,} with {what}" for what, number in unread.what.items()], limit=4)
        what = next(iter(unread.what))
        told = (
            f"{count(unread.lines, 'pick line')}{whose} "
            + (
                f"{agree(unread.lines, 'names', 'name')} {what}"
                if len(unread.what) == 1
                else f"cannot be true ({named})"
            )
            + f" and could not be read: {per_cent(unread.share)} of the pick lines"
        )
        yield rule.finding(
            f"{told}; no verdict rests on the others" if facts.pick_count else told,
            _COUNT_FROM_ZERO
            if unread.is_from_zero
            else "Look at the places that D402 names: a position is beyond its pool, or the pool is empty. "
            "Correct what the application logs, or describe its lines with a [[rule]].",
            pool=name,
            evidence={"lines": unread.lines, "share": unread.share, "what": dict(unread.what)},
        )


def _not_enough_data(rule: Rule, facts: LogFacts) -> Iterator[Finding]:
    if not facts.pick_count:
        return
    absent = [pool for pool in facts.pools if pool.picks.empty]
    if absent:
        # One finding for all: a log of one function is no fault of the others.
        names = [pool.name for pool in absent]
        functions = [function for pool in absent for function in pool.functions]
        yield rule.finding(
            f"no pick of {listed(names)} is in the log",
            "Export the logs of "
            + (listed(functions) if functions else "its functions")
            + " too, if they ran.",
            pool=names[0] if len(names) == 1 else None,
            evidence={"pools": names},
        )
    for pool in facts.pools:
        if not pool.picks.empty and pool.verdict == "not enough data" and pool.unread is None:
            yield rule.finding(
                *_too_few(pool, facts.alpha),
                pool=pool.name,
                evidence={
                    "picks": len(pool.picks),
                    "picks_needed": pool.tests.picks_needed if pool.tests else None,
                    "power": 0.9,
                },
            )


def _too_few(pool: PoolFacts, alpha: float) -> tuple[str, str]:
    picks = f"{count(len(pool.picks), 'pick')} of {pool.name}"
    if pool.tests is None:
        return f"{picks} name no place in the pool: nothing can be tested", (
            "Log the position and the size of the pool beside the key, or declare the pool (--pools FILE)."
        )
    if pool.tests.independent_picks >= pool.tests.independent_needed and not pool.tests.are_shares_even:
        return f"{picks} do not show their isolates, and a share that is off by a third is not excluded", (
            "Give a log with execution ids: without them the test is blind to much."
        )
    if pool.tests.independent_picks >= pool.tests.independent_needed:
        return f"{picks} are enough, but the tests cannot tell a level as small as {alpha:g}", (
            "Choose a larger --alpha, or judge fewer pools at a time."
        )
    return (
        f"{picks} {agree(len(pool.picks), 'is', 'are')} too few for a verdict: about "
        f"{pool.tests.picks_needed:,} show, with probability 0.9, a share that is off by a third "
        f"(false-alarm rate {alpha:g})",
        "Give more logs: exports of other days, or a log drain. A larger --alpha needs fewer picks.",
    )


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
        yield rule.finding(
            f"{count(inferred, 'pick')} "
            f"of {pool.name} "
            f"{agree(inferred, 'carries', 'carry')} "
            "no execution "
            "id: " + listed([words for name, words in _EFFECTS.items() if picks_by_basis[name]]),
            "Add execution_id to the query or export the full rows; local logs carry none.",
            pool=pool.name,
            evidence={"picks": picks_by_basis},
        )


_EFFECTS: Final = {
    "listening": "isolates are told by the `Listening on` lines",
    "boot": "the pick after a boot is taken for a start, and no steps are judged",
    "unknown": "shares are tested against the least favourable run length, and no steps are judged",
}


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
            "These are invocation rows (function_edge_logs; the MCP tool get_logs returns only these): they "
            "carry no console line. Export the function's Logs page, or query function_logs."
        )
    elif kinds.get("pool"):
        remedy = (
            "The application asked for pools that its key mapping does not know: correct the name that it "
            "asks for."
        )
    else:
        remedy = (
            "Export the console lines (the function's Logs page, function_logs, or a drain), over a time "
            "with traffic; for another project's lines write a [[rule]] in the pools file."
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
    Rule("D406", "unread-picks", "error", _unread_picks),
    Rule("D401", "lost-lines", "warning", lost_lines),
    Rule("D402", "malformed-lines", "note", _malformed_lines),
    Rule("D403", "not-enough-data", "note", _not_enough_data),
    Rule("D404", "isolates-unknown", "note", _isolates_unknown),
)
