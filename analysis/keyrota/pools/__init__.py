"""Declared pools: reading, checking and rendering them, and inferring them from a log."""

from keyrota.pools.declared import Pool, PoolConfig, Quota, RuleSpec
from keyrota.pools.infer import infer_pools
from keyrota.pools.load import load_pools

__all__ = ["Pool", "PoolConfig", "Quota", "RuleSpec", "infer_pools", "load_pools"]
