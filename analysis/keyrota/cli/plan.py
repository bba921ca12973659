"""`keyrota plan`: how many keys a traffic takes, with which rotation, and what to change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from keyrota.cli.options import (
    bounds_options,
    debug_option,
    output_options,
    quiet_option,
    refuse_bounds,
    store_option,
    target_option,
    workers_of_options,
)
from keyrota.cli.reading import LogArguments
from keyrota.cli.scenario_options import ScenarioArguments, experiment_options, scenario_options
from keyrota.cli.values import Duration, Growth
from keyrota.errors import ConfigurationError

if TYPE_CHECKING:
    from keyrota.planning.questions import Question
    from keyrota.pools.declared import PoolConfig
    from keyrota.simulation.scenario import Scenario

NOT_HERE: Final = ("replay", "duration", "warm_up", "deploy_at")
DAY_S: Final = 86_400.0


@click.command("plan")
@click.argument("logs", metavar="[LOG...]", nargs=-1)
@store_option
@target_option
@click.option(
    "--growth",
    type=Growth(),
    metavar="G",
    help="Growth of the traffic, 10%/day or 20%/month: how long does a pool last?",
)
@click.option(
    "--horizon",
    type=Duration(),
    default="90d",
    show_default=True,
    metavar="TIME",
    help="How far to look ahead, with --growth.",
)
@scenario_options(without=NOT_HERE)
@bounds_options
@experiment_options
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
)
@quiet_option
@output_options
@debug_option
def command(
    arguments: ScenarioArguments,
    logs: tuple[str, ...],
    store: Path | None,
    target: float,
    growth: float | None,
    horizon: float,
    since: str | None,
    until: str | None,
    max_inflated: int | None,
    strict: bool,
    engine: str,
    seed: int,
    jobs: int,
    cluster: str | None,
    output_format: str,
    quiet: bool,
    output: Path | None,
    force: bool,
) -> None:
    """Plan a pool: how many keys its traffic takes as it rotates today, and with what a change would save.

    Give --rate and the limits of a key, or declared pools, or logs whose traffic is taken. Without
    --window the plan answers for calendar minutes and for the last 60 s.

    \b
    Examples:
      keyrota plan --rate 4/min --per-minute 2
      keyrota plan --pool CHAT --rate 0.5/min --growth 20%/month
      keyrota plan --rate CHAT=0.2/min --rate IMAGE=3/min --format markdown -o plan.md
      keyrota plan logs/ --growth 10%/month
      keyrota plan --store --since 30d
    """
    from keyrota.cli.output import check_outputs, emit, text_style
    from keyrota.cli.progress import ENGINE_STARTS, count_bar, patient_bar
    from keyrota.planning.questions import answers_to
    from keyrota.report.as_json import as_json
    from keyrota.report.plan import describe
    from keyrota.report.plan_markdown import as_markdown
    from keyrota.report.plan_text import as_text

    workers = workers_of_options(jobs, cluster)
    given = LogArguments(
        logs, arguments.pools, since, until, quiet, store, workers, max_inflated, strict, (output,)
    )
    check_outputs([output], [*given.inputs, arguments.scenario_file], force=force)
    if growth is None and _was_given("horizon"):
        raise ConfigurationError("--horizon has no effect here; it goes with --growth")
    if logs or store is not None:
        from keyrota.cli.plan_logs import questions_of_logs

        questions = questions_of_logs(given, arguments, _windows(arguments), seed=seed)
    else:
        refuse_bounds(given, "LOG... or --store")
        questions = _of_rates(arguments, quiet)
    with patient_bar(count_bar, "searches", quiet=quiet, waiting=ENGINE_STARTS) as update:
        plans = answers_to(
            questions, on_progress=update, target=target, growth_per_day=growth,
            horizon_days=horizon / DAY_S, seed=seed, engine=engine, jobs=workers,
        )  # fmt: skip
    config = questions[0].config
    if output_format == "json":
        emit(as_json(describe(plans, config)), output, force)
    elif output_format == "markdown":
        emit(as_markdown(plans, config), output, force)
    else:
        style = text_style(output)
        text = as_text(plans, config, color=style.color, width=style.width, unicode=style.unicode)
        emit(text, output, force)


def _of_rates(arguments: ScenarioArguments, quiet: bool) -> list[Question]:
    from keyrota.cli.scenario import note, notes_of, scenario_of_arguments, with_keys
    from keyrota.display import listed
    from keyrota.planning.questions import Question

    own = arguments if "keys" in arguments.given else with_keys(arguments, 1)
    scenario = scenario_of_arguments(own, can_replay=False)
    sending = {function.pool for function in scenario.functions if function.arrivals is not None}
    asked = [pool.name for pool in scenario.pools if pool.name in sending]
    silent = [pool.name for pool in scenario.pools if pool.name not in sending]
    if not quiet:
        for told in notes_of(scenario):
            note(told)
        if silent:
            note(f"no --rate for {listed(silent)}: not planned for, and left as declared")
    config = _config(arguments, scenario)
    if arguments.scenario_file is not None:
        return [Question(scenario, name, config, (scenario.window,), source="the scenario") for name in asked]
    return [Question(scenario, name, config, _windows(arguments)) for name in asked]


def _windows(arguments: ScenarioArguments) -> tuple[str, ...] | None:
    """Return the window that is asked for; ``None`` if none is."""
    return (arguments.window,) if arguments.window is not None else None


def _config(arguments: ScenarioArguments, scenario: Scenario) -> PoolConfig:
    """Return all pools that are declared, also those that are not planned for: their numbers are taken."""
    from keyrota.pools import PoolConfig, load_pools

    if arguments.given & {"scenario_file", "keys", "per_minute", "per_day"}:
        return PoolConfig(pools=scenario.pools, source="the pools of the scenario")
    return load_pools(arguments.pools)


def _was_given(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source != click.core.ParameterSource.DEFAULT


# A plan is long work, and the result is the same on any number of workers.
next(option for option in command.params if option.name == "jobs").default = -1
