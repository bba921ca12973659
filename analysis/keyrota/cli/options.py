"""Options that several commands share, each defined once."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from keyrota.cli.reading import LogArguments
from keyrota.cli.values import DURATION, SECONDS, Bytes, Share
from keyrota.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

    from keyrota.workers import Workers

Command = TypeVar("Command", bound=Callable[..., Any])


def pools_file(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Return the path of a pools file; ``example:NAME`` is one of the rule sets that come with keyrota."""
    if value is None or not value.startswith("example:"):
        return value
    from importlib.resources import as_file, files

    from keyrota.display import listed, shown

    folder = files("keyrota.logs").joinpath("examples")
    names = sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )
    name = value.removeprefix("example:").replace("-", "_")
    if name not in names:
        known = listed([f"example:{known.replace('_', '-')}" for known in names])
        raise ConfigurationError(f"--pools {shown(value)}: no such example; there are {known}")
    with as_file(folder.joinpath(f"{name}.toml")) as path:
        return str(path)


def _store_path(_context: click.Context, _option: click.Parameter, value: str | None) -> Path | None:
    if value == "":
        from keyrota.history.place import default_store

        return default_store()
    return None if value is None else Path(value)


store_option = click.option(
    "--store",
    metavar="[FILE]",
    is_flag=False,
    flag_value="",
    callback=_store_path,
    help="Read the history instead of LOG...: the user's own, or that of FILE; see keyrota history.",
)


def missing_logs() -> click.MissingParameter:
    """Return the error of a command that was given neither LOG... nor --store."""
    context = click.get_current_context()
    missing = next(param for param in context.command.params if param.name == "logs")
    return click.MissingParameter(ctx=context, param=missing)


_since_option = click.option(
    "--since",
    metavar="TIME",
    help="Only events from here on: 2025-11-10, 2025-11-10T08:00Z, or 24h before the last event.",
)
_until_option = click.option("--until", metavar="TIME", help="Only events before this time.")
max_inflated_option = click.option(
    "--max-inflated",
    type=Bytes(),
    metavar="SIZE",
    help="Of a compressed log read at most so much: 500MB, 4GiB. Default: 4GiB, or 100 times its size if "
    "that is more.",
)
strict_option = click.option(
    "--strict",
    is_flag=True,
    help="Fail (exit 3) if a log is cut or damaged, holds malformed lines, or is none.",
)


def bounds_options(command: Command) -> Command:
    """Add what bounds the reading of logs: --since, --until, --max-inflated and --strict."""
    for add in (strict_option, max_inflated_option, _until_option, _since_option):
        command = add(command)
    return command


def refuse_bounds(logs: LogArguments, where: str) -> None:
    """Refuse what bounds the reading of logs where none are read.

    Raises
    ------
    ConfigurationError
        If one of these options was given.
    """
    if logs.since is not None or logs.until is not None or logs.strict or logs.max_inflated is not None:
        raise ConfigurationError(
            f"--since, --until, --max-inflated and --strict have no effect here; they go with {where}"
        )


def log_options(command: Command) -> Command:
    """Add LOG..., --store, --pools, what bounds the reading, --cluster, -q, --debug: `LogArguments`."""

    @wraps(command)
    def with_arguments(
        logs: tuple[str, ...],
        pools: str | None,
        since: str | None,
        until: str | None,
        quiet: bool,
        store: Path | None,
        cluster: str | None,
        max_inflated: int | None,
        strict: bool,
        **rest: Any,
    ) -> Any:
        if not logs and store is None:
            raise missing_logs()
        workers = workers_of_options(-1, cluster)
        outputs = (rest.get("output"),)
        arguments = LogArguments(
            logs, pools, since, until, quiet, store, workers, max_inflated, strict, outputs
        )
        return command(arguments, **rest)

    for add in reversed(
        (
            click.argument("logs", metavar="LOG...", nargs=-1),
            store_option,
            click.option(
                "--pools",
                metavar="FILE|infer",
                callback=pools_file,
                help="The pools file (TOML); infer: tell them from the log; example:gpt-load: rules of "
                "another project. Default: the ten keys.",
            ),
            bounds_options,
            cluster_option,
            quiet_option,
            debug_option,
        )
    ):
        with_arguments = add(with_arguments)
    return with_arguments  # type: ignore[return-value]


