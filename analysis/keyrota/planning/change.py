"""The change that a plan asks for, ready to paste: mapping, secrets, declaration, and failing over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from keyrota.pools.declared import PoolConfig
from keyrota.pools.render import as_secrets, as_toml, as_typescript

FAILOVER_TYPESCRIPT: Final = """\
// Calls with a random key of the pool and, on a 429, at once with the next one, each key once.
async function callWithFailover(
  keyName: string,
  call: (apiKey: string) => Promise<Response>,
): Promise<Response> {
  const pool = keyMapping[keyName];
  const first = Math.floor(Math.random() * pool.length);
  let response: Response | undefined;
  for (let tried = 0; tried < pool.length; tried++) {
    const place = (first + tried) % pool.length;
    const apiKey = Deno.env.get(`GOOGLE_KEY_${pool[place]}`);
    if (!apiKey) continue; // its secret is not set
    console.log(`\\u{1F511} Using GOOGLE_KEY_${pool[place]} (position ${place + 1}/${pool.length} in pool)`);
    await response?.body?.cancel(); // the 429 of the key before
    response = await call(apiKey);
    if (response.status !== 429) break;
  }
  if (!response) throw new Error(`no secret of ${keyName} is set`);
  return response; // a 429 if every key is at its limit
}
"""
"""Failing over for the mapping of the key pool architecture; it logs its picks as that does."""


@dataclass(frozen=True)
class Change:
    """What to paste.

    Parameters
    ----------
    config
        All pools, as they shall be.
    new_keys
        The numbers of the new keys of each pool that has some.
    """

    config: PoolConfig
    new_keys: dict[str, tuple[int, ...]]

    @property
    def key_mapping(self) -> str:
        """The `keyMapping` constant of all pools."""
        return as_typescript(self.config)

    @property
    def pools_toml(self) -> str:
        """The pools file."""
        return as_toml(self.config)

    def secrets(self, pool: str | None = None) -> tuple[str, ...]:
        """Return the lines that set the secrets of the new keys, those of one pool or all."""
        pools = tuple(
            replace(own, keys=self.new_keys[own.name], projects=())
            for own in self.config.pools
            if own.name in self.new_keys and pool in (None, own.name)
        )
        if not pools:
            return ()
        return tuple(as_secrets(PoolConfig(pools=pools, source=self.config.source)).splitlines())


def change_to(config: PoolConfig, sizes: Mapping[str, int]) -> Change:
    """Return the change of some pools to other sizes; no pool loses a key.

    New keys take the numbers after the largest one of all pools: a number that is used anywhere, or was
    once, stays what it is. Where projects are declared, each new key gets a placeholder for its own.

    Parameters
    ----------
    config
        All pools, also those that do not change.
    sizes
        Keys by pool; a pool that is not there keeps its own.

    Raises
    ------
    ConfigurationError
        If a pool is not declared, or no number is left.

    Examples
    --------
    >>> from keyrota.pools.declared import Pool
    >>> config = PoolConfig(pools=(Pool(name="CHAT", keys=(1, 2)), Pool(name="IMAGE", keys=(3, 4))))
    >>> change_to(config, {"CHAT": 4}).new_keys
    {'CHAT': (5, 6)}
    """
    for name in sizes:
        config[name]  # says which pools there are
    free = max((key for pool in config.pools for key in pool.keys), default=0) + 1
    pools, new_keys = [], {}
    for pool in config.pools:
        missing = max(0, sizes.get(pool.name, 0) - pool.size)
        if missing:
            numbers = tuple(range(free, free + missing))
            free += missing
            projects = tuple(f"project of key {key}" for key in numbers) if pool.projects else ()
            new_keys[pool.name] = numbers
            # It holds from the change on, not from the day of the old declaration.
            pool = replace(
                pool, keys=(*pool.keys, *numbers), projects=(*pool.projects, *projects), since=None
            )
        pools.append(pool)
    return Change(replace(config, pools=tuple(pools)), new_keys)
