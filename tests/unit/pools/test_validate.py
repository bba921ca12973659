"""What must hold of every declaration."""

import datetime as dt

import pytest

from keyrota.errors import ConfigurationError
from keyrota.pools import Pool, PoolConfig, Quota, RuleSpec
from keyrota.pools.validate import is_pool_name, is_text

CHAT = Pool(name="CHAT", keys=(1, 2), functions=("chat",))
KEYS = (
    "write the number n of each GOOGLE_KEY_n, without quotes and never the key itself, "
    "for example keys = [1, 2]"
)
NAMES = 'allowed are 1 to 64 letters, digits, "_", "-", "." and spaces, without a space at either end'
TEXT = "allowed are 1 to 128 characters without control characters"
LIMIT = "write a whole number from 1 to 1000000000, or leave the field out if there is no such limit"
RANGE = "allowed are whole numbers from 1 to 999999, the n of GOOGLE_KEY_n"

BAD_POOLS = {
    "same name": (
        [CHAT, Pool(name="CHAT", keys=(3,))],
        'pool[2] "CHAT": pool[1] has this name too; give each its own',
    ),
    "empty name": ([Pool(name="", keys=(1,))], f'pool[1]: name is ""; {NAMES}'),
    "odd name": ([Pool(name="a/b", keys=(1,))], f'pool[1] "a/b": name is "a/b"; {NAMES}'),
    "secret as name": (
        [Pool(name="AIzaSyABCDEFGHIJ", keys=(1,))],
        'pool[1] "[key]": name is "[key]", which looks like an API key; keys are named by number only',
    ),
    "no key": ([Pool(name="A", keys=())], f'pool[1] "A": keys is empty; {KEYS}'),
    "key 0": ([Pool(name="A", keys=(1, 0))], f'pool[1] "A": keys[2] is 0; {RANGE}'),
    "large key": ([Pool(name="A", keys=(10**6,))], f'pool[1] "A": keys[1] is 1000000; {RANGE}'),
    "key twice": ([Pool(name="A", keys=(1, 2, 1))], 'pool[1] "A": keys[3] is 1 again; remove it'),
    "key in two pools": (
        [CHAT, Pool(name="B", keys=(3, 2))],
        'pool[2] "B": keys[2] is 2, which pool[1] "CHAT" declares too; remove it from one of the two',
    ),
    "function in two pools": (
        [CHAT, Pool(name="B", keys=(3,), functions=("b", "chat"))],
        'pool[2] "B": functions[2] is "chat", which pool[1] "CHAT" declares too; '
        "remove it from one of the two",
    ),
    "function twice": (
        [Pool(name="A", keys=(3,), functions=("f", "f"))],
        'pool[1] "A": functions[2] is "f" again; remove it',
    ),
    "empty function": (
        [Pool(name="A", keys=(1,), functions=("",))],
        f'pool[1] "A": functions[1] is empty; {TEXT}',
    ),
    "blank model": ([Pool(name="A", keys=(1,), model="  ")], f'pool[1] "A": model is blank; {TEXT}'),
    "control character": (
        [Pool(name="A", keys=(1,), functions=("a\nb",))],
        f'pool[1] "A": functions[1] is "a\\x0ab", which holds a control character; {TEXT}',
    ),
    "long model": (
        [Pool(name="A", keys=(1,), model="m" * 129)],
        f'pool[1] "A": model is 129 characters long; {TEXT}',
    ),
    "secret as project": (
        [Pool(name="A", keys=(1,), projects=("AIzaSyABCDEFGHIJ",))],
        'pool[1] "A": projects[1] is "[key]", which looks like an API key; keys are named by number only',
    ),
    "limit 0": (
        [Pool(name="A", keys=(1,), quota=Quota(per_day=0))],
        f'pool[1] "A": quota.per_day is 0; {LIMIT}',
    ),
    "endless limit": (
        [Pool(name="A", keys=(1,), quota=Quota(per_minute=10**10))],
        f'pool[1] "A": quota.per_minute is 10000000000; {LIMIT}',
    ),
    "projects of other length": (
        [Pool(name="A", keys=(1, 2), projects=("p",))],
        'pool[1] "A": projects has 1 entry for 2 keys; name the project of each key, in the order of keys, '
        "or leave projects out",
    ),
    "function without comma": (
        [Pool(name="A", keys=(1,), functions="chat")],
        'pool[1] "A": functions is "chat"; write a list of names in quotes, for example functions = ["chat"]',
    ),
    "boolean as limit": (
        [Pool(name="A", keys=(1,), quota=Quota(per_minute=True))],
        f'pool[1] "A": quota.per_minute is true; {LIMIT}',
    ),
    "moment as date": (
        [Pool(name="A", keys=(1,), since=dt.datetime(2025, 11, 10, tzinfo=dt.UTC))],
        'pool[1] "A": since is 2025-11-10 00:00:00+00:00; write a date without a time and without quotes, '
        "for example since = 2025-11-10",
    ),
    "several problems": (
        [Pool(name="A", keys=(1, 1, 0), quota=Quota(per_day=-1))],
        f'pool[1] "A": keys[3] is 0; {RANGE} (and 2 more problems)',
    ),
}


