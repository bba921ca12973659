"""A plan as JSON, text and Markdown: one content, safe to show, ready to paste."""

import dataclasses
import json
import re

import pytest
from msgspec.structs import replace

from keyrota.planning.model_check import ModelCheck
from keyrota.planning.plan import make_plan
from keyrota.planning.uneven import MostLoaded
from keyrota.pools import load_pools
from keyrota.pools.declared import Pool, PoolConfig, Quota
from keyrota.report.against_log import cost_of_uneven_shares
from keyrota.report.as_json import as_json
from keyrota.report.plan import describe
from keyrota.report.plan_markdown import as_markdown, escaped
from keyrota.report.plan_text import as_text
from keyrota.report.plan_words import further, reason
from keyrota.simulation.scenario import Failover, Function, Scenario
from keyrota.traffic.arrivals import Poisson

CONFIG = load_pools()


def scenario(rates, config=CONFIG, **options):
    return Scenario(
        pools=config.pools,
        functions=tuple(
            Function(
                name=pool.functions[0] if pool.functions else pool.name, pool=pool.name,
                arrivals=Poisson(rate_per_min=rates[pool.name]) if pool.name in rates else None,
            )
            for pool in config.pools
        ),
        **options,
    )  # fmt: skip


def one(rate, *, keys=2, per_minute=2, per_day=None, windows=("fixed",), **options):
    config = PoolConfig(
        pools=(
            Pool(
                name="CHAT",
                keys=tuple(range(1, keys + 1)),
                quota=Quota(per_minute=per_minute, per_day=per_day),
            ),
            Pool(name="OTHER", keys=(50,)),
        )
    )
    plan_options = {name: options.pop(name) for name in list(options) if name != "on_reject"}
    own = scenario({"CHAT": rate}, config, **options)
    return make_plan(own, pool="CHAT", windows=windows, **plan_options), config


@pytest.fixture(scope="module")
def both():
    """Plans of two pools: one that takes keys for its day, one that needs nothing."""
    own = scenario({"CHAT": 0.2, "IMAGE": 0.5})
    return [make_plan(own, pool=name) for name in ("CHAT", "IMAGE")]


def test_json_is_the_contract(both):
    """Every field of keyrota.plan/1; the top level is the first pool's."""
    data = json.loads(as_json(describe(both, CONFIG)))
    assert data["schema"] == "keyrota.plan/1"
    assert {"version", "target", "demand", "binding", "options", "recommendation", "pools"} <= set(data)
    assert set(data["demand"]) == {"per_min", "per_day", "source"}
    assert data["binding"] == "per-day"
    assert [(entry["policy"], entry["on_reject"], entry["window"]) for entry in data["options"][:4]] == [
        ("random-start-round-robin", "fail", "fixed"),
        ("random-start-round-robin", "fail", "sliding"),
        ("random-start-round-robin", "failover", "fixed"),
        ("random-start-round-robin", "failover", "sliding"),
    ]
    for entry in data["options"]:
        assert {"estimate", "standard_error", "ci_low", "ci_high"} <= set(entry["rejected_share"])
        assert entry["keys"] > 2
    advice = data["recommendation"]
    assert {"policy", "on_reject", "keys", "reason", "key_mapping", "secrets", "pools_toml"} <= set(advice)
    assert [pool["pool"] for pool in data["pools"]] == ["CHAT", "IMAGE"]
    for name in ("demand", "binding", "options", "recommendation"):
        assert data["pools"][0][name] == data[name]
    assert data["pools"][1]["recommendation"]["secrets"] == []
    assert data["change"]["failover"].startswith("// Calls with a random key")


def test_the_change_holds_all_pools(both):
    """The mapping has every pool, also one without traffic; the numbers of new keys are free in all."""
    change = describe(both, CONFIG).change
    missing = both[0].recommendation.keys - 2
    assert all(name in change.key_mapping for name in ("_CHAT", "_ARTIFACT", "_IMAGE"))
    numbers = [int(n) for line in change.secrets for n in re.findall(r"set GOOGLE_KEY_(\d+)=", line)]
    assert numbers == list(range(11, 11 + missing))
    assert 'name = "ARTIFACT"' in change.pools_toml


@pytest.mark.parametrize("width", [60, 80, 100])
def test_text_fits_its_width(both, width):
    """Sentences wrap; a table and what is pasted keep their lines; no line ends with a blank."""
    text = as_text(both, CONFIG, width=width)
    head, _, _ = text.partition("The mapping of the edge functions")
    table = re.compile(r"^(option|as it rotates|the next key on a 429 |one shared|least-used key |back off)")
    for line in head.splitlines():
        assert len(line) <= width or table.match(line), line
        assert line == line.rstrip()
        assert len(line) <= 110


