"""All rules, and what they find in a log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, TypeVar

from keyrota.errors import ConfigurationError
from keyrota.findings import (
    data_rules,
    declaration_rules,
    headroom_rules,
    quota_rules,
    rejection_rules,
    share_rules,
    start_rules,
    succession_rules,
    unexplained_rules,
)
from keyrota.findings.facts import LogFacts
from keyrota.findings.rule import SEVERITIES, Finding, Rule

RULES: Final[tuple[Rule, ...]] = (
    *declaration_rules.RULES,
    *start_rules.RULES,
    *succession_rules.RULES,
    *share_rules.RULES,
    *quota_rules.RULES,
    *rejection_rules.RULES,
    *unexplained_rules.RULES,
    *headroom_rules.RULES,
    *data_rules.RULES,
)
"""Every rule, in the order of a report: causes before consequences within one severity."""


def find_all(facts: LogFacts) -> list[Finding]:
    """Return every finding, most severe first."""
    found = [finding for rule in RULES for finding in rule.find(facts)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


class HasCode(Protocol):
    """Anything with the code of a finding."""

    @property
    def code(self) -> str:
        """The code: ``R102``."""


Coded = TypeVar("Coded", bound=HasCode)

ALWAYS: Final = ("D405", "D406")
"""Without picks that can be judged, no finding of another kind means nothing: `select` keeps these."""


def selected(
    findings: Sequence[Coded], *, select: Sequence[str] = (), ignore: Sequence[str] = ()
) -> list[Coded]:
    """Return the findings whose codes begin with one of `select` (all, if none) and with none of `ignore`.

    Those of `ALWAYS` need not be selected: only `ignore` leaves them out.

    Raises
    ------
    ConfigurationError
        If a selector fits no code.
    """
    for selector in (*select, *ignore):
        if not any(rule.code.startswith(selector.upper()) for rule in RULES):
            raise ConfigurationError(
                f"no finding has a code that begins with {selector}; codes are "
                f"{', '.join(sorted(rule.code for rule in RULES))}, and R, C, Q and D stand for all of a kind"
            )

    def fits(code: str, selectors: Sequence[str]) -> bool:
        return any(code.startswith(selector.upper()) for selector in selectors)

    chosen = (*select, *ALWAYS) if select else ("",)
    return [f for f in findings if fits(f.code, chosen) and not fits(f.code, ignore)]
