"""Reviewed transcripts: what the reports of the sample logs look like.

`UPDATE_GOLDEN=1 make test` writes them again; read the difference before it is committed.
"""

import os
from pathlib import Path

import pytest

from keyrota.cli.boundary import run

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

CALLS = {
    "healthy.txt": ["report", "sample_logs/healthy.json.gz", "sample_logs/healthy_invocations.json"],
    # Its p-values are exact, or the smallest that the draws allow: the same with every NumPy.
    "start_at_first.json": ["report", "--format", "json", "sample_logs/start_at_first.csv"],
    "deno_isolates.txt": ["report", "sample_logs/deno_isolates.json"],
    "start_at_first.txt": ["report", "sample_logs/start_at_first.csv"],
    "stuck_key.txt": ["report", "sample_logs/stuck_key.ndjson"],
    "missing_secret.txt": ["report", "sample_logs/missing_secret.json.gz"],
    "missing_secret.md": ["report", "--format", "markdown", "sample_logs/missing_secret.json.gz"],
    "missing_secret.github": ["check", "--format", "github", "sample_logs/missing_secret.json.gz"],
    "two_picks.txt": ["report", "sample_logs/two_picks.log"],
    "day_with_429s.txt": ["report", "sample_logs/day_with_429s.log.zst"],
    "mojibake.txt": ["report", "sample_logs/mojibake.txt"],
    "truncated.txt": ["report", "sample_logs/truncated.json.gz"],
    "old_export.junit": ["check", "--format", "junit", "sample_logs/old_export.csv"],
    "invocations_only.txt": ["check", "sample_logs/healthy_invocations.json"],
    "inferred.toml": ["pools", "--format", "toml", "sample_logs/deno_isolates.json"],
    "typescript.ts": ["pools", "--format", "typescript"],
    "secrets.sh": ["pools", "--format", "secrets"],
    "plan.txt": ["plan", "--rate", "4/min", "--per-minute", "2", "--jobs", "1"],
    "plan_log.md": ["plan", "--format", "markdown", "--jobs", "1", "-q", "sample_logs/day_with_429s.log.zst"],
    "simulate_like.txt": ["simulate", "--like", "sample_logs/day_with_429s.log.zst", "--pool", "CHAT"],
    "against.txt": [
        "report",
        "sample_logs/start_at_first.csv",
        "--since",
        "2025-11-13",
        "--against",
        "sample_logs/start_at_first.csv",
    ],
    "simulate.txt": ["simulate", "--keys", "2", "--per-minute", "2", "--rate", "4/min"],
    "simulate_day.txt": [
        "simulate",
        "--pool",
        "CHAT",
        "--pool",
        "IMAGE",
        "--rate",
        "CHAT=0.5/min",
        "--rate",
        "IMAGE=2/min",
        "--on-reject",
        "backoff",
        "--isolates",
        "scale-per-request",
        "--max-instances",
        "2",
    ],
    "onset.txt": ["onset", "--per-minute", "2", "--keys", "1-12", "--target", "1%"],
    "onset_growth.txt": [
        "onset",
        "--pool",
        "CHAT",
        "--keys",
        "1-4",
        "--rate",
        "0.02/min",
        "--ramp",
        "10%/day",
    ],
}


@pytest.mark.parametrize("name", CALLS)
def test_transcript(name, monkeypatch, capsys):
    """The command prints what was reviewed, to the byte."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")
    run([*CALLS[name], *(["-q"] if CALLS[name][0] != "pools" else [])])
    printed = capsys.readouterr().out
    golden = HERE / name
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(printed, encoding="utf-8")
    assert printed == golden.read_text(encoding="utf-8")


def test_no_stray_transcripts():
    """Every file in this folder belongs to a call above."""
    files = {path.name for path in HERE.iterdir() if path.suffix not in (".py", "") and path.is_file()}
    assert files == set(CALLS)
