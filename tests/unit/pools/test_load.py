"""Reading pools files."""

import datetime as dt
import os
import subprocess
import sys

import pytest

from keyrota.errors import ConfigurationError
from keyrota.pools import Pool, PoolConfig, Quota, RuleSpec, load_pools
from keyrota.pools.load import DEFAULT_SOURCE, MAX_BYTES, parse_pools

CHAT = '[[pool]]\nname = "CHAT"\nkeys = [1, 2]\n'
IN_CHAT = 'pools.toml: pool[1] "CHAT": '
KEYS = (
    "write the number n of each GOOGLE_KEY_n, without quotes and never the key itself, "
    "for example keys = [1, 2]"
)
FIELDS = "fields are name, keys, functions, model, quota, projects and since"
LIMIT = "write a whole number from 1 to 1000000000, or leave the field out if there is no such limit"
LIMITS = "fields are quota.per_minute, quota.per_day and quota.tokens_per_minute"
DATE = "write a date without a time and without quotes, for example since = 2025-11-10"
TABLES = "write each as a line [[pool]], in double brackets, and its fields below"

BAD_FILES = {
    "nothing": (
        "# no pools yet\n",
        "pools.toml: there is no [[pool]] and no [[rule]]; write a line [[pool]] and below it name and keys, "
        'for example name = "CHAT" and keys = [1, 2]',
    ),
    "syntax": (
        "[[pool]]\nname = CHAT\n",
        "pools.toml: not valid TOML: Invalid value (at line 2, column 8)",
    ),
    "nesting": ("a = " + "[" * 5000, "pools.toml: not valid TOML: nested too deep"),
    "plural table": ("[[pools]]\n", 'pools.toml: unknown entry "pools"; did you mean [[pool]]?'),
    "unlike table": (
        "[server]\n",
        'pools.toml: unknown entry "server"; the tables are [[pool]] and [[rule]]',
    ),
    "no table": (
        'name = "CHAT"\n',
        'pools.toml: unknown entry "name"; it belongs below a line [[pool]]',
    ),
    "single brackets": ('[pool]\nname = "CHAT"\n', f"pools.toml: pool is not a list of tables; {TABLES}"),
    "list of numbers": ("pool = [1]\n", f"pools.toml: pool is not a list of tables; {TABLES}"),
    "no name": (
        "[[pool]]\nkeys = [1]\n",
        'pools.toml: pool[1]: name is missing; write a name in quotes, for example name = "CHAT"',
    ),
    "number as name": (
        "[[pool]]\nname = 3\nkeys = [1]\n",
        'pools.toml: pool[1]: name is 3; write a name in quotes, for example name = "CHAT"',
    ),
    "no keys": ('[[pool]]\nname = "CHAT"\n', f"{IN_CHAT}keys is missing; {KEYS}"),
    "keys as text": ('[[pool]]\nname = "CHAT"\nkeys = "1-2"\n', f'{IN_CHAT}keys is "1-2"; {KEYS}'),
    "a key as text": ('[[pool]]\nname = "CHAT"\nkeys = [1, "2"]\n', f'{IN_CHAT}keys[2] is "2"; {KEYS}'),
    "a secret as key": (
        '[[pool]]\nname = "CHAT"\nkeys = ["AIzaSyABCDEFGHIJKLMNOPQRSTUVWXYZ0123456"]\n',
        f'{IN_CHAT}keys[1] is "[key]"; {KEYS}',
    ),
    "a boolean as key": ('[[pool]]\nname = "CHAT"\nkeys = [1, true]\n', f"{IN_CHAT}keys[2] is true; {KEYS}"),
    "misspelt field": (
        CHAT + 'function = ["chat"]\n',
        f'{IN_CHAT}unknown field "function"; did you mean functions? The {FIELDS}',
    ),
    "limit one level too high": (
        CHAT + "per_minute = 2\n",
        f'{IN_CHAT}unknown field "per_minute"; did you mean quota.per_minute? The {FIELDS}',
    ),
    "misspelt limit": (
        CHAT + "quota = { per_min = 2 }\n",
        f'{IN_CHAT}unknown field "quota.per_min"; did you mean quota.per_minute? The {LIMITS}',
    ),
    "unlike limit": (
        CHAT + "[pool.quota]\nrpm = 2\n",
        f'{IN_CHAT}unknown field "quota.rpm"; the {LIMITS}',
    ),
    "limit as text": (
        CHAT + '[pool.quota]\nper_minute = "2"\n',
        f'{IN_CHAT}quota.per_minute is "2"; {LIMIT}',
    ),
    "quota as number": (
        CHAT + "quota = 2\n",
        f"{IN_CHAT}quota is 2; write a table of limits, for example "
        "quota = { per_minute = 2, per_day = 50 }",
    ),
    "a function without list": (
        CHAT + 'functions = "chat"\n',
        f'{IN_CHAT}functions is "chat"; write a list of names in quotes, for example functions = ["chat"]',
    ),
    "date with a time": (
        CHAT + "since = 2025-11-10T12:00:00Z\n",
        f"{IN_CHAT}since is 2025-11-10 12:00:00+00:00; {DATE}",
    ),
    "date in words": (CHAT + 'since = "soon"\n', f'{IN_CHAT}since is "soon"; {DATE}'),
    "control character": (
        CHAT + 'model = 1\n"\\u001b[31m" = 2\n',
        f'{IN_CHAT}unknown field "\\x1b[31m"; the {FIELDS}',
    ),
    "kind of a rule": (
        '[[rule]]\nname = "r"\npattern = "x"\nkind = "picks"\n',
        'pools.toml: rule[1] "r": kind is "picks"; write "pick", "rejection", "retry" or "warning"',
    ),
    "sample of a rule": (
        '[[rule]]\nname = "r"\npattern = "x"\nmatches = ["x", 1]\n',
        'pools.toml: rule[1] "r": matches[2] is 1; write a list of sample lines in quotes',
    ),
}