def test_text_says_what_to_do_and_what_to_paste(both):
    """Demand, options, reason, the binding limit, the alternative, projects and terms, what to paste."""
    words = " ".join(as_text(both, CONFIG).split())
    for expected in (
        "CHAT 2 keys of 2 requests a minute and 50 a day",
        "Demand: 0.2 requests a minute, 288 a day (the rate that was given).",
        "option keys fixed keys sliding 429s with 2 keys 429s then used",
        "Let the client try the next key on a 429 and add",
        "The limit of requests a day binds: alone it takes",
        "because what is missing is the day's quota: a key has 50 requests a day, the traffic 288",
        "billing is the alternative", "Pacific time (", "Nothing has to change: with today's 4 keys",
        "Google Cloud project of its own", "terms", "const keyMapping", "supabase secrets set GOOGLE_KEY_11=",
        "async function callWithFailover", '[[pool]] name = "CHAT"',
    ):  # fmt: skip
        assert expected in words, expected


def test_markdown_has_the_same_content(both):
    """Headings, a table for each pool, the same sentences, fenced code."""
    text = as_markdown(both, CONFIG)
    assert text.startswith("# Keys for at most 1 % 429s\n")
    assert text.count("| option |") == 2
    for plan in both:
        for sentence in (reason(plan), *further(plan)):
            assert escaped(sentence) in text
    fences = re.findall(r"^```(\w*)$", text, re.MULTILINE)
    assert fences == ["typescript", "", "sh", "", "typescript", "", "toml", ""]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {7}


def test_nothing_is_pasted_where_nothing_changes():
    """No mapping, no secrets, no sketch."""
    plan, config = one(2.0, keys=20)
    assert "keyMapping" not in as_text([plan], config)
    assert describe([plan], config).change.failover is None
    assert describe([plan], config).change.secrets == []


def test_a_change_of_the_client_is_the_sketch_alone():
    """The keys stay: only the function that fails over is pasted."""
    plan, config = one(4.0, keys=6)
    text = as_text([plan], config)
    assert "with today's 6 keys" in text
    assert "It takes no new key; as it rotates today it would take" in " ".join(text.split())
    assert "callWithFailover" in text
    assert "const keyMapping" not in text


def test_hopeless_is_said_first_and_safely():
    """The caller's words lead, control characters and secrets in them do not get through, nothing is sold."""
    plan, config = one(4.0, hopeless="The limit is 0\x1b[31m for AIzaSyA1234567890.", source="a\x1blog")
    assert reason(plan).startswith("The limit is 0")
    for text in (as_text([plan], config), as_markdown([plan], config), as_json(describe([plan], config))):
        assert "\x1b" not in text
        assert "\\u001b" not in text
        assert "AIza" not in text
        assert "none are recommended" in " ".join(text.split())
        assert "supabase" not in text
    report = describe([plan], config)
    assert (report.recommendation.keys, report.options, report.binding) == (None, [], None)


def doubtful(plan, observed, *, uneven=None):
    """The plan of a log with this share of 429s, of which the model expects 20 to 30 %."""
    check = ModelCheck("CHAT", 1_000, round(1_000 * observed), 0.25, 0.2, 0.3, 200, uneven)
    return dataclasses.replace(plan, check=check)


@pytest.mark.parametrize(
    ("plan_of", "told"),
    [
        (
            lambda: one(4.0),
            "4 keys, 2 more than today, and a client that tries the next key on a 429 would be enough: ",
        ),
        (
            lambda: one(4.0, keys=6),
            "a client that tries the next key on a 429 would be enough: with today's 6 keys ",
        ),
        (
            lambda: one(2.0, keys=20),
            "nothing would have to change: with today's 20 keys ",
        ),
        (
            lambda: one(5000.0),
            "keys alone do not reach the target: the limits alone take 2,475 keys or more",
        ),
    ],
    ids=["keys", "client", "nothing", "too many"],
)
def test_advice_of_a_model_that_does_not_explain_its_log_is_not_sure(plan_of, told):
    """The caveat stands before the table, and the advice is that of the model, with the log's share."""
    own, config = plan_of()
    plan = doubtful(own, 0.5)
    assert reason(plan).startswith(f"In the model, which does not explain the log, {told}")
    assert reason(plan).endswith("The log has 50 % of its requests in a 429: find first what differs.")
    said = "The model does not explain the log: 50 % of its requests end in a 429, the model predicts 25 %"
    for text in (as_text([plan], config), as_markdown([plan], config).replace("\\", "")):
        words = " ".join(text.split())
        assert words.index(said) < words.index("option") < words.index("In the model, which does not explain")
        assert "an uneven rotation (R101)" in words
        assert not re.search(r"Nothing has to change|\b[Aa]dd \d+ keys?\b|Let the client", words)
    changes = own.recommendation.kind in ("keys", "client")
    assert ("once the model explains the log" in as_text([plan], config)) == changes


def test_a_log_without_429s_is_told_in_words():
    """Not as a share of 0 %."""
    own, _ = one(4.0)
    assert reason(doubtful(own, 0.0)).endswith("The log has no 429: find first what differs.")


