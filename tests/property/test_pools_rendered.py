"""Laws of declarations written out."""

import datetime as dt
import re

from hypothesis import given
from hypothesis import strategies as st

from keyrota.errors import ConfigurationError
from keyrota.pools import Pool, PoolConfig, Quota, RuleSpec
from keyrota.pools.load import parse_pools
from keyrota.pools.render import as_secrets, as_toml, as_typescript, table_rows
from keyrota.pools.validate import is_pool_name, is_text

pool_names = st.text("abyzABYZ019_.- ", min_size=1, max_size=12).filter(is_pool_name)
names = st.text(min_size=1, max_size=20).filter(is_text)
limits = st.none() | st.integers(1, 10**9)
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@st.composite
def configs(draw):
    """Any valid declaration."""
    keys = draw(st.lists(st.integers(1, 999_999), min_size=1, max_size=12, unique=True))
    labels = draw(st.lists(pool_names, min_size=1, max_size=4, unique=True))
    functions = draw(st.lists(names, max_size=6, unique=True))
    pools = []
    for index, name in enumerate(labels):
        own = tuple(keys[index :: len(labels)])
        if not own:
            continue
        pools.append(
            Pool(
                name=name,
                keys=own,
                functions=tuple(functions[index :: len(labels)]),
                model=draw(st.none() | names),
                quota=Quota(per_minute=draw(limits), per_day=draw(limits), tokens_per_minute=draw(limits)),
                projects=draw(st.just(()) | st.tuples(*[names] * len(own))),
                since=draw(st.none() | st.dates(dt.date(1, 1, 1))),
            )
        )
    rules = [
        RuleSpec(
            name=name,
            pattern=draw(any_text.filter(bool)),
            kind=draw(st.sampled_from(["pick", "rejection", "retry", "warning"])),
            first=draw(st.sampled_from([0, 1])),
            pool=draw(st.none() | pool_names),
            ignore_case=draw(st.booleans()),
            matches=tuple(draw(st.lists(any_text, max_size=3))),
            rejects=tuple(draw(st.lists(any_text, max_size=3))),
        )
        for name in draw(st.lists(names, max_size=3, unique=True))
    ]
    return PoolConfig(pools=tuple(pools), rules=tuple(rules), source="pools.toml")


@given(configs())
def test_toml_round_trip(config):
    """What is written as TOML is read back as the same declaration."""
    text = as_toml(config)
    assert text.isascii()
    assert parse_pools(text, source="pools.toml") == config


@given(configs())
def test_typescript_lines(config):
    """Every pool is one line: a unique environment name, its keys, and a comment to the end."""
    text = as_typescript(config)
    assert text.isascii()
    lines = text.splitlines()
    found = [
        re.fullmatch(r'  "(GOOGLE_AI_STUDIO_KEY_[A-Z0-9_]+)": \[([0-9, ]+)\],   // .+', line)
        for line in lines[1:-1]
    ]
    assert all(found)
    assert len({match[1] for match in found}) == len(config.pools)
    assert [tuple(map(int, match[2].split(", "))) for match in found] == [pool.keys for pool in config]


@given(configs())
def test_secret_lines(config):
    """Every key is set once, by a line of a fixed shape."""
    lines = [line for line in as_secrets(config).splitlines() if not line.startswith("# ")]
    shape = re.compile(r'supabase secrets set GOOGLE_KEY_([0-9]+)="\$\{GOOGLE_KEY_\1:\?has no value\}"')
    assert [int(shape.fullmatch(line)[1]) for line in lines] == [key for pool in config for key in pool.keys]


@given(configs())
def test_key_spans(config):
    """The spans of the table stand for the keys in their order."""
    for pool, row in zip(config, table_rows(config), strict=True):
        keys = []
        for span in row.keys.split(", "):
            first, _, last = span.partition("-")
            keys += range(int(first), int(last or first) + 1)
        assert tuple(keys) == pool.keys


@given(st.text(max_size=200))
def test_any_text(text):
    """Whatever a file holds, the answer is a declaration or a configuration error on one line."""
    assert "\n" not in _answer(text)


@given(
    st.dictionaries(
        st.sampled_from(["name", "keys", "functions", "model", "quota", "projects", "since", "key", "x\ny"]),
        st.sampled_from(
            [
                "1",
                "0",
                "true",
                "1.5",
                '"A"',
                '""',
                "[1]",
                "[1, 2]",
                '["a"]',
                "[[1]]",
                "2025-11-10",
                "{}",
                "{per_day=1}",
            ]
        ),
    )
)
def test_any_pool(fields):
    """Whatever a pool's fields hold, the answer is a declaration or an error that names the pool."""
    lines = [f'"{name}" = {value}'.replace("\n", "\\n") for name, value in fields.items()]
    assert _answer("\n".join(["[[pool]]", *lines])).startswith(("declared", "pools.toml: pool[1]"))


def _answer(text):
    try:
        parse_pools(text, source="pools.toml")
    except ConfigurationError as error:
        return str(error)
    return "declared"