@pytest.mark.parametrize(("text", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_bad_file(text, message):
    """A bad file is answered with one line: where, what, and what to write instead."""
    with pytest.raises(ConfigurationError) as caught:
        parse_pools(text, source="pools.toml")
    assert str(caught.value) == message


@pytest.mark.parametrize("depth", [50, 150, 250, 300, 400, 1000])
def test_nested_values(depth):
    """Nesting of any depth ends in a configuration error, never in a recursion error."""
    with pytest.raises(ConfigurationError):
        parse_pools(f'[[pool]]\nname = "CHAT"\nkeys = {"[" * depth}{"]" * depth}\n')


def test_endless_digits():
    """A number with more digits than Python converts is a configuration error."""
    with pytest.raises(ConfigurationError, match=r"pools\.toml: not valid TOML: "):
        parse_pools("a = " + "9" * 5000, source="pools.toml")


def test_default():
    """Without a file the ten keys of the key pool architecture are declared."""
    config = load_pools()
    day = dt.date(2025, 11, 10)
    assert config.pools == (
        Pool(
            name="CHAT",
            functions=("chat",),
            model="gemini-2.5-flash",
            keys=(1, 2),
            quota=Quota(per_minute=2, per_day=50),
            since=day,
        ),
        Pool(
            name="ARTIFACT",
            functions=("generate-artifact", "generate-artifact-fix"),
            model="gemini-2.5-pro",
            keys=(3, 4, 5, 6),
            quota=Quota(per_minute=2, per_day=50),
            since=day,
        ),
        Pool(
            name="IMAGE",
            functions=("generate-image",),
            model="gemini-2.5-flash-image",
            keys=(7, 8, 9, 10),
            quota=Quota(per_minute=15, per_day=1500),
            since=day,
        ),
    )
    assert config.source == DEFAULT_SOURCE


def test_both_ways_to_write_limits(tmp_path):
    """A quota is read from an inline table and from a sub-table."""
    path = tmp_path / "pools.toml"
    path.write_text(
        CHAT
        + "quota = { per_day = 50 }\n"
        + '[[pool]]\nname = "PRO"\nkeys = [3]\n[pool.quota]\nper_minute = 2\n'
    )
    config = load_pools(path)
    assert [pool.quota for pool in config] == [Quota(per_day=50), Quota(per_minute=2)]
    assert config.source == str(path)


def test_rules_only():
    """A file may hold rules and no pool."""
    config = parse_pools(
        "[[rule]]\nname = 'r'\npattern = 'key (?P<key>[0-9]+)'\nmatches = ['key 3']\nfirst = 0\n"
    )
    assert config.pools == ()
    assert config.rules == (RuleSpec(name="r", pattern="key (?P<key>[0-9]+)", matches=("key 3",), first=0),)


@pytest.mark.parametrize("since", ["2025-11-10", '"2025-11-10"'])
def test_since(since):
    """A date is read with or without quotes."""
    assert parse_pools(f"{CHAT}since = {since}\n")["CHAT"].since == dt.date(2025, 11, 10)


def test_byte_order_mark(tmp_path):
    """The mark that Windows editors put before UTF-8 text is no part of it."""
    path = tmp_path / "pools.toml"
    path.write_bytes(b"\xef\xbb\xbf" + CHAT.replace("\n", "\r\n").encode())
    assert load_pools(path)["CHAT"].keys == (1, 2)


def _message(path):
    with pytest.raises(ConfigurationError) as caught:
        load_pools(path)
    return str(caught.value)


def test_missing_file(tmp_path):
    """A missing file is named, with the command that writes one."""
    path = tmp_path / "none.toml"
    assert _message(path) == f"{path}: no such file; keyrota pools --format toml prints one to start from"


def test_folder(tmp_path):
    """A folder is no pools file."""
    assert _message(tmp_path) == f"{tmp_path}: is a folder; name the pools file in it"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_unreadable_file(tmp_path):
    """A file without the right to read it is named with the system's reason."""
    path = tmp_path / "pools.toml"
    path.write_text(CHAT)
    path.chmod(0)
    assert _message(path) == f"{path}: cannot be read: Permission denied"


def test_path_with_nul():
    """A path that no system takes is a configuration error."""
    assert _message("a\0b") == "a\\x00b: cannot be read: embedded null byte"


def test_file_below_a_file(tmp_path):
    """A path through a file is named with the system's reason."""
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "pools.toml"
    assert _message(path) == f"{path}: cannot be read: Not a directory"


def test_log_by_mistake(tmp_path):
    """A large file is refused without being read as a whole."""
    path = tmp_path / "app.log"
    path.write_bytes(b"x\n" * MAX_BYTES)
    assert _message(path) == f"{path}: larger than 1 MiB; this is no pools file (is it a log?)"


@pytest.mark.parametrize(
    ("data", "what"),
    [(CHAT.encode("utf-16"), "it is UTF-16"), (b"# a\n# \xe4\n", "byte 0xe4 in line 2")],
    ids=["utf-16", "latin-1"],
)
def test_encoding(tmp_path, data, what):
    """Text in another encoding is refused, and the place told."""
    path = tmp_path / "pools.toml"
    path.write_bytes(data)
    assert _message(path) == f"{path}: not UTF-8 text ({what}); save it as UTF-8"


def test_light_import():
    """Importing the pools imports no pandas: `keyrota pools` starts at once."""
    code = "import sys, keyrota.pools; print([m for m in ('pandas', 'numpy', 'rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_lookup():
    """Pools are found by name, key and function; an unknown name is answered with the known ones."""
    config = load_pools()
    assert config.of_key(5) is config["ARTIFACT"]
    assert config.of_key(11) is None
    assert config.of_function("generate-image") is config["IMAGE"]
    with pytest.raises(ConfigurationError) as caught:
        config["PRO"]
    assert str(caught.value) == 'default_pools.toml: no pool "PRO"; declared are CHAT, ARTIFACT and IMAGE'


def test_lists_become_tuples():
    """Lists given in code make the same pool as tuples."""
    assert PoolConfig(pools=[Pool(name="A", keys=[1, 2], functions=["f"])]) == PoolConfig(
        pools=(Pool(name="A", keys=(1, 2), functions=("f",)),)
    )
