"""A capacity plan as Markdown: the same as the text, for a ticket or a wiki."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keyrota.planning.plan import Plan
from keyrota.pools.declared import PoolConfig
from keyrota.report.markdown_text import code, escaped, table
from keyrota.report.plan_text import cells, headings, legend, pasted
from keyrota.report.plan_words import PROJECTS, caveat, demand_of, further, limits_of, reason
from keyrota.report.scenario_text import rotation_in_words


def as_markdown(plans: Sequence[Plan], config: PoolConfig) -> str:
    """Return the plans of pools as Markdown.

    Parameters
    ----------
    plans
        One for each pool that has traffic.
    config
        All pools that are declared.
    """
    blocks = [*_head(plans)]
    for plan in plans:
        blocks += _pool(plan)
    if any(plan.results for plan in plans):
        blocks.append(escaped(legend(plans)))
    blocks.append(escaped(PROJECTS))
    for title, language, text in pasted(plans, config):
        blocks += [f"## {title}", code(text, language)]
    return "\n\n".join(blocks) + "\n"


def _head(plans: Sequence[Plan]) -> Iterator[str]:
    from keyrota import __version__

    first = plans[0]
    yield f"# Keys for at most {100 * first.target:g} % 429s"
    yield escaped(f"keyrota {__version__}, engine {first.engine}, seed {first.seed}.")


def _pool(plan: Plan) -> Iterator[str]:
    yield f"## {escaped(plan.pool)}"
    yield escaped(
        f"{limits_of(plan.scenario.pools[0])}. {demand_of(plan)} Today: {rotation_in_words(plan.scenario)}."
    )
    doubt = caveat(plan)
    if doubt is not None:
        yield f"**{escaped(doubt)}**"
    if plan.results:
        rows = [cells([plan.result(option, window) for window in plan.windows]) for option in plan.options]
        titles = headings(plan)
        yield table(titles, rows)
    yield f"**{escaped(reason(plan))}**"
    sentences = [escaped(sentence) for sentence in further(plan)]
    if sentences:
        yield " ".join(sentences)
