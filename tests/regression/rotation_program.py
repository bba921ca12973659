"""Run the rotation program (sample_logs/rotation) and hand back what it logs."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

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


def run_rotation(*arguments: str, timeout_s: float = 120.0) -> bytes:
    """Return what one real run of the rotation prints; it is another one every time.

    Deno may read the program's folder and nothing else: no network, environment or writing.

    Parameters
    ----------
    *arguments : str
        Options of ``main.ts``, such as ``"--pool", "ARTIFACT", "--isolates", "50"``.
    timeout_s : float
        The run is ended after this many seconds.

    Raises
    ------
    FileNotFoundError
        Deno is not installed.
    RuntimeError
        The program failed or took too long; the message holds its standard error.
    """
    command = [
        find_deno(),
        "run",
        "--quiet",
        "--no-prompt",
        "--no-config",
        "--no-lock",
        "--no-remote",
        "--no-npm",
        f"--allow-read={PROGRAM}",
        str(PROGRAM / "main.ts"),
        *arguments,
    ]
    with tempfile.TemporaryDirectory(prefix="keyrota-deno-") as cache:
        environment = {**os.environ, "DENO_DIR": cache, "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"}
        try:
            run = subprocess.run(
                command, capture_output=True, env=environment, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(
                f"the rotation program took more than {timeout_s:g} s for {arguments}: {_text(error.stderr)}"
            ) from error
    if run.returncode != 0:
        raise RuntimeError(
            f"the rotation program ended with {run.returncode} for {arguments}: {_text(run.stderr)}"
        )
    return run.stdout


def _text(stderr: bytes | None) -> str:
    return (stderr or b"").decode("utf-8", "replace").strip() or "(no message)"
