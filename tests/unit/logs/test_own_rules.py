"""Users' own patterns, and the example rule sets that ship with the package."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest

from keyrota import ConfigurationError, load_pools
from keyrota.logs.own_rules import rule_table
from keyrota.logs.read import Reading, read
from keyrota.logs.rules import Malformed
from keyrota.pools.load import parse_pools

EXAMPLES = ("gemini_balance", "gpt_load", "key_of_m")


def rules_text(pattern: str, **fields: object) -> str:
    lines = ["[[rule]]", 'name = "mine"', f"pattern = '{pattern}'"]
    return "\n".join(lines + [f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}"
                              for name, value in fields.items()])  # fmt: skip


@pytest.fixture
def read_text(tmp_path: Path) -> Callable[..., Reading]:
    def read_with(log: str, rules: str | None = None, example: str | None = None) -> Reading:
        path = tmp_path / "app.log"
        path.write_text(log)
        if example:
            config = load_pools(Path(str(files("keyrota.logs") / "examples" / f"{example}.toml")))
        else:
            config = parse_pools(rules or "")
        return read(path, pools=config)

    return read_with


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_ship_with_the_package_and_hold_to_their_samples(name: str) -> None:
    """Each example is package data, loads as a pools file, and every rule has both kinds of samples."""
    config = load_pools(Path(str(files("keyrota.logs") / "examples" / f"{name}.toml")))
    assert config.rules
    assert not config.pools
    rule_table(config)
    assert all(rule.matches and rule.rejects for rule in config.rules)


def test_gemini_balance_log(read_text: Callable[..., Reading]) -> None:
    """Masked ids become numbered keys, times come from the line, colours and padding do not matter."""
    log = "\n".join(
        f"2025-11-10 12:00:{n:02},123 | {level} | [gemini_routes.py:160]         | {text}"
        for n, (level, text) in enumerate(
            [
                ("\x1b[32mINFO             \x1b[0m", "Using API key: AIzaSy...abc123"),
                ("INFO             ", "Using API key: AIzaSy...xyz789"),
                ("\x1b[31mERROR\x1b[0m            ", "Added error log for key: AIzaSy...xyz789"),
                ("INFO", "Switched to new API key: AIzaSy...def456"),
                ("INFO", "Using API key: AIzaSy...abc123"),
                ("INFO", "Application startup complete."),
            ]
        )
    )
    reading = read_text(log, example="gemini_balance")
    picks = reading.events.query("kind == 'pick'")
    assert picks["key"].tolist() == [1, 2, 3, 1]
    assert picks["time"].tolist()[0] == pd.Timestamp("2025-11-10T12:00:00.123Z")
    assert reading.events.query("kind == 'warning'")["key"].tolist() == [2]
    assert [label for _, label in reading.input.key_labels] == ["...c123", "...z789", "...f456"]
    assert [pool.keys for pool in reading.pools] == [(1, 2, 3)]


def test_gpt_load_log(read_text: Callable[..., Reading]) -> None:
    """Logrus to a file (logfmt) and to a terminal: keys, pools, statuses, times."""
    log = (
        'time="2025-11-10T12:00:01Z" level=debug msg="Request for group gemini succeeded on '
        'attempt 1 with key AIza****aaaa"\n'
        'time="2025-11-10 12:00:02" level=warning msg="Request failed with status 429 (attempt 1/4) for key '
        'AIza****bbbb. Parsed Error: quota"\n'
        "WARN[2025-11-10 12:00:03] Request failed with status 503 (attempt 2/4) for key AIza****aaaa. P\n"
        "DEBU[2025-11-10 12:00:04] Request for group gemini succeeded on attempt 3 with key AIza****cccc\n"
        'time="2025-11-10T12:00:05Z" level=info msg="Key has reached blacklist threshold." keyID=12\n'
    )
    reading = read_text(log, example="gpt_load")
    events = reading.events
    assert events["kind"].tolist() == ["pick", "rejection", "warning", "pick"]
    assert events["key"].tolist() == [1, 2, 1, 3]
    assert events["status"].dropna().tolist() == [429, 503]
    assert events["time"].dt.second.tolist() == [1, 2, 3, 4]
    assert [pool.name for pool in reading.pools] == ["gemini"]
    assert "aaaa" not in events.to_csv()


@pytest.mark.parametrize(
    ("lines", "keys", "positions"),
    [
        (
            ["🔑 Using API key #1 of 3", "🔑 Using API key #3 of 3", "Using API key #2 of 3"],
            [1, 3, 2],
            [1, 3, 2],
        ),
        (["Using API Key #2/4", "Using API Key #3/4"], [2, 3], [2, 3]),
        (["[INFO] Using API key #3 of 9 available keys"], [3], [3]),
        (["[Gemini AI] Attempting metadata generation using API Key #1 of 3 (AIza...x9Qk)..."], [1], [1]),
        (["🔑 Using API key #2 (Request count: 17)", "🔑 Using API key #3 (Used 12 times)"], [2, 3], [1, 2]),
        (["🤖 Using Gemini key 2"], [2], [1]),
        (["[VoiceWS] Routing connection using Gemini Key index 0"], [1], [1]),
    ],
)
def test_key_of_m_picks(
    lines: list[str], keys: list[int], positions: list[int], read_text: Callable[..., Reading]
) -> None:
    """Every way of saying `key n of m` is a pick of key n."""
    picks = read_text("\n".join(lines) + "\n", example="key_of_m").events
    assert set(picks["kind"]) == {"pick"}
    assert picks["key"].tolist() == keys
    assert picks["position"].tolist() == positions


def test_key_of_m_failover(read_text: Callable[..., Reading]) -> None:
    """Rotating because of a failure is a retry; a key that hit its limit is a rejection."""
    log = (
        "🔄 Rotating to API key 2/3\n⚠️ Quota Exceeded (429). Rotating to API Key #2\n"
        "[NETRA System] Rotating to API Key Index: 0\n⚠️ Key 2 hit quota/rate limit\n✅ Key 2 re-enabled\n"
    )
    events = read_text(log, example="key_of_m").events
    assert events["kind"].tolist() == ["retry"] * 3 + ["rejection"]
    assert events["key"].tolist() == [2, 2, 1, 2]


def test_a_log_that_counts_from_zero(read_text: Callable[..., Reading]) -> None:
    """Keys and positions are shifted to 1-based, and one below the first is malformed."""
    rules = rules_text("take (?P<position>[0-9]+) of (?P<size>[0-9]+)", first=0)
    picks = read_text("take 0 of 2\ntake 1 of 2\n", rules).events
    assert picks["position"].tolist() == [1, 2]
    account = read_text("take 1 of 2\ntake 2 of 2\n", rules).input.sources[0]
    assert (account.used, account.malformed) == (1, 1)
    one_based = rules_text("take (?P<key>[0-9]+)")
    assert isinstance(rule_table(parse_pools(one_based)).parse("take 0"), Malformed)


def test_a_rule_may_read_the_time(read_text: Callable[..., Reading]) -> None:
    """A time in a place of its own is read by the group; one that is no time gives none."""
    rules = rules_text(r"key (?P<key>[0-9]+) at <(?P<time>[^>]*)>")
    events = read_text(
        "key 1 at <2025-11-10T12:00:00+01:00>\nkey 2 at <1762772400>\nkey 3 at <noon>\n", rules
    ).events
    assert events["time"].isna().tolist() == [False, False, True]
    assert events["time"].dropna().tolist() == [
        pd.Timestamp("2025-11-10T11:00:00Z"), pd.Timestamp(1762772400, unit="s", tz="UTC"),
    ]  # fmt: skip
    whole_line = rules_text(r"(?P<time>\S+ \S+) KEY (?P<key>[0-9]+)")
    assert read_text("2025-11-10 12:00:01 KEY 4\n", whole_line).events["key"].tolist() == [4]


def test_own_rules_come_first_and_may_carry_constants(read_text: Callable[..., Reading]) -> None:
    """A rule's pool and status stand in where the line names none; the built-in grammar stays."""
    rules = rules_text("boom on key (?P<key>[0-9]+)", kind="rejection", pool="MINE")
    events = read_text("boom on key 2\nUsing GOOGLE_KEY_2 (position 2/2 in pool)\n", rules).events
    assert events["status"].dropna().tolist() == [429]
    assert events["pool"].tolist()[0] == "MINE"
    assert events["kind"].tolist() == ["rejection", "pick"]


