"""What a report says about one pool, in sentences: its verdict, its rotation, its quota."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from keyrota.display import count, listed
from keyrota.findings.wording import p_in_words
from keyrota.report.quota_text import quota_sentences
from keyrota.report.schema import FindingReport, PoolReport

ALMOST_ALL: Final = 0.9
"""Share of cold starts from which round robin hardly acts."""

SEVERAL: Final = 1.2
"""Picks per request from which there are several."""


def faults_of(pool: PoolReport, findings: Collection[FindingReport]) -> list[str]:
    """Return the codes of the findings that speak against a pool: all but the notes."""
    return [finding.code for finding in findings if finding.pool == pool.name and finding.severity != "note"]


def verdict_of(pool: PoolReport) -> str:
    """Return the verdict in a word or two."""
    return pool.fairness.verdict if pool.picks else "no picks"


def about(pool: PoolReport) -> list[str]:
    """Return what a pool is: its keys, model and functions."""
    keys = len([key for key in pool.keys if key.expected_share or key.picks]) or len(pool.keys)
    words = [count(keys, "key")]
    words += [pool.model] if pool.model else []
    words += [listed(pool.functions)] if pool.functions else []
    return words + ([] if pool.declared else ["not declared"])


def pool_sentences(pool: PoolReport, faults: Collection[str]) -> Iterator[str]:
    """Yield all that is to say about a pool that has picks."""
    yield verdict_sentence(pool, faults)
    yield f"Null: {pool.fairness.null}."
    yield from _rotation(pool)
    yield from quota_sentences(pool)


def verdict_sentence(pool: PoolReport, faults: Collection[str]) -> str:
    """Return the verdict with its p-value."""
    fairness = pool.fairness
    p_value = p_in_words(fairness.p_value) if fairness.p_value is not None else "no test"
    if fairness.verdict == "unfair" and fairness.p_value is None:
        return "Unfair: a key that the mapping lists more than once has the picks of several places."
    if fairness.verdict == "unfair" and not {"R101", "R102", "R106"}.intersection(faults):
        words = "Unfair: the order of the keys inside isolates is broken, whatever the shares"
    elif fairness.verdict == "unfair":
        words = "Unfair: the keys are not picked as the declared rotation picks them"
    elif fairness.verdict == "fair":
        words = (
            "Fair: the keys are picked as the declared rotation picks them"
            if pool.rotation.isolates is not None
            else "Fair: the shares are even; the log does not show the order of the keys inside isolates"
        )
    elif fairness.unread_picks:
        words = (
            f"No verdict: {count(fairness.unread_picks, 'pick line')} that may be of this pool could not be "
            "read, and the others say nothing without them"
        )
    else:
        needed = f"; about {fairness.picks_needed:,} picks are needed" if fairness.picks_needed else ""
        words = f"Not enough data for a verdict{needed}"
    return f"{words} ({p_value})."


def _rotation(pool: PoolReport) -> Iterator[str]:
    rotation = pool.rotation
    if rotation.isolates is None or rotation.cold_start_share is None:
        yield "Isolates unknown: the log carries no execution ids."
        return
    known = "" if rotation.isolates_known else " (not all by execution id)"
    broken = f"{rotation.broken_steps} of {count(sum(rotation.steps.values()), 'step')} broken"
    several = rotation.picks_per_request
    per_request = f", {several:.2f} picks per request" if several is not None and several > SEVERAL else ""
    yield (
        f"{count(rotation.isolates, 'isolate')}{known}; "
        f"{100 * rotation.cold_start_share:.0f} % of the picks are cold starts, "
        f"{rotation.mean_run_length:.1f} picks per isolate, {broken}{per_request}."
    )
    has_choice = sum(key.picks > 0 or key.expected_share > 0 for key in pool.keys) > 1
    if has_choice and rotation.cold_start_share >= ALMOST_ALL and pool.picks >= rotation.isolates > 1:
        yield (
            "Nearly every pick is an isolate's first, so that random start plus round robin is in effect "
            "a random choice."
        )
