"""What a finding of a watch says: the sentence, what to do, the evidence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from keyrota.display import count, listed
from keyrota.findings.registry import RULES
from keyrota.findings.rule import Finding
from keyrota.findings.wording import agree, clock, iso, per_cent
from keyrota.watch.episodes import Episode

RULE_OF: Final = {rule.code: rule for rule in RULES}
"""Names and severities are those of the report."""

_FACTS_FOR_THE_WATCH: Final = ("ends_at", "test", "alarm", "name")


def as_finding(episode: Episode) -> Finding:
    """Return a finding as `keyrota check` would tell it, in the words of a watch."""
    message, remedy = _WORDS[episode.code]
    evidence = {name: fact for name, fact in episode.facts.items() if name not in _FACTS_FOR_THE_WATCH}
    if "since_ns" in evidence:
        evidence["since"] = iso(evidence.pop("since_ns"))
    return RULE_OF[episode.code].finding(
        message(episode),
        f"{remedy} `keyrota explain {episode.code}` tells more.",
        pool=episode.pool,
        keys=tuple(episode.keys),
        evidence={**evidence, "number": episode.number, "last": iso(episode.last_ns)},
    )


def _keys(episode: Episode) -> str:
    if "name" in episode.facts:
        return str(episode.facts["name"])
    return "key " + listed([str(key) for key in episode.keys]) if episode.keys else "a key"


def _evidence(episode: Episode) -> str:
    facts = episode.facts
    return f"log10 E = {facts['log10_e']:.1f} over about {count(episode.number, 'start')}"


def _stuck(episode: Episode) -> str:
    since = f"since about {iso(episode.facts['since_ns'])}"
    if episode.facts["test"] == "repeats":
        return f"isolates take the same key again, {_keys(episode)} last, {since}"
    return f"{since} nearly every pick takes {_keys(episode)} ({_evidence(episode)})"


def _starts(episode: Episode) -> str:
    return (
        f"since about {iso(episode.facts['since_ns'])} too many isolates begin at {_keys(episode)} "
        f"({_evidence(episode)})"
    )


def _shares(episode: Episode) -> str:
    return (
        f"since about {iso(episode.facts['since_ns'])} {_keys(episode)} has more picks than its share "
        f"({_evidence(episode)}; no isolate is named, so that every pick is taken for a cold start)"
    )


def _limited(what: str) -> Callable[[Episode], str]:
    def message(episode: Episode) -> str:
        limit = episode.facts.get("limit")
        stated = "" if limit is None else f", which the error states as {limit:,}"
        return f"calls get 429s by {what}{stated} ({count(episode.number, '429')} so far)"

    return message


def _unexplained(episode: Episode) -> str:
    return f"calls get 429s whose error states no limit ({count(episode.number, '429')} so far)"


def _day(episode: Episode) -> str:
    return (
        f"{_limited('the limit of a Pacific day')(episode)}; it resets at {clock(episode.facts['ends_at'])}"
    )


def _differs(episode: Episode) -> str:
    stated, declared = episode.facts["stated"], episode.facts["declared"]
    told = "none is declared" if declared is None else f"{declared:,} is declared"
    return f"an error states a limit of {stated:,} a {episode.facts['per']}, where {told}"


def _size(episode: Episode) -> str:
    logged, declared = episode.facts["logged"], episode.facts["declared"]
    cause = "a secret is missing" if logged < declared else "the deployed mapping has more keys"
    return (
        f"picks name a pool of {count(logged, 'key')} where {declared} {agree(declared, 'is', 'are')} "
        f"declared: {cause}"
    )


def _undeclared(episode: Episode) -> str:
    names = listed([f"GOOGLE_KEY_{key}" for key in episode.keys])
    return f"{names} {agree(len(episode.keys), 'is', 'are')} picked but no pool declares {_it(episode)}"


def _it(episode: Episode) -> str:
    return agree(len(episode.keys), "it", "them")


def _misplaced(episode: Episode) -> str:
    facts = episode.facts
    return (
        f"GOOGLE_KEY_{episode.keys[0]} is picked at position {facts['position']}, declared at "
        f"{facts['declared']}"
    )


def _foreign(episode: Episode) -> str:
    own = episode.facts["own"]
    whose = f"its own pool is {own}" if own else "no pool declares it"
    return f"{episode.facts['function']} picks from {episode.pool}; {whose}"


def _no_isolate(_: Any) -> str:
    return "steps inside isolates do not go to the next key"


def _unread(episode: Episode) -> str:
    return (
        "pick lines that may be of this pool cannot be true, such as those that name key 0, and are not read "
        f"({per_cent(episode.facts['share'])} of the latest); its rotation is not judged meanwhile"
    )


_CORRECT: Final = "Bring the deployed mapping and the pools file into line (--pools FILE)."

_WORDS: Final[dict[str, tuple[Callable[[Episode], str], str]]] = {
    "R101": (_shares, "See which function was deployed then, and how it chooses its key."),
    "R102": (_starts, "Choose the first key of each isolate at random, from all keys of the pool."),
    "R103": (_no_isolate, "Look for a second counter, or one that is set anew while the isolate lives."),
    "R104": (_stuck, "Advance the counter at every pick and keep it in module scope."),
    "C201": (_size, "Check with `supabase secrets list` that every key is set."),
    "C202": (_undeclared, _CORRECT),
    "C203": (_misplaced, _CORRECT),
    "C204": (_foreign, "Let the function ask for its own pool, or declare it here."),
    "D406": (_unread, "If the application counts from 0, add a [[rule]] with first = 0 to the pools file."),
    "Q301": (_limited("the minute limit"), "Let the client try the next key on a 429, or add keys."),
    "Q302": (_day, "The day's calls are used up: other keys, more quota, or fewer calls."),
    "Q303": (_limited("the limit of input tokens a minute"), "Send shorter prompts, or fewer at once."),
    "Q304": (_differs, "Write the limit into the pools file, with the day since which it holds."),
    "Q306": (_limited("a limit of 0"), "More keys of this kind will not help: enable billing."),
    "Q309": (_unexplained, "Log the whole body of the error; `keyrota report` tells which window was full."),
}
