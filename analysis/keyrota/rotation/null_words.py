"""The null hypothesis of the tests of a pool, in words."""

from __future__ import annotations

from typing import Final

from keyrota.rotation.exact import UniformTest
from keyrota.rotation.shares import ShareTest

_EXACT: Final = {"exact": "exact", "by key": "exact, key by key"}


def _how(test: ShareTest) -> str:
    if test.draws is not None:
        return f"{test.draws:,} draws"
    return "a bound, key by key" if test.null.endswith("(bound)") else "exact, key by key"


def null_in_words(
    size: int, starts: UniformTest | None, shares: ShareTest | None, unknown: ShareTest | None
) -> str:
    """Return what was tested, and how; or why nothing was."""
    parts = []
    if starts is not None:
        how = f"{starts.draws:,} draws" if starts.draws is not None else _EXACT[starts.method]
        parts.append(f"isolates start at a uniformly random key ({how})")
    if shares is not None:
        parts.append(
            f"shares are those of random starts plus round robin, at the run lengths seen ({_how(shares)})"
        )
    if unknown is not None:
        parts.append(
            "shares are those of random starts plus round robin, at the least favourable run length "
            f"({_how(unknown)})"
        )
    if parts:
        return "; ".join(parts)
    return "one key: nothing to rotate" if size == 1 else f"not tested: {size:,} keys are too many"
