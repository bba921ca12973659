"""A capacity plan for a terminal, a pipe or a mail: a table for each pool, sentences, and what to paste."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from keyrota.display import count, visible
from keyrota.planning.change import FAILOVER_TYPESCRIPT
from keyrota.planning.plan import OptionResult, Plan
from keyrota.pools.declared import PoolConfig
from keyrota.report.console import Line, Table, printed
from keyrota.report.plan_words import (
    PROJECTS,
    caveat,
    changes_of,
    demand_of,
    further,
    keys_in_words,
    limits_of,
    needs_failover,
    reason,
    short_share,
)
from keyrota.report.quantities import share_plus_minus
from keyrota.report.scenario_text import isolates_in_words, rotation_in_words

MOST_SECRETS: Final = 12
"""Lines of new secrets that are shown to people; the other formats have all."""

MOST_LINES: Final = 20
"""Of all new secrets; beyond that the pools file is left to the other formats as well."""


def as_text(
    plans: Sequence[Plan],
    config: PoolConfig,
    *,
    color: bool = False,
    width: int = 100,
    unicode: bool = True,
) -> str:
    """Return the plans of pools as text.

    Parameters
    ----------
    plans
        One for each pool that has traffic.
    config
        All pools that are declared.
    color
        Whether to colour it with ANSI codes.
    width
        Columns; what is to be pasted keeps its lines.
    unicode
        Whether signs outside ASCII may be used.
    """
    parts = printed(_parts(plans), color=color, width=width, unicode=unicode)
    pasted = [
        printed([Line(""), Line(title, "bold")], color=color, width=width, unicode=unicode) + code
        for title, code in _pasted(plans, config)
    ]
    return parts + "".join(pasted)


def _parts(plans: Sequence[Plan]) -> Iterator[Line | Table]:
    from keyrota import __version__

    first = plans[0]
    engines = " and ".join(sorted({plan.engine for plan in plans}))
    yield Line(
        f"keyrota {__version__}: keys for at most {100 * first.target:g} % 429s, engine {engines}, "
        f"seed {first.seed}"
    )
    if has_one_rotation(plans):
        yield Line(f"Today: {rotation_in_words(first.scenario)}.")
    functions = [function for plan in plans for function in plan.scenario.functions]
    yield Line(f"Isolates: {isolates_in_words(functions)}.")
    for plan in plans:
        yield Line("")
        yield from _pool(plan, tells_rotation=not has_one_rotation(plans))
    yield Line("")
    if any(plan.results for plan in plans):
        yield Line(legend(plans), "dim")
    yield Line(PROJECTS, "dim")


def has_one_rotation(plans: Sequence[Plan]) -> bool:
    """Whether all pools rotate and react in one way today."""
    return len({rotation_in_words(plan.scenario) for plan in plans}) == 1


def _pool(plan: Plan, *, tells_rotation: bool) -> Iterator[Line | Table]:
    yield Line(visible(plan.pool), "bold", rest=f"  {limits_of(plan.scenario.pools[0])}")
    yield Line(f"  {demand_of(plan)}")
    if tells_rotation:
        yield Line(f"  Today: {rotation_in_words(plan.scenario)}.")
    doubt = caveat(plan)
    if doubt is not None:
        yield Line(f"  {doubt}", "bold yellow")
    if plan.results:
        yield _table(plan)
    yield Line(f"  {reason(plan)}", "bold")
    for sentence in further(plan):
        yield Line(f"  {sentence}")


def _table(plan: Plan) -> Table:
    table = Table(*headings(plan))
    for option in plan.options:
        table.row(*cells([plan.result(option, window) for window in plan.windows]))
    return table


def headings(plan: Plan) -> list[str]:
    """Return the headings of a pool's table: keys by window, 429s now and then, the part that is used."""
    keys = ["keys"] if len(plan.windows) == 1 else [f"keys {window}" for window in plan.windows]
    return ["option", *keys, f"429s with {count(plan.present_keys, 'key')}", "429s then", "used"]


def cells(results: Sequence[OptionResult]) -> list[str]:
    """Return the row of an option, from its results window by window."""
    first = results[0]
    used = first.utilisation
    return [
        first.option.words,
        *(keys_in_words(result) for result in results),
        short_share(first.present_share),
        "-" if first.smallest.share is None else share_plus_minus(first.smallest.share),
        "-" if used is None else f"{100 * used:.0f} %",
    ]


def legend(plans: Sequence[Plan]) -> str:
    """Return what the columns of the tables mean."""
    text = "keys: the smallest pool within the target, as simulated"
    if any(not result.smallest.is_proved for plan in plans for result in plan.results):
        text += "; ~: one key less may do"
    if any(len(plan.windows) > 1 for plan in plans):
        text += (
            ". fixed, sliding: if the minute limit counts calendar minutes, or the last 60 s; the columns "
        )
        text += "to the right are for the first"
    return (
        f"{text}. used: traffic over keys x limit. A shared counter and the least-used key take a store that "
        "all isolates share; the next key on a 429 takes a change of the client alone."
    )


def _pasted(plans: Sequence[Plan], config: PoolConfig) -> Iterator[tuple[str, str]]:
    """Yield what is to be pasted, with titles; nothing where nothing has to change."""
    for title, language, code in pasted(plans, config):
        lines = code.splitlines()
        secrets = [line for line in lines if line.startswith("supabase ")]
        if len(secrets) > MOST_SECRETS:
            kept = lines[: lines.index(secrets[MOST_SECRETS])]
            rest = f"# and {count(len(secrets) - MOST_SECRETS, 'more key')}: --format markdown has all lines"
            code = "\n".join([*kept, rest, ""])
        elif language == "toml" and len(changes_of(plans, config).secrets()) > MOST_LINES:
            code = "# --format markdown has it\n"
        yield f"{title}:", code


def pasted(plans: Sequence[Plan], config: PoolConfig) -> Iterator[tuple[str, str, str]]:
    """Yield title, language and text of all that is to be pasted; nothing where nothing has to change."""
    change = changes_of(plans, config)
    sure = ", once the model explains the log" if any(plan.is_doubtful for plan in plans) else ""
    if change.new_keys:
        yield f"The mapping of the edge functions{sure}", "typescript", change.key_mapping
        yield f"The secrets of the new keys{sure}", "sh", "\n".join([*change.secrets(), ""])
    if any(map(needs_failover, plans)):
        yield f"The next key on a 429{sure}", "typescript", FAILOVER_TYPESCRIPT
    if change.new_keys:
        yield f"The pools file{sure}", "toml", change.pools_toml
