"""Declarations written out."""

import json
import shutil
import subprocess

import deno
import pytest

from keyrota.pools import Pool, PoolConfig, Quota, RuleSpec, load_pools
from keyrota.pools.render import as_json, as_secrets, as_toml, as_typescript, table_rows

HOSTILE = PoolConfig(
    pools=(
        Pool(name="chat", keys=(1,), functions=('"]; Deno.exit(3) //',), model="*/ // x"),
        Pool(name="CHAT", keys=(2,), functions=("größe 🔑",)),
        Pool(name="...", keys=(3, 4)),
        Pool(name="2 b.c-d", keys=(5,)),
    )
)


def test_toml_leaves_defaults_out():
    """A field that holds its default is not written."""
    assert (
        as_toml(PoolConfig(pools=(Pool(name="A", keys=(1, 2)),))) == '[[pool]]\nname = "A"\nkeys = [1, 2]\n'
    )


def test_toml_is_ascii():
    """Every other character is an escape, so that no code page can damage the file."""
    text = as_toml(
        PoolConfig(rules=(RuleSpec(name="r", pattern='🔑 "k"\\d\x7f\x00\u202e', ignore_case=True),))
    )
    assert text == (
        '[[rule]]\nname = "r"\n'
        'pattern = "\\U0001F511 \\"k\\"\\\\d\\u007F\\u0000\\u202E"\nignore_case = true\n'
    )


def test_typescript_of_the_default():
    """The ten-key mapping is that of the key pool architecture."""
    assert as_typescript(load_pools()) == (
        "const keyMapping: Record<string, number[]> = {\n"
        '  "GOOGLE_AI_STUDIO_KEY_CHAT": [1, 2],   // CHAT: chat (gemini-2.5-flash)\n'
        '  "GOOGLE_AI_STUDIO_KEY_ARTIFACT": [3, 4, 5, 6],   '
        "// ARTIFACT: generate-artifact, generate-artifact-fix (gemini-2.5-pro)\n"
        '  "GOOGLE_AI_STUDIO_KEY_IMAGE": [7, 8, 9, 10],   // IMAGE: generate-image (gemini-2.5-flash-image)\n'
        "};\n"
    )


def test_typescript_names_stay_apart():
    """Names that become the same environment name get numbers; one without letters is POOL."""
    lines = as_typescript(HOSTILE).splitlines()[1:-1]
    assert [line.split('"')[1].removeprefix("GOOGLE_AI_STUDIO_KEY_") for line in lines] == [
        "CHAT",
        "CHAT_2",
        "POOL",
        "2_B_C_D",
    ]


def test_typescript_compiles(tmp_path):
    """The mapping of hostile names is what TypeScript reads, and nothing else runs."""
    path = tmp_path / "mapping.ts"
    path.write_text(as_typescript(HOSTILE) + "console.log(JSON.stringify(keyMapping));\n", encoding="ascii")
    environment = {"DENO_DIR": str(tmp_path / "deno"), "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        [deno.find_deno_bin(), "run", "--check", "--no-config", "--no-remote", str(path)],
        capture_output=True, text=True, check=False, env=environment, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list(json.loads(done.stdout).values()) == [[1], [2], [3, 4], [5]]


def test_secrets_of_every_key():
    """There is one command for each key, its value a variable that must not be empty."""
    lines = as_secrets(load_pools()).splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        f'supabase secrets set GOOGLE_KEY_{n}="${{GOOGLE_KEY_{n}:?has no value}}"' for n in range(1, 11)
    ]


def test_secret_comments_are_plain_words():
    """Comments hold nothing that a shell which takes them for commands could act on."""
    comments = [line for line in as_secrets(HOSTILE).splitlines() if line.startswith("#")]
    assert not set("".join(comments)) & set("'\"`$()[]{}<>|&;*?!\\~=")


SHELLS = [shell for shell in ("sh", "bash", "dash", "zsh") if shutil.which(shell)]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("value", [None, ""], ids=["unset", "empty"])
def test_blind_paste_sets_nothing(tmp_path, shell, value):
    """Pasted without values, the commands never reach supabase."""
    done = _run(tmp_path, shell, {} if value is None else {"GOOGLE_KEY_1": value})
    assert done.returncode != 0
    assert done.stdout == ""
    assert "GOOGLE_KEY_1" in done.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_values_are_passed_whole(tmp_path, shell):
    """A value with spaces, quotes and dollars reaches supabase as one argument."""
    value = "a b'\"$(exit 3)`*"
    done = _run(tmp_path, shell, {"GOOGLE_KEY_1": value})
    assert done.stdout == f"<secrets><set><GOOGLE_KEY_1={value}>\n"


def _run(tmp_path, shell, variables):
    stand_in = tmp_path / "supabase"
    stand_in.write_text('#!/bin/sh\nprintf "<%s>" "$@"\necho\n')
    stand_in.chmod(0o755)
    script = as_secrets(PoolConfig(pools=(Pool(name="A b", keys=(1,)),)))
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", **variables}
    return subprocess.run(
        [shutil.which(shell)], input=script, capture_output=True, text=True, check=False, env=environment
    )


def test_json():
    """The JSON names its schema, sorts its keys and states nominal rates with their unit."""
    text = as_json(load_pools())
    document = json.loads(text)
    assert document["schema"] == "keyrota.pools/1"
    assert document["source"] == "default_pools.toml"
    assert document["pools"][2] == {
        "functions": ["generate-image"],
        "keys": [7, 8, 9, 10],
        "model": "gemini-2.5-flash-image",
        "name": "IMAGE",
        "nominal_per_day": 6000,
        "nominal_per_min": 60,
        "projects": [],
        "quota": {"per_day": 1500, "per_minute": 15, "tokens_per_minute": None},
        "since": "2025-11-10",
    }
    assert text == json.dumps(document, sort_keys=True, indent=2) + "\n"


def test_nominal_rates():
    """The nominal rate is keys x limit, and nothing where no limit is declared."""
    config = PoolConfig(pools=(Pool(name="A", keys=(1, 2, 5), quota=Quota(per_minute=7)),))
    row = table_rows(config)[0]
    assert (row.keys, row.nominal_per_min, row.nominal_per_day) == ("1-2, 5", 21, None)


@pytest.mark.parametrize(
    ("projects", "model", "note"),
    [
        ((), "m", "not declared"),
        (("p", "q"), "m", "2 projects for 2 keys"),
        (("p", "p"), "m", "1 project for 2 keys; p counted as one quota each"),
        (("p", "other"), "m", "2 projects for 2 keys; quota shared with B"),
        (("p", "other"), "n", "2 projects for 2 keys"),
        (("p", "other"), None, "2 projects for 2 keys; quota shared with B"),
    ],
)
def test_project_note(projects, model, note):
    """Keys that share a project, and pools that share one and the model, share a quota."""
    config = PoolConfig(
        pools=(
            Pool(name="A", keys=(1, 2), projects=projects, model=model),
            Pool(name="B", keys=(3,), projects=("other",), model="m"),
        )
    )
    assert table_rows(config)[0].projects == note
