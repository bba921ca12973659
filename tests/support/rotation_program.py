"""The rotation program (sample_logs/rotation) as a command, for `keyrota.testing.run_rotation`."""

import shutil
import tempfile
from pathlib import Path

from keyrota.testing import RotationRun, run_rotation

PROGRAM = Path(__file__).resolve().parents[2] / "sample_logs" / "rotation"


def find_deno() -> str:
    """Return the path of Deno: the one of the Python package, else the one on the PATH.

    Raises
    ------
    FileNotFoundError
        Neither exists.
    """
    try:
        from deno import find_deno_bin

        packaged = find_deno_bin()
    except (ImportError, FileNotFoundError):
        packaged = "deno"
    # The oldest packages install a program that is not executable: `which` passes it over.
    found = shutil.which(packaged) or shutil.which("deno")
    if found is None:
        raise FileNotFoundError("no executable Deno: neither from its Python package nor on the PATH")
    return found


def run_program(*arguments: str, isolates: int) -> RotationRun:
    """Return one real run of the rotation, started once; it is another one every time.

    Deno may read the program's folder and nothing else: no network, environment or writing.

    Parameters
    ----------
    *arguments : str
        Options of ``main.ts``, such as ``"--pool", "ARTIFACT"``.
    isolates : int
        Isolates of each pool, which the program makes itself; its rows name theirs (``execution_id``).

    Raises
    ------
    FileNotFoundError
        Deno is not installed.
    keyrota.InputError
        The program failed or took too long; the message holds what it printed.
    """
    permissions = ("--no-prompt", "--no-config", "--no-lock", "--no-remote", "--no-npm")
    command = [find_deno(), "run", "--quiet", *permissions, f"--allow-read={PROGRAM}"]
    command += [str(PROGRAM / "main.ts"), "--isolates", "{isolates}", *arguments]
    with tempfile.TemporaryDirectory(prefix="keyrota-deno-") as cache:
        environment = {"DENO_DIR": cache, "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"}
        return run_rotation(command, isolates=isolates, env=environment, timeout_s=120.0)
