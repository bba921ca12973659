"""Write the sample logs beside this file, and the table of truth in README.md.

``python sample_logs/generate.py`` writes the same bytes each time (compressed files: with the same
release of the compression library).
"""

from __future__ import annotations

import datetime as dt
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from isolates import ARTIFACT, CHAT, DAY, HOUR, IMAGE, MINUTE, MS, SECOND, Isolate, Log, Pool

from keyrota.logs import write
from keyrota.logs.write import damage, write_log
from keyrota.logs.write.gemini import Cause

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Sample:
    """One file, and what is true about it."""

    name: str
    data: bytes
    shape: str
    truth: str
    picks: Counter[int] = field(default_factory=Counter)


def november(day: int) -> int:
    """Return midnight UTC of a day in November 2025, in nanoseconds."""
    return int(dt.datetime(2025, 11, day, tzinfo=dt.UTC).timestamp()) * SECOND


def healthy_log(name: str, first_day: int, days: int, picks: int, pools: Sequence[Pool]) -> Log:
    """Return hosted isolates: nearly every request boots its own, a few serve two to four."""
    log = Log(name)
    for pool in pools:
        made = 0
        for time in log.times(november(first_day), days * DAY - 5 * MINUTE, picks):
            run = int(log.rng.integers(2, 5)) if log.rng.random() < 0.0155 else 1
            isolate = log.boot(time, pool)
            later = sorted(int(log.rng.integers(5_000, 70_000)) * MS for _ in range(run - 1))
            for offset in [40 * MS, *later]:
                log.pick(isolate, time + offset)
                duration = int(log.rng.integers(700, 4000))
                log.invoke(isolate, time + offset + duration * MS, 200, duration)
            log.shutdown(isolate)
            made += run
            if made >= picks:
                break
    return log


def healthy() -> Iterable[Sample]:
    """Return a week without a fault, and the invocations that give its functions their names."""
    log = healthy_log("healthy", 3, 7, 300, (CHAT, ARTIFACT, IMAGE))
    total = sum(log.picks.values())
    shape = "`dashboard-json`, gzip"
    truth = f"no fault; {log.starts} isolates, {log.starts / total:.1%} of the picks are cold starts"
    yield Sample("healthy.json.gz", damage.gzipped(log.written("dashboard-json")), shape, truth, log.picks)
    newest = sorted((row for row in log.rows if row.kind_of_row == "invocation"), key=lambda row: row.at())
    data = write_log(newest[-120:], "edge-logs", seed=log.rng)
    truth = "the newest 120 invocations of the isolates in `healthy.json.gz`: their paths name the functions"
    yield Sample("healthy_invocations.json", data, "`edge-logs`", truth)


def start_at_first() -> Iterable[Sample]:
    """Return isolates whose counter starts at 0 instead of at random."""
    log = Log("start_at_first")
    for time in log.times(november(10), 5 * DAY - 5 * MINUTE, 200):
        isolate = log.boot(time, CHAT, start=0)
        picked = time + 40 * MS
        for _ in range(int(log.rng.choice([1, 2, 3], p=[0.5, 0.3, 0.2]))):
            log.pick(isolate, picked)
            picked += int(log.rng.integers(4_000, 30_000)) * MS
        log.shutdown(isolate)
    truth = f"every one of the {log.starts} isolates starts at position 1; the pick lines only"
    data = log.written("studio-csv", "GOOGLE_KEY")
    yield Sample("start_at_first.csv", data, "`studio-csv`", truth, log.picks)


def stuck_key() -> Iterable[Sample]:
    """Return isolates whose counter does not move."""
    log = Log("stuck_key")
    for time in log.times(november(15), DAY - 5 * MINUTE, 60):
        isolate = log.boot(time, IMAGE)
        offsets = np.sort(log.rng.integers(1, 70_000, size=int(log.rng.integers(3, 7))))
        for offset in offsets:
            log.pick(isolate, time + (40 + int(offset)) * MS, step=0)
    truth = f"the {log.starts} isolates start at random and then repeat their first key, 3 to 6 times in all"
    data = log.written("drain-ndjson", "GOOGLE_KEY")
    yield Sample("stuck_key.ndjson", data, "`drain-ndjson`", truth + "; the pick lines only", log.picks)


