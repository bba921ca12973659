"""Several event tables as one: what they share counts once, as pandas tells it row by row."""

import pandas as pd
import pytest

import rows_one_by_one as plain
from keyrota.events import make_events, write_events
from keyrota.logs.event_tables import read_event_tables
from keyrota.logs.sources import Source

NS = 1_762_917_393_000_000_000


def table(rng, rows):
    """A table of few values each, so that rows are equal within it and across tables."""
    values = {
        "time": [NS, NS + 1, None],
        "kind": ["pick", "retry"],
        "pool": ["A", None],
        "key": [1, None],
        "isolate": [f"i-{rng.integers(2)}", None],
        "limit": [0, None],
        "retry_after_s": [0.0, -0.0, None],
        "source": ["x", "y"],
    }
    columns = {name: [own[i] for i in rng.integers(len(own), size=rows)] for name, own in values.items()}
    return make_events(columns)


@pytest.mark.parametrize("seed", range(20))
def test_tables_are_put_together(seed, tmp_path):
    """Rows, order, types, categories and the account of repeats."""
    import numpy as np

    rng = np.random.default_rng(seed)
    frames = [table(rng, int(rng.integers(0, 60))) for _ in range(int(rng.integers(2, 5)))]
    sources = []
    for number, frame in enumerate(frames):
        path = tmp_path / f"{number}.parquet"
        write_events(frame, path, "parquet")
        sources.append(Source(str(path), path.stat().st_size, is_named=True))
    events, accounts = read_event_tables(sources, None)
    expected, repeated = plain.together(frames)
    assert plain.same_tables(events, expected)
    repeated = pd.Series(repeated, dtype=int)
    ends = np.cumsum([len(frame) for frame in frames])
    assert [(rows, again) for _, rows, again in accounts] == [
        (len(frame), repeated.iloc[end - len(frame) : end].sum())
        for frame, end in zip(frames, ends, strict=True)
    ]
