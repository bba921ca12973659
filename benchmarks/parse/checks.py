"""A table held against the truth of its file."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from generate import TIMES_MODULUS, WRAP, Truth

NUMBERS: Final = ("key", "position", "size", "status", "duration_ms")
_ADDED: Final = ("bytes", "records", "lines", "aligned", "isolates", "isolate_sum", "limits", "delays_s")


def found_in(table: Any) -> dict[str, Any]:
    """Return the counts and sums of a table of pandas, Polars or Arrow, under the names of `Truth`."""
    arrow = _arrow(table)
    times = arrow["time"].cast(pa.timestamp("ns")).cast(pa.int64()).to_numpy()
    key = pc.fill_null(arrow["key"].cast(pa.int64()), 0).to_numpy()
    kinds = {item["values"]: item["counts"] for item in pc.value_counts(arrow["kind"]).to_pylist()}
    named = pc.value_counts(pc.drop_null(arrow["isolate"])).to_pylist()
    # Invocations have a duration too, where the shape tells it; the sum is the boots'.
    boots = arrow.filter(pc.equal(arrow["kind"].cast(pa.string()), "boot"))
    sums = {name: _sum(boots if name == "duration_ms" else arrow, name) for name in NUMBERS}
    return {
        "kinds": dict(sorted(kinds.items())),
        "sums": sums,
        "times": int(times.view(np.uint64).sum(dtype=np.uint64)) % WRAP,
        "aligned": int((key * (times // 1000 % TIMES_MODULUS)).sum()),
        "isolates": len(named),
        "isolate_sum": sum(int(item["values"][:8], 16) * item["counts"] for item in named),
        **(_details(arrow) if "cause" in arrow.column_names else {}),
    }


def differences(found: dict[str, Any], truth: Truth) -> list[str]:
    """Return what is not as it is in the file, a sentence each."""
    return [
        f"{name}: {value} instead of {getattr(truth, name)}"
        for name, value in found.items()
        if value != getattr(truth, name)
    ]


def together(truths: list[Truth]) -> Truth:
    """Return what is in several files, whose isolates differ."""
    one, *others = truths
    for other in others:
        one = replace(
            one,
            **{name: getattr(one, name) + getattr(other, name) for name in _ADDED},
            **{
                name: dict(sorted((Counter(getattr(one, name)) + Counter(getattr(other, name))).items()))
                for name in ("kinds", "sums", "causes")
            },
            times=(one.times + other.times) % WRAP,
        )
    return one


def _details(table: pa.Table) -> dict[str, Any]:
    """Return what the bodies of 429s say, in any place of the table; what rivals are excused from."""
    rejections = table.filter(pc.equal(table["kind"].cast(pa.string()), "rejection"))
    causes = {item["values"]: item["counts"] for item in pc.value_counts(rejections["cause"]).to_pylist()}
    return {
        "causes": dict(sorted(causes.items())),
        "limits": _sum(table, "limit"),
        "delays_s": float(pc.sum(table["retry_after_s"]).as_py() or 0),
    }


def _sum(table: pa.Table, name: str) -> int:
    return int(pc.sum(table[name]).as_py() or 0)


def _arrow(table: Any) -> pa.Table:
    if isinstance(table, pa.Table):
        return table
    if hasattr(table, "to_arrow"):
        return table.to_arrow()
    return pa.Table.from_pandas(table, preserve_index=False)