def missing_secret() -> Iterable[Sample]:
    """Return a pool of four that found three keys: labels follow the place among those present."""
    found = replace(ARTIFACT, labels=ARTIFACT.labels[:3])
    log = healthy_log("missing_secret", 16, 2, 200, (found,))
    truth = "the secret GOOGLE_KEY_3 is absent: keys 4, 5 and 6 are logged as 3, 4 and 5, of three"
    data = damage.gzipped(log.written("api-envelope"))
    yield Sample("missing_secret.json.gz", data, "`api-envelope`, gzip", truth, log.picks)


def two_picks() -> Iterable[Sample]:
    """Return one isolate in which every request picks twice."""
    log = Log("two_picks")
    times = log.times(november(18), 3 * DAY - 5 * MINUTE, 150)
    # `serve` announces a request when it arrives, before it boots an isolate for it.
    isolate = log.boot(times[0] + 1 * MS, CHAT)
    first = CHAT.labels[isolate.next_index]
    for time in times:
        log.invoke(isolate, time, 200, 900)
        for offset in (30 * MS, 30 * MS + int(log.rng.integers(300, 1_900)) * 1000):
            log.pick(isolate, time + offset)
    truth = f"one isolate, {len(times)} requests of two picks each, the first always GOOGLE_KEY_{first}"
    yield Sample("two_picks.log", log.written("serve"), "`serve`", truth, log.picks)


