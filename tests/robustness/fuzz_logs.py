"""Coverage-guided fuzzing of the decoders, the grammar and what is shown, with atheris.

    python tests/robustness/fuzz_logs.py [SECONDS] [FOLDER]

The folder keeps what was found, so that a later run goes on from there. `KEYROTA_FUZZ_SECONDS` says how long,
300 if not given. A crash is written to the folder and ends the run with another exit code than 0.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["keyrota.logs", "keyrota.display"]):
    from keyrota.display import redact, visible
    from keyrota.logs.collect import collect
    from keyrota.logs.formats import NotALogError, open_log
    from keyrota.logs.grammar import DEFAULT_RULES
    from keyrota.pools.load import load_pools

from keyrota.logs.write import SHAPES, LogRow, error_message, pick_message, quota_error_body, write_log

CONFIG = load_pools()
START_NS = 1_762_917_393_983_000_000


def one_input(data: bytes) -> None:
    """Read any bytes: the first says how they are cut into chunks."""
    size = 1 + (data[0] if data else 0) * 7
    rest = data[1:]
    text = rest.decode("utf-8", "replace")
    DEFAULT_RULES.parse(text)
    assert redact(redact(text)) == redact(text)
    assert visible(text).isprintable() or "\x1b" not in visible(text)
    try:
        log = open_log(rest[at : at + size] for at in range(0, len(rest), size))
    except NotALogError:
        return
    found = collect(log.records, DEFAULT_RULES, CONFIG, {})
    assert found.lines == found.used + found.ignored + found.malformed


def write_seeds(folder: Path) -> None:
    """Put a small log of every shape into an empty folder."""
    if any(folder.iterdir()):
        return
    error = error_message(429, quota_error_body("per-day", 50, "gemini-2.5-pro", 3.5))
    rows = [LogRow(START_NS + n, text) for n, text in enumerate((pick_message(1, 1, 2), error))]
    for shape in SHAPES:
        (folder / shape).write_bytes(b"\xff" + write_log(rows, shape))


def main() -> None:
    """Run until the time is over, or something is wrong."""
    seconds = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("KEYROTA_FUZZ_SECONDS", "300")
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else "fuzz-corpus")
    folder.mkdir(parents=True, exist_ok=True)
    write_seeds(folder)
    options = [f"-max_total_time={seconds}", "-max_len=4096", f"-artifact_prefix={folder}/", "-timeout=20"]
    atheris.Setup([sys.argv[0], str(folder), *options], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
