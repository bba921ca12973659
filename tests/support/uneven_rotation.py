"""A log, as an event table, of an application whose keys do not get equal shares of its calls."""

import numpy as np

from keyrota.events import make_events
from keyrota.pools.declared import Pool, Quota

TWO_KEYS = Pool(name="CHAT", keys=(1, 2), functions=("chat",), quota=Quota(per_minute=2))
BEGIN_NS = 1_762_761_600_000_000_000  # 2025-11-10 08:00 UTC: midnight in Los Angeles


def uneven_events(*, rate_per_min, requests, shares, per_minute=2, seed=1):
    """Poisson requests at a pool CHAT, each by an isolate of its own, at keys drawn with these probabilities.

    A key passes so many calls in a calendar minute; each further one gets a 429 that states the limit.
    """
    rng = np.random.default_rng(seed)
    times = BEGIN_NS + np.cumsum(rng.exponential(60e9 / rate_per_min, requests)).astype(np.int64)
    keys = rng.choice(len(shares), requests, p=shares) + 1
    rows = []
    passed = {}
    for number, (time, key) in enumerate(zip(times.tolist(), keys.tolist(), strict=True)):
        own = {"time": time, "pool": "CHAT", "function": "chat", "isolate": f"isolate-{number}"}
        rows.append({**own, "kind": "boot", "duration_ms": 30.0})
        rows.append({**own, "kind": "pick", "key": key, "position": key, "size": len(shares)})
        window = (key, time // 60_000_000_000)
        if passed.setdefault(window, 0) >= per_minute:
            rows.append(
                {**own, "kind": "rejection", "status": 429, "cause": "per-minute", "limit": per_minute}
            )
        else:
            passed[window] += 1
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    places = {"source": ["a.log"] * len(rows), "line": list(range(1, len(rows) + 1))}
    return make_events(columns | places)