def test_a_log_that_is_explained_changes_nothing():
    """Neither in words nor in what is pasted; the JSON holds the check."""
    own, config = one(4.0)
    plan = doubtful(own, 0.25)
    assert as_text([plan], config) == as_text([own], config)
    assert as_markdown([plan], config) == as_markdown([own], config)
    assert describe([own], config).pools[0].against_log is None
    against = describe([plan], config).pools[0].against_log
    assert (against.explains, against.observed_share, against.most_loaded) == (True, 0.25, None)


def test_json_holds_the_model_against_the_log():
    """Numbers, the verdict in words, and the key with more than its share."""
    own, config = one(4.0)
    plan = doubtful(own, 0.5, uneven=MostLoaded(key=1, position=1, share=0.9, size=2))
    against = json.loads(as_json(describe([plan], config)))["pools"][0]["against_log"]
    words = against.pop("words")
    assert against == {
        "requests": 1_000, "observed_share": 0.5, "predicted_share": 0.25, "predicted_low": 0.2,
        "predicted_high": 0.3, "explains": False, "most_loaded": {"key": 1, "position": 1, "share": 0.9},
    }  # fmt: skip
    assert "the uneven rotation (R101: key 1 has 90 % of the picks) would do that" in words


def test_what_uneven_shares_cost_is_told():
    """The limit over the share, of each limit; of keys that share a project nothing is said."""
    uneven = MostLoaded(key=1, position=1, share=0.8, size=2)
    plan, _ = one(4.0, per_day=500)
    words = " ".join(further(doubtful(plan, 0.25, uneven=uneven)))
    assert words.startswith(
        "The shares are uneven (R101): key 1 has 80 % of the picks, so that the pool carries at most 2.5 "
        "calls a minute and 625 a day before that key is at its limit, where equal shares carry at most 4 "
        "and 1,000."
    )
    pool = plan.scenario.pools[0]
    check = doubtful(plan, 0.25, uneven=uneven).check
    assert cost_of_uneven_shares(check, replace(pool, projects=("a", "b"))) is not None
    assert cost_of_uneven_shares(check, replace(pool, projects=("a", "a"))) is None
    assert cost_of_uneven_shares(check, replace(pool, quota=Quota())) is None
    nameless = dataclasses.replace(check, uneven=dataclasses.replace(uneven, key=None, position=2))
    assert "position 2 has 80 % of the picks" in cost_of_uneven_shares(nameless, pool)


def test_the_end_of_the_day_is_that_of_the_model():
    """Where it does not explain the log, the report has the times."""
    plan, _ = one(0.2, per_day=50)
    assert "As it is today the pool's requests of a day are spent at about" in " ".join(further(plan))
    words = " ".join(further(doubtful(plan, 0.5)))
    assert "In the model the pool's requests of a day are spent at about" in words
    assert "`keyrota report` tells when keys were used up in the log." in words


def test_many_secrets_are_cut_in_text_only():
    """Twelve lines for people and where the rest is; JSON and Markdown have all of them."""
    plan, config = one(4.0, per_day=50, windows=("fixed",))
    text = as_text([plan], config)
    keys = plan.recommendation.keys
    assert text.count("supabase secrets set") == 12
    assert f"# and {keys - 14} more keys: --format markdown has all lines" in text
    assert as_markdown([plan], config).count("supabase secrets set") == keys - 2
    assert len([s for s in describe([plan], config).change.secrets if s.startswith("supabase")]) == keys - 2


def test_growth_is_told_in_words():
    """How much it is at the horizon; exceeded already; within days; not within 100 years."""
    plan, _ = one(4.0, on_reject=Failover(), growth_per_day=0.01, horizon_days=30.0)
    words = " ".join(further(plan))
    assert "Growing 1 % a day, the traffic is 5.39 requests a minute in 30 days." in words
    assert "Today's pool, as it rotates today, exceeds the target already." in words
    assert re.search(
        r"The recommended one exceeds the target after [0-9.]+ \([0-9.]+ to [0-9.]+\) days", words
    )
    assert "takes 5 keys with that rotation" in words
    slow, _ = one(0.1, growth_per_day=1e-6)
    assert "does not exceed the target within 100 years" in " ".join(further(slow))


def test_the_other_window_is_told_where_it_matters():
    """Four keys in calendar minutes, five in the last 60 s; and no word where both take the same."""
    plan, _ = one(4.0, windows=None)
    assert "if it counts the last 60 s, it takes 5 keys." in " ".join(further(plan))
    enough, _ = one(4.0, keys=4, windows=None)
    assert "If the minute limit counts the last 60 s, though" in " ".join(further(enough))
    same, _ = one(0.01, windows=None)
    assert not any("60 s" in sentence for sentence in further(same))


def test_a_limit_that_is_not_simulated_is_said():
    """Tokens bind: more keys may be needed than are told."""
    plan, _ = one(4.0, binding_hint="tokens-per-minute")
    assert "The limit of tokens a minute binds, which is not simulated" in " ".join(further(plan))


def test_too_many_keys_are_words():
    """No number is recommended beyond a thousand."""
    plan, config = one(5000.0)
    assert "the limits alone take 2,475 keys or more" in reason(plan)
    assert ">1,000" in as_text([plan], config)
    assert "supabase" not in as_text([plan], config)