def test_options(command: Command) -> Command:
    """Add --alpha and --seed."""
    for add in (
        click.option(
            "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of Monte-Carlo tests."
        ),
        click.option(
            "--alpha", type=Share(), default="0.001", show_default=True, metavar="P",
            help="False-alarm rate over all pools together, as 1e-3 or 0.1%.",
        ),
    ):  # fmt: skip
        command = add(command)
    return command


def _output_path(_context: click.Context, _option: click.Parameter, value: str | None) -> Path | None:
    if value == "":
        raise click.BadParameter("it is empty; name a file, or - for standard output")
    return None if value in (None, "-") else Path(str(value))


def output_options(command: Command) -> Command:
    """Add -o/--output and --force."""
    for add in (
        click.option("--force", is_flag=True, help="Replace the output file if it exists."),
        click.option(
            "-o", "--output", metavar="FILE", callback=_output_path,
            help="Write to a file, whole or not at all; - is standard output.",
        ),
    ):  # fmt: skip
        command = add(command)
    return command


target_option = click.option(
    "--target",
    type=Share(),
    default="1%",
    show_default=True,
    metavar="P",
    help="Share of requests that may end in a 429.",
)


def _cluster(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    from keyrota.cluster import check_cluster

    return check_cluster(value)


cluster_option = click.option(
    "--cluster",
    metavar="ADDRESS",
    callback=_cluster,
    help="Work on a Dask cluster: tcp://HOST:8786 is a scheduler; local:4, four processes here. The result "
    "is the same.",
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No notes and no progress on standard error.")
debug_option = click.option(
    "--debug", is_flag=True, help="Show the traceback of an error.", expose_value=False
)


def workers_of_options(jobs: int, cluster: str | None) -> Workers:
    """Return the workers of --jobs and --cluster; they are closed when the command ends.

    Raises
    ------
    ConfigurationError
        If both were given, or --jobs is not allowed.
    """
    from keyrota.workers import Workers

    context = click.get_current_context()
    if cluster is None:
        return context.with_resource(Workers(jobs))
    if context.get_parameter_source("jobs") not in (None, click.core.ParameterSource.DEFAULT):
        raise ConfigurationError("--jobs has no effect with --cluster: a cluster has its own workers")
    return context.with_resource(Workers(cluster=cluster))


def time_bound(text: str | None, option: str, last: pd.Timestamp | None) -> pd.Timestamp | None:
    """Return the time that an option names, UTC where it names no zone.

    A duration (``24h``, ``7d``) counts back from the last event, so that the same log gives the same
    report at any time.

    Raises
    ------
    ConfigurationError
        If it is neither a time nor a duration, or a duration and no event has a time.
    """
    if text is None:
        return None
    import pandas as pd

    duration = DURATION.fullmatch(text.strip())
    if duration:
        if last is None or pd.isna(last):
            raise ConfigurationError(f"{option} {text}: no event of the log has a time to count back from")
        try:
            return last - pd.Timedelta(seconds=float(duration[1]) * SECONDS[duration[2]])
        except (OverflowError, ValueError):
            raise ConfigurationError(f"{option} {text}: reaches back before all calendars") from None
    if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text.strip()):
        try:
            time = pd.Timestamp(text.strip())
        except ValueError:
            pass
        else:
            return time.tz_localize("UTC") if time.tzinfo is None else time.tz_convert("UTC")
    from keyrota.display import shown

    raise ConfigurationError(
        f"{option}: {shown(text)} is no time; write 2025-11-10, 2025-11-10T08:00Z, or a duration: 24h, 7d"
    )