@dataclass
class Provider:
    """The provider's counters: fixed UTC minutes and one Pacific day; a rejection is not charged."""

    minutes: Counter[tuple[int, int]] = field(default_factory=Counter)
    days: Counter[int] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)

    def rejection(self, key: int, time: int, pool: Pool) -> str | None:
        """Charge a call or return the body of its 429."""
        minute = (key, time // MINUTE)
        limits: list[tuple[Cause, int]] = []
        if self.days[key] >= pool.per_day:
            limits.append(("per-day", pool.per_day))
        if self.minutes[minute] >= pool.per_minute:
            limits.append(("per-minute", pool.per_minute))
        if not limits:
            self.minutes[minute] += 1
            self.days[key] += 1
            return None
        (cause, limit), *also = limits
        self.rejected[cause] += 1
        wait = (MINUTE - time % MINUTE) / SECOND
        return write.quota_error_body(cause, limit, pool.model, wait, "B", also=also)


def day_with_429s() -> Iterable[Sample]:
    """Return busy minutes, then exhausted days: 429s of both kinds, retries, a malformed secret."""
    log, google = Log("day_with_429s"), Provider()
    retries = warnings = 0
    start = november(21) + 8 * HOUR  # midnight in Los Angeles
    for pool, steady, burst in ((CHAT, 90, 8), (ARTIFACT, 170, 14)):
        bursts = log.times(start, 14 * HOUR, 9)
        times = log.times(start, 15 * HOUR, steady)
        times += [time for begin in bursts for time in log.times(begin, MINUTE, burst)]
        for time in sorted(times):
            isolate, now = log.boot(time, pool), time + 40 * MS
            request = log.uuid()
            attempts = 4 if isolate.function == "generate-artifact" else 1
            for attempt in range(1, attempts + 1):
                malformed = pool.labels[isolate.next_index] == 2 and now < start + 3 * HOUR
                warnings += malformed
                key = log.pick(isolate, now, warn=malformed)
                now += int(log.rng.integers(300, 900)) * MS
                body = google.rejection(key, now, pool)
                if body is None:
                    break
                if attempt < attempts:
                    retries += 1
                    wait = 1000 * 2 ** (attempt - 1)
                    log.add(isolate, now, write.retry_message(request, attempt, 3, wait))
                    now += wait * MS
            if body is not None:
                report_429(log, isolate, now, request, body)
            log.invoke(isolate, now + 5 * MS, 200 if body is None else 429, (now - time) // MS)
            log.shutdown(isolate)
    minute, day = google.rejected["per-minute"], google.rejected["per-day"]
    truth = (
        f"{minute + day} calls rejected, {minute} by the limit of 2 a minute and {day} by 50 a day; "
        f"{retries} of them followed by a retry; {warnings} warnings about the format of GOOGLE_KEY_2"
    )
    data = damage.zstd_compressed(log.written("drain-loki"))
    yield Sample("day_with_429s.log.zst", data, "`drain-loki`, zstd", truth, log.picks)


def report_429(log: Log, isolate: Isolate, time: int, request: str, body: str) -> None:
    """Add the lines of a call that was given up, as each function prints them."""
    if isolate.function == "generate-artifact":
        log.add(isolate, time, write.max_retries_message(request))
        message = write.error_message(429, body, request, emoji=False, cut=200)
    else:
        message = write.error_message(429, body, request, emoji=isolate.function == "chat")
    log.add(isolate, time + 1000, message, level="error")
    if isolate.function == "chat":
        log.add(isolate, time + 2000, write.headers_message(time), level="error")


def mojibake() -> Iterable[Sample]:
    """Return one process's console whose UTF-8 was read as Windows-1252."""
    log = Log("mojibake")
    isolate = log.boot(november(1), CHAT)
    for number in range(60):
        log.pick(isolate, november(1) + (number + 1) * SECOND)
    truth = "no fault; one process, no times; the emoji went through Windows-1252"
    data = damage.mojibake(log.written("console"))
    yield Sample("mojibake.txt", data, "`console`, damaged", truth, log.picks)


def truncated() -> Iterable[Sample]:
    """Return a download that broke off."""
    log = healthy_log("truncated", 22, 1, 200, (IMAGE,))
    whole = damage.gzipped(log.written("dashboard-json"))
    data = damage.truncated(whole, len(whole) * 7 // 10)
    left = zlib.decompressobj(wbits=31).decompress(data)
    labels = re.findall(rb"GOOGLE_KEY_([0-9]+) \([^\n]*\"timestamp\":[0-9]{16}\}", left)
    picks = Counter(int(label) for label in labels)
    truth = f"cut at 70 % of its bytes: {picks.total()} of {log.picks.total()} picks are left, the newest"
    yield Sample("truncated.json.gz", data, "`dashboard-json`, gzip, cut", truth, picks)


def old_export() -> Iterable[Sample]:
    """Return a malformed CSV: JSON bodies whose quotes are not doubled."""
    log = healthy_log("old_export", 23, 2, 180, (ARTIFACT,))
    picked = [row for row in log.rows if "GOOGLE_KEY" in row.message]
    chosen = log.rng.choice(len(picked), size=12, replace=False)
    for row in (picked[index] for index in chosen):
        time = row.at() + 600 * MS
        body = write.quota_error_body("per-minute", 2, ARTIFACT.model, (MINUTE - time % MINUTE) / SECOND)
        message = write.error_message(429, body, emoji=False)
        log.rows.append(replace(row, time_ns=time, message=message, level="error", row_id=log.uuid()))
    truth = f"fair rotation, no isolates; {len(chosen)} rejections by the minute, whose bodies break the CSV"
    yield Sample("old_export.csv", log.written("old-csv", "google"), "`old-csv`", truth, log.picks)


SAMPLES: tuple[Callable[[], Iterable[Sample]], ...] = (
    healthy, start_at_first, stuck_key, missing_secret, two_picks, day_with_429s, mojibake, truncated,
    old_export,
)  # fmt: skip


def table(samples: Sequence[Sample]) -> str:
    """Return the table of truth as Markdown."""
    lines = ["| file | shape | picks | picks per key | truth |", "| --- | --- | ---: | --- | --- |"]
    for sample in samples:
        per_key = ", ".join(f"{key}: {count}" for key, count in sorted(sample.picks.items())) or "-"
        lines.append(
            f"| `{sample.name}` | {sample.shape} | {sample.picks.total()} | {per_key} | {sample.truth} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Write every sample and the table between the marks of README.md."""
    samples = [sample for make in SAMPLES for sample in make()]
    for sample in samples:
        (HERE / sample.name).write_bytes(sample.data)
        print(f"{sample.name:28}{len(sample.data):>8} bytes")
    readme = HERE / "README.md"
    text, marks = re.subn(
        r"(?s)(<!-- truth: begin -->\n).*(<!-- truth: end -->)",
        lambda match: f"{match[1]}{table(samples)}\n{match[2]}",
        readme.read_text("utf-8"),
    )
    if marks != 1:
        raise SystemExit(f"{readme.name}: the marks of the table of truth are missing; nothing written there")
    readme.write_bytes(text.encode())


if __name__ == "__main__":
    main()
