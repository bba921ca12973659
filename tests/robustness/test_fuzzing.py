"""The coverage-guided fuzzer finds nothing in the time that it is given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.nightly
def test_the_fuzzer_finds_nothing(tmp_path: Path) -> None:
    """`KEYROTA_FUZZ_SECONDS` seconds of atheris (300 if not given) on decoders, grammar and masking."""
    pytest.importorskip("atheris")
    seconds = int(os.environ.get("KEYROTA_FUZZ_SECONDS", "300"))
    script = Path(__file__).with_name("fuzz_logs.py")
    done = subprocess.run(
        [sys.executable, str(script), str(seconds), str(tmp_path / "corpus")],
        capture_output=True, text=True, timeout=seconds + 300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
