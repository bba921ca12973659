"""`keyrota onset`: the usable rate for a range of pool sizes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keyrota.cli.options import (
    debug_option,
    output_options,
    quiet_option,
    target_option,
    workers_of_options,
)
from keyrota.cli.scenario_options import ScenarioArguments, experiment_options, scenario_options
from keyrota.cli.values import Growth, Share, Sizes
from keyrota.errors import ConfigurationError

if TYPE_CHECKING:
    from keyrota.simulation.scenario import Scenario

NOT_HERE = ("keys", "replay", "duration", "warm_up", "deploy_at")


@click.command("onset")
@click.option(
    "--keys",
    "sizes",
    type=Sizes(),
    default="1-12",
    show_default=True,
    metavar="SIZES",
    help="Pool sizes: 1-12, or 1,2,4-6.",
)
@target_option
@click.option(
    "--ramp",
    "--growth",
    "growth",
    type=Growth(),
    metavar="G",
    help="Growth of the --rate, 10%/day or 20%/month: when does it reach the usable rate?",
)
@click.option(
    "--precision",
    type=Share(),
    default="5%",
    show_default=True,
    metavar="P",
    help="Half of the 95 % interval, as a fraction of the usable rate.",
)
@scenario_options(without=NOT_HERE)
@experiment_options
@click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@quiet_option
@output_options
@debug_option
def command(
    arguments: ScenarioArguments,
    sizes: tuple[int, ...],
    target: float,
    growth: float | None,
    precision: float,
    engine: str,
    seed: int,
    jobs: int,
    cluster: str | None,
    output_format: str,
    quiet: bool,
    output: Path | None,
    force: bool,
) -> None:
    """Find the usable rate of a pool: the traffic at which 429s reach a target, beside nominal and theory.

    Give the limits of a key, or take declared pools. The rate is what is searched; --rate only matters
    with --ramp, as the traffic at the start.

    \b
    Examples:
      keyrota onset --per-minute 2 --keys 1-12 --target 1%
      keyrota onset --pool CHAT --on-reject failover
      keyrota onset --per-minute 2 --keys 2,4 --rate 0.2/min --ramp 10%/day
    """
    from keyrota.cli.output import check_outputs, emit, text_style
    from keyrota.cli.progress import ENGINE_STARTS, count_bar, patient_bar
    from keyrota.cli.scenario import note, notes_of, scenario_of_arguments, with_keys
    from keyrota.planning.onset import find_onset
    from keyrota.report.as_json import as_json
    from keyrota.report.onset import describe
    from keyrota.report.onset_text import as_text

    workers = workers_of_options(jobs, cluster)
    check_outputs([output], [arguments.pools, arguments.scenario_file], force=force)
    scenario = scenario_of_arguments(
        with_keys(arguments, sizes[0]), needs_rate=growth is not None, can_replay=False
    )
    pools = [pool.name for pool in scenario.pools]
    if growth is not None:
        _check_rates(scenario)
    if not quiet:
        for told in notes_of(scenario):
            note(told)
        if arguments.scenario_file is not None:
            note("the search chooses its own duration and warm-up, and leaves out deployments and growth")
    done = 0
    onsets = []
    with patient_bar(count_bar, "pool sizes", quiet=quiet, waiting=ENGINE_STARTS) as update:

        def on_progress() -> None:
            nonlocal done
            done += 1
            if update is not None:
                update(done, len(sizes) * len(pools))

        for pool in pools:
            found = find_onset(
                scenario, pool=pool, sizes=sizes, target=target, precision=precision, growth_per_day=growth,
                seed=seed, engine=engine, jobs=workers, on_progress=on_progress,
            )  # fmt: skip
            onsets.append(found)
    if output_format == "json":
        emit(as_json(describe(onsets)), output, force)
        return
    style = text_style(output)
    limit_only = bool(arguments.given & {"per_minute", "per_day"})
    text = as_text(onsets, limit_only=limit_only, color=style.color, width=style.width, unicode=style.unicode)
    emit(text, output, force)


def _check_rates(scenario: Scenario) -> None:
    for pool in scenario.pools:
        if not any(function.arrivals for function in scenario.functions if function.pool == pool.name):
            raise ConfigurationError(
                f"--ramp needs the rate of each pool: give --rate {pool.name}=..., or choose with --pool"
            )
