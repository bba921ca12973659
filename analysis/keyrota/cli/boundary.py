"""Where errors become exit codes: the one place that catches everything.

0 done, 1 findings or target missed, 2 usage or configuration, 3 no usable input, 4 output not
written, 130 interrupted. No traceback reaches a user without ``--debug``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

import click

from keyrota import __version__
from keyrota.display import reason_of
from keyrota.errors import KeyrotaError

INTERRUPTED: Final = 130
COMMANDS: Final = {
    "check": "Gate on the findings: exit 1 if an error is left.",
    "explain": "What a finding means and how to fix it.",
    "fetch": "The logs of a project from Supabase into a folder, each row once.",
    "history": "Events of many days in one file, each row once.",
    "notebook": "A notebook that plans for your logs, ready to run.",
    "onset": "The traffic at which 429s begin, for each size of a pool.",
    "parse": "Turn logs into the event table.",
    "plan": "How many keys a traffic takes, with which rotation, and what to change.",
    "pools": "The declared pools, their limits and their nominal rates.",
    "report": "Is the rotation fair, and if not, which fault is it?",
    "simulate": "A pool under traffic: 429s, cold starts, the use of each key.",
    "watch": "Follow logs as they grow, and tell when something turns.",
}
"""Name and one line of help; the module of the same name is imported when it is called."""


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"keyrota.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the closest command for an unknown one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            from keyrota.display import shown

            close = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"commands are {', '.join(sorted(COMMANDS))}"
            raise click.UsageError(f"no command {shown(args[0])}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: keyrota report sample_logs/",
)
@click.version_option(__version__, "-V", "--version", message="keyrota %(version)s")
def group() -> None:
    """Say whether the rotation over a pool of API keys is fair, and where the 429s come from.

    Reads the logs of an application that spreads its calls over a pool of API keys and says whether
    every key is used as declared, and if not, which fault it is.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    debug = "--debug" in arguments
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    try:
        code = _invoke(arguments)
        sys.stdout.flush()
    except KeyrotaError as error:
        return _failed(str(error), error.exit_code, debug=debug)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()  # the reader has seen enough
        return 0
    except OSError as error:
        _drop_output()
        return _failed(f"the output could not be written ({reason_of(error)})", 4, debug=debug)
    except MemoryError:
        return _failed("out of memory; give fewer logs at a time, or a part with --since and --until", 3)
    except Exception as error:
        return _failed(
            f"this is a fault of keyrota: {type(error).__name__}: {error}; "
            "run it again with --debug and report what it prints",
            70,
            debug=debug,
        )
    return code


def _drop_output() -> None:
    """Leave what cannot be printed: Python would complain about it at exit, with a code of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _invoke(arguments: list[str]) -> int:
    try:
        result: Any = group.main(arguments, prog_name="keyrota", standalone_mode=False)
    except click.exceptions.Exit as exit_request:
        return exit_request.exit_code
    except SystemExit:
        # Click turns a broken pipe into this, with the code that means findings here.
        raise BrokenPipeError from None
    except click.ClickException as error:
        hint = (
            f"; see {error.ctx.command_path} --help"
            if isinstance(error, click.UsageError) and error.ctx
            else ""
        )
        return _failed(error.format_message().rstrip(".") + hint, 2)
    return result if isinstance(result, int) else 0


def _failed(message: str, code: int, *, debug: bool = False) -> int:
    """Print one line, with `debug` what led to it before: a traceback may quote what a log holds."""
    from keyrota.display import visible

    if debug:
        from traceback import format_exc

        for line in format_exc().rstrip("\n").split("\n"):
            click.echo(visible(line), err=True)
    click.echo(f"keyrota: error: {visible(' '.join(message.split()))}", err=True)
    return code