@pytest.mark.parametrize(("pools", "message"), BAD_POOLS.values(), ids=BAD_POOLS)
def test_bad_pools(pools, message):
    """Pools built in code are held to the same rules as a file, in the same words."""
    with pytest.raises(ConfigurationError) as caught:
        PoolConfig(pools=tuple(pools))
    assert str(caught.value) == f"pools given in code: {message}"


BAD_RULES = {
    "same name": (
        [RuleSpec(name="r", pattern="x"), RuleSpec(name="r", pattern="y")],
        'rule[2] "r": rule[1] has this name too; give each its own',
    ),
    "empty name": ([RuleSpec(name="", pattern="x")], f"rule[1]: name is empty; {TEXT}"),
    "empty pattern": (
        [RuleSpec(name="r", pattern="")],
        'rule[1] "r": pattern is empty; write a regular expression in single quotes, for example '
        "pattern = 'using key (?P<key>[0-9]+)'",
    ),
    "odd pool": ([RuleSpec(name="r", pattern="x", pool="a/b")], f'rule[1] "r": pool is "a/b"; {NAMES}'),
    "half a character": (
        [RuleSpec(name="r", pattern="x", matches=("\ud83d",))],
        'rule[1] "r": "\\ud83d" holds half a surrogate pair, which no file can hold',
    ),
}


@pytest.mark.parametrize(("rules", "message"), BAD_RULES.values(), ids=BAD_RULES)
def test_bad_rules(rules, message):
    """Rules are named, and told apart, like pools."""
    with pytest.raises(ConfigurationError) as caught:
        PoolConfig(rules=tuple(rules))
    assert str(caught.value) == f"pools given in code: {message}"


def test_nothing_declared():
    """A configuration without pools stands for a log whose pools nobody has declared."""
    assert list(PoolConfig()) == []


def test_bounds_are_allowed():
    """The largest key, limit and names pass."""
    config = PoolConfig(
        pools=(
            Pool(name="A" * 64, keys=(999_999,), model="m" * 128, quota=Quota(per_day=10**9)),
            Pool(name="b c.d_e-f", keys=(1,), functions=("größe",)),
        )
    )
    assert config.of_key(999_999) is config.pools[0]


@pytest.mark.parametrize("name", ["a ", " a", "a" * 65, "a\n", "ä", "١", "[b]", "AIzaSyABCDEFGHIJ"])
def test_no_pool_name(name):
    """Names that would be misread in a log, a shell or an environment are no pool names."""
    assert not is_pool_name(name)


@pytest.mark.parametrize("name", ["", " ", "a\x00", "a\u202eb", "x" * 129, "AIzaSyABCDEFGHIJ"])
def test_no_text(name):
    """Names that are blank, long, secret or hold control characters are refused everywhere."""
    assert not is_text(name)
