"""What is pasted: numbers that nobody uses, lines for new keys only, code that runs."""

import json
import subprocess

import deno
import pytest

from keyrota.errors import ConfigurationError
from keyrota.planning.change import FAILOVER_TYPESCRIPT, change_to
from keyrota.pools import Pool, PoolConfig, Quota, load_pools


def test_new_keys_take_numbers_that_no_pool_uses():
    """After the largest of all pools, pool by pool in their order; gaps stay gaps."""
    config = PoolConfig(pools=(Pool(name="A", keys=(1, 2)), Pool(name="B", keys=(3, 9))))
    change = change_to(config, {"B": 3, "A": 4})
    assert change.new_keys == {"A": (10, 11), "B": (12,)}
    assert [pool.keys for pool in change.config] == [(1, 2, 10, 11), (3, 9, 12)]


def test_no_pool_loses_a_key():
    """A smaller size, and one that is not given, leave a pool as it is."""
    change = change_to(load_pools(), {"CHAT": 1})
    assert change.new_keys == {}
    assert change.config.pools == load_pools().pools
    assert change.secrets() == ()


def test_secrets_are_those_of_the_new_keys():
    """With the comment lines, of one pool or of all."""
    change = change_to(load_pools(), {"CHAT": 3, "IMAGE": 5})
    lines = [line for line in change.secrets() if not line.startswith("#")]
    assert lines == [
        f'supabase secrets set GOOGLE_KEY_{n}="${{GOOGLE_KEY_{n}:?has no value}}"' for n in (11, 12)
    ]
    assert change.secrets()[0].startswith("# For sh, bash or zsh")
    assert [line for line in change.secrets("IMAGE") if "supabase" in line] == lines[1:]
    assert change.secrets("ARTIFACT") == ()


def test_a_declared_project_gets_a_placeholder_for_each_new_key():
    """Each its own, so that the declaration stays one of separate quotas."""
    pool = Pool(name="A", keys=(1, 2), projects=("p", "q"), quota=Quota(per_minute=2))
    change = change_to(PoolConfig(pools=(pool,)), {"A": 4})
    assert change.config["A"].projects == ("p", "q", "project of key 3", "project of key 4")


def test_the_pools_file_is_read_back(tmp_path):
    """What is pasted declares what was planned."""
    change = change_to(load_pools(), {"CHAT": 4})
    path = tmp_path / "pools.toml"
    path.write_text(change.pools_toml, encoding="ascii")
    assert load_pools(path).pools == change.config.pools


def test_unknown_pools_and_used_up_numbers_are_errors():
    """One line each."""
    with pytest.raises(ConfigurationError, match="no pool"):
        change_to(load_pools(), {"NONE": 4})
    with pytest.raises(ConfigurationError, match="999999"):
        change_to(PoolConfig(pools=(Pool(name="A", keys=(999_999,)),)), {"A": 2})


TRIAL = """
const limit = new Set(JSON.parse(Deno.args[0]));
const tried: string[] = [];
for (const number of [1, 2, 11]) Deno.env.set(`GOOGLE_KEY_${number}`, `key ${number}`);
let status = 0;
try {
  const response = await callWithFailover("GOOGLE_AI_STUDIO_KEY_CHAT", (apiKey) => {
    tried.push(apiKey);
    return Promise.resolve(new Response("body", { status: limit.has(apiKey) ? 429 : 200 }));
  });
  status = response.status;
  await response.text();
} catch (error) {
  status = -1;
}
console.log(JSON.stringify({ status, tried: [...tried].sort() }));
"""


@pytest.mark.parametrize(
    ("at_limit", "status"), [([], 200), (["key 1", "key 2"], 200), (["key 1", "key 2", "key 11"], 429)]
)
def test_the_fail_over_sketch_runs(tmp_path, at_limit, status):
    """Checked and run: each key once until one is free, without a missing one; else the last 429."""
    path = tmp_path / "failover.ts"
    mapping = change_to(load_pools(), {"CHAT": 4}).key_mapping  # key 12 has no secret
    path.write_text(mapping + FAILOVER_TYPESCRIPT + TRIAL, encoding="ascii")
    environment = {"DENO_DIR": str(tmp_path / "deno"), "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        [deno.find_deno_bin(), "run", "--check", "--allow-env", "--no-config", "--no-remote", str(path),
         json.dumps(at_limit)],
        capture_output=True, text=True, check=False, env=environment, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *picks, last = done.stdout.splitlines()
    result = json.loads(last)
    assert result["status"] == status
    assert len(set(result["tried"])) == len(result["tried"])
    assert len(picks) == len(result["tried"])
    assert all(" Using GOOGLE_KEY_" in pick and "/4 in pool)" in pick for pick in picks)
    if len(at_limit) == 3:
        assert result["tried"] == ["key 1", "key 11", "key 2"]
