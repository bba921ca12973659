"""`keyrota simulate`: one scenario, many times."""

from __future__ import annotations

import sys
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
    workers_of_options,
)
from keyrota.cli.reading import LogArguments
from keyrota.cli.scenario_options import ScenarioArguments, experiment_options, scenario_options
from keyrota.cli.values import Growth, Share
from keyrota.errors import ConfigurationError

if TYPE_CHECKING:
    from keyrota.simulation.scenario import Scenario

DEFAULT_SHAPE: Final = "drain-ndjson"

MOST_LOGGED: Final = 2_000_000
"""Requests of a replication that is written as a log."""


@click.command("simulate")
@scenario_options()
@click.option(
    "--like",
    metavar="LOG",
    multiple=True,
    help="The traffic, isolates, rotation and limits of a log, fitted; its 429s are predicted.",
)
@store_option
@bounds_options
@click.option("--growth", metavar="G", type=Growth(), help="Growth of the traffic: 10%/day, 20%/month.")
@click.option(
    "--replications", metavar="N", type=int, default=20, show_default=True, help="Independent runs, at least."
)
@click.option(
    "--precision",
    metavar="P",
    type=Share(),
    help="Go on until half of the 95 % interval is this fraction of the share of 429s: 5%.",
)
@experiment_options
@click.option(
    "--write-log", metavar="FILE", help="Write the first replication as a log; - is standard output."
)
@click.option(
    "--shape",
    metavar="NAME",
    help="Of that log: dashboard-json, serve, old-csv, ...; list shows all. Default: drain-ndjson.",
)
@click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@quiet_option
@output_options
@debug_option
def command(
    arguments: ScenarioArguments,
    like: tuple[str, ...],
    store: Path | None,
    since: str | None,
    until: str | None,
    max_inflated: int | None,
    strict: bool,
    growth: float | None,
    replications: int,
    precision: float | None,
    engine: str,
    seed: int,
    jobs: int,
    cluster: str | None,
    write_log: str | None,
    shape: str | None,
    output_format: str,
    quiet: bool,
    output: Path | None,
    force: bool,
) -> None:
    """Simulate a pool: the share of 429s, when the first one comes, cold starts, the use of each key.

    Give the traffic and a pool (--keys and --per-minute, or declared ones), a whole --scenario, or a log
    to be like.

    \b
    Examples:
      keyrota simulate --keys 2 --per-minute 2 --rate 4/min
      keyrota simulate --pool CHAT --rate 0.5/min --on-reject failover --precision 5%
      keyrota simulate --keys 4 --per-minute 2 --rate 4/min --write-log day.log
      keyrota simulate --like export.json --on-reject failover
      keyrota simulate --store --since 7d --growth 20%/month
    """
    from keyrota.cli.output import check_outputs, emit, text_style
    from keyrota.cli.progress import ENGINE_STARTS, count_bar, patient_bar
    from keyrota.cli.scenario import note, notes_of, scenario_of_arguments
    from keyrota.report.as_json import as_json
    from keyrota.report.simulation import describe
    from keyrota.report.simulation_text import as_text
    from keyrota.simulation.experiment import simulate

    workers = workers_of_options(jobs, cluster)
    fitted = None
    readers = workers if cluster is not None else None
    log_file = _log_file(write_log, output, shape)
    outputs = (log_file, output)
    logs = LogArguments(
        like, arguments.pools, since, until, quiet, store, readers, max_inflated, strict, outputs
    )
    check_outputs(outputs, [*logs.inputs, *arguments.replay, arguments.scenario_file], force=force)
    if like or store is not None:
        from keyrota.cli.like import fitted_scenario

        scenario, fitted = fitted_scenario(logs, arguments, growth_per_day=growth)
    else:
        refuse_bounds(logs, "--like or --store")
        scenario = scenario_of_arguments(arguments, growth_per_day=growth)
    shape = shape or DEFAULT_SHAPE
    if write_log is not None:
        _check_log(scenario, shape)
    if not quiet:
        for told in notes_of(scenario):
            note(told)
    with patient_bar(count_bar, "replications", quiet=quiet, waiting=ENGINE_STARTS) as on_progress:
        experiment = simulate(
            scenario, replications=replications, precision=precision, seed=seed, engine=engine, jobs=workers,
            on_progress=on_progress,
        )  # fmt: skip
    if experiment.refusal is not None and not quiet:
        note(f"the compiled engine cannot simulate {experiment.refusal}; simulated with the engine simpy")
    if write_log is not None:
        _write_log(scenario, seed, shape, log_file, force)
        if not quiet and arguments.given & {"keys", "pools", "scenario_file"}:
            pools = arguments.pools or "infer"
            note(f"read it with: keyrota report --pools {pools} {write_log}")
    content = describe(experiment)
    if fitted is not None:
        from msgspec.structs import replace

        from keyrota.cli.like import checked_models

        models = checked_models(
            fitted, arguments, growth_per_day=growth, seed=seed, engine=engine, jobs=workers
        )
        content = replace(content, fitted=models)
    if not content.requests.estimate and not quiet:
        note("no request arrived in the span that was simulated; look at --rate, --start and --duration")
    if output_format == "json":
        emit(as_json(content), output, force)
        return
    style = text_style(output)
    text = as_text(content, scenario, color=style.color, width=style.width, unicode=style.unicode)
    emit(text, output, force)


def _log_file(write_log: str | None, output: Path | None, shape: str | None) -> Path | None:
    """Return the file that the log goes to; ``None`` if it is not written, or to standard output."""
    if write_log is None:
        if shape is not None:
            raise ConfigurationError("--shape has no effect here; it goes with --write-log")
        return None
    if write_log == "":
        raise ConfigurationError("--write-log is empty; name a file, or - for standard output")
    if write_log == "-":
        if output is None:
            raise ConfigurationError(
                "--write-log -: the log and the result cannot share standard output; add -o"
            )
        return None
    log_file = Path(write_log)
    if output is not None and log_file.resolve() == output.resolve():
        raise ConfigurationError(f"{output}: --write-log and --output name one file; give two")
    return log_file


def _check_log(scenario: Scenario, shape: str) -> None:
    from keyrota.logs.write import shape_of
    from keyrota.traffic.arrivals import expected_requests

    try:
        shape_of(shape)
    except ConfigurationError:
        from keyrota.display import listed, shown
        from keyrota.logs.write import SHAPES

        raise ConfigurationError(
            f"--shape: no {shown(shape)}; there are {listed(list(SHAPES), limit=99)}"
        ) from None
    sending = [function.arrivals for function in scenario.functions if function.arrivals is not None]
    expected = sum(expected_requests(arrivals, scenario.duration_s) for arrivals in sending)
    if expected > MOST_LOGGED:
        raise ConfigurationError(
            f"--write-log: about {expected:,.0f} requests would be written, which are held in memory; at "
            f"most {MOST_LOGGED:,} are. Shorten --duration"
        )


def _write_log(scenario: Scenario, seed: int, shape: str, path: Path | None, force: bool) -> None:
    from keyrota.logs.write import write_events_as_log
    from keyrota.simulation.experiment import simulated_events

    data = write_events_as_log(simulated_events(scenario, seed=seed), shape, seed=seed)
    if path is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        return
    from keyrota.report.atomic import write_bytes

    write_bytes(path, data, overwrite=force)