def test_what_a_group_captures_is_bounded(read_text: Callable[..., Reading]) -> None:
    """Names of an odd alphabet are dropped, numbers are ASCII and small: no raw text gets through."""
    rules = rules_text("k (?P<key>.*?) p (?P<pool>.*?) f (?P<function>.*?) s (?P<status>.*)", kind="warning")
    text = "k 1 p <b>x</b> f a b s 200000\nk ٣ p ok f fn s 500\n"
    reading = read_text(text + "Using GOOGLE_KEY_1 (position 1/2 in pool)\n", rules)
    warnings = reading.events.query("kind == 'warning'")
    assert warnings["function"].tolist()[1] == "fn"
    assert pd.isna(warnings["function"].tolist()[0])
    assert warnings["status"].dropna().tolist() == [500]
    assert [label for _, label in reading.input.key_labels] == ["...٣"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"pattern": "key ("}, "pattern: missing"),
        ({"pattern": "key (?P<nummer>[0-9]+)"}, 'unknown group "nummer"; allowed are key, position'),
        ({"pattern": "some key"}, "a pick needs a group that tells which key"),
        ({"pattern": "key (?P<key>[0-9]+)", "matches": ["no key 1"]}, "does not match its sample"),
        ({"pattern": "key (?P<key>[0-9]+)", "rejects": ["key 1"]}, "matches its sample"),
        ({"pattern": "key (?P<key>[0-9]+)", "matches": ["see AIzaSyA1234567"]}, r'sample "see \[key\]"'),
    ],
)
def test_a_bad_rule_is_refused_with_its_place(fields: dict[str, object], problem: str) -> None:
    """The message names source, rule and what is wrong, and shows no key."""
    with pytest.raises(ConfigurationError, match=rf'given as text: rule "mine": .*{problem}'):
        rule_table(parse_pools(rules_text(**fields)))  # type: ignore[arg-type]
