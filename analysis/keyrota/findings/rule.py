"""What a rule is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from keyrota.findings.facts import LogFacts

Severity = Literal["error", "warning", "note"]
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "note")
"""Most severe first."""


@dataclass(frozen=True)
class Finding:
    """One thing that a rule found.

    Parameters
    ----------
    code, name, severity
        Those of the rule.
    message
        What is the case, in one sentence with its numbers.
    pool, keys
        Where; empty if it concerns the whole log.
    evidence
        Numbers by name, and ``places``: the first places as ``file:line``.
    remedy
        What to do about it, in one or two sentences.
    """

    code: str
    name: str
    severity: Severity
    message: str
    remedy: str
    pool: str | None = None
    keys: tuple[int, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """A rule: its code, name and severity, and the function that looks for it in the facts."""

    code: str
    name: str
    severity: Severity
    look: Callable[[Rule, LogFacts], Iterable[Finding]]

    def find(self, facts: LogFacts) -> list[Finding]:
        """Return what the rule finds."""
        return list(self.look(self, facts))

    def finding(
        self, message: str, remedy: str, *, severity: Severity | None = None, **where: Any
    ) -> Finding:
        """Return a finding of this rule, of its severity unless another is given."""
        return Finding(self.code, self.name, severity or self.severity, message, remedy, **where)
