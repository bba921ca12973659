"""PROVISIONAL, written by the lead so that the engines can be tried; its builder replaces it."""
from __future__ import annotations
import msgspec

class Poisson(msgspec.Struct, frozen=True, kw_only=True, tag_field="process", tag="poisson"):
    rate_per_min: float
class Regular(msgspec.Struct, frozen=True, kw_only=True, tag_field="process", tag="regular"):
    rate_per_min: float
    offset_s: float = 0.0
class Replay(msgspec.Struct, frozen=True, kw_only=True, tag_field="process", tag="replay"):
    times_ns: tuple[int, ...]
Arrivals = Poisson | Regular | Replay
def check_arrivals(arrivals, place): pass
