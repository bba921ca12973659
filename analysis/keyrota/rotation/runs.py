"""Runs: the picks of each isolate in order, out of the event table.

An isolate is known by its execution id. Where a log carries none, what it does carry decides how
much can be said, and the basis of every run is kept:

========== ======================================================== ====== =====
basis      a run is                                                 starts steps
========== ======================================================== ====== =====
known      the picks of one execution id                            yes    yes
listening  the picks between two ``Listening on`` lines of a local  yes    yes
           log, which has one live isolate for each function; two
           such lines without a pick between: as boot
boot       the picks between two boots of a hosted export without   no     no
           ids: older isolates may still pick in between, so that
           they can name a fault of the shares, but not show one
unknown    all picks of one source and function                     no     no
========== ======================================================== ====== =====
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from keyrota.events import NO_TIME, is_of_kind
from keyrota.rotation.alike import order_of
from keyrota.rotation.policies import step
from keyrota.rotation.ties import untangle

BASES: Final = ("known", "listening", "boot", "unknown")
_KNOWN, _LISTENING, _BOOT, _UNKNOWN = range(len(BASES))


@dataclass(frozen=True)
class Runs:
    """The runs of one pool at one size.

    Parameters
    ----------
    size
        Number of keys, as logged.
    positions
        1-based positions of all picks, run after run, shape (picks,).
    rows
        Index of each pick in the event table, shape (picks,).
    run
        Number of the run of each pick, 0, 0, ..., 1, ...; shape (picks,).
    basis
        Index into `BASES` for each run, shape (runs,).
    is_start_certain
        Whether the first pick of each run is surely the first of its isolate, shape (runs,). Not if its
        order within a millisecond is open, or if the line of the isolate's birth is missing or may be another
        function's; an isolate with an id is taken to begin where its picks do.
    """

    size: int
    positions: NDArray[np.int64]
    rows: NDArray[np.int64]
    run: NDArray[np.int64]
    basis: NDArray[np.int64]
    is_start_certain: NDArray[np.bool_]

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Number of picks of each run, shape (runs,)."""
        return np.bincount(self.run, minlength=len(self.basis)).astype(np.int64)

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """Index into `positions` of each run's first pick, shape (runs,)."""
        return np.concatenate(([0], np.cumsum(self.lengths)[:-1])).astype(np.int64)

    @property
    def has_runs(self) -> NDArray[np.bool_]:
        """Whether a run is really one isolate's picks, all and only, shape (runs,)."""
        return self.basis <= _LISTENING

    @property
    def starts(self) -> NDArray[np.int64]:
        """1-based positions of the starts that are known, shape (known starts,)."""
        return self._firsts(self.has_runs)

    @property
    def boot_starts(self) -> NDArray[np.int64]:
        """1-based positions of the picks that follow a boot of an unknown isolate, shape (such runs,)."""
        return self._firsts(self.basis == _BOOT)

    def _firsts(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        return self.positions[self.first[self.is_start_certain & chosen]]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Picks of each position, shape (size,)."""
        return np.bincount(self.positions - 1, minlength=self.size).astype(np.int64)

    def counts_where(self, runs: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the picks of each position over some of the runs, shape (size,)."""
        return np.bincount(self.positions[runs[self.run]] - 1, minlength=self.size).astype(np.int64)

    @cached_property
    def steps(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Steps inside runs, and the index into `positions` of the pick that made each."""
        second = np.flatnonzero((np.diff(self.run) == 0) & self.has_runs[self.run[1:]]) + 1
        return step(self.positions[second - 1], self.positions[second], self.size), second

    @cached_property
    def stuck(self) -> NDArray[np.int64]:
        """Numbers of the runs that do nothing but repeat one key."""
        steps, second = self.steps
        moves: NDArray[np.bool_] = np.zeros(len(self.basis), dtype=bool)
        moves[self.run[second[steps != 0]]] = True
        return np.flatnonzero(~moves & (self.lengths > 1) & self.has_runs)


def find_runs(events: pd.DataFrame) -> dict[int, Runs]:
    """Return the runs among the events of one pool, by the pool size that the log names.

    Parameters
    ----------
    events
        Event table, of one pool or with rows of others between; in time order.

    Returns
    -------
    dict
        Size to `Runs`, the size with the most picks first. A pool that grew has several. Picks
        without a position, or with one outside the pool, are in none.
    """
    is_placed = (events["position"] >= 1) & (events["position"] <= events["size"])
    chosen = is_of_kind(events, "pick") & is_placed.fillna(False).to_numpy(dtype=bool)
    picks = events.loc[chosen, ["time", "isolate", "position", "size"]]
    if picks.empty:
        return {}
    isolate, basis, is_born = _isolates(events, picks)
    sizes = picks["size"].to_numpy(dtype=np.int64)
    if (sizes == sizes[0]).all():
        return {int(sizes[0]): _runs(picks, isolate, basis, is_born)}
    by_picks = pd.Series(sizes).value_counts(sort=True).index
    return {
        int(size): _runs(picks[of_size], isolate[of_size], basis[of_size], is_born[of_size])
        for size in by_picks
        for of_size in [sizes == size]
    }


def with_marks(own: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Return the events of one pool with the marks of new isolates that have no pool: they bound runs too."""
    marks = events[
        events["pool"].isna() & events["isolate"].isna() & events["kind"].isin(["boot", "listening"])
    ]
    return pd.concat([own, marks]).sort_index() if len(marks) else own


def _isolates(
    events: pd.DataFrame, picks: pd.DataFrame
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Give the isolate of every pick a number, by its id or by what the log has in place of one.

    Returns the numbers, the bases, and whether the log shows that isolate's birth (or names it).
    """
    identity = np.asarray(picks["isolate"].cat.codes, dtype=np.int64)
    basis = np.full(len(picks), _KNOWN, dtype=np.int64)
    is_born: NDArray[np.bool_] = np.ones(len(picks), dtype=bool)
    if (identity >= 0).all():
        return identity, basis, is_born
    basis[identity < 0] = _UNKNOWN
    number = int(identity.max()) + 1
    is_mark = events["kind"].isin(["boot", "listening"])
    nameless = events[events["isolate"].isna() & (is_mark | events.index.isin(picks.index))]
    place = pd.Series(np.arange(len(picks)), index=picks.index)
    for _, of_source in nameless.groupby("source", observed=True, dropna=False, sort=False):
        # A mark that names no function may be a new isolate of any.
        of_any = of_source[of_source["function"].isna() & (of_source["kind"] != "pick")]
        for _, own in of_source.groupby("function", observed=True, dropna=False, sort=False):
            is_named = bool(own["function"].notna().any())
            rows = pd.concat([own, of_any]).sort_index() if is_named and len(of_any) else own
            is_pick = (rows["kind"] == "pick").to_numpy()
            if not is_pick.any():
                continue
            at = place.loc[rows.index[is_pick]].to_numpy()
            mark, basis[at], is_born[at] = _between_marks(rows, is_pick)
            identity[at] = number + mark
            number += int(mark.max()) + 1
    return identity, basis, is_born


def _between_marks(
    rows: pd.DataFrame, is_pick: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Tell the isolates of one function by its marks: for each pick the mark before it, basis, birth."""
    kinds = rows["kind"].astype(str).to_numpy()
    found = _BOOT if "boot" in kinds else _LISTENING if "listening" in kinds else _UNKNOWN
    is_mark = kinds == ("boot" if found == _BOOT else "listening")
    passed = np.cumsum(is_mark)
    mark = passed[is_pick]
    basis = np.full(len(mark), found, dtype=np.int64)
    if found == _BOOT:
        # What precedes the first boot belongs to an isolate whose birth is not in the log.
        basis[mark == 0] = _UNKNOWN
    elif found == _LISTENING:
        # Two new isolates and no pick in between: what follows may be of both, its first pick is a start.
        together = passed[1:][is_mark[1:] & is_mark[:-1]]
        basis[np.isin(mark, together)] = _BOOT
    has_function = rows["function"].notna().to_numpy()
    is_own = np.concatenate(([False], has_function[is_mark] | (not has_function[is_pick].any())))
    return mark, basis, is_own[mark]


def _runs(
    picks: pd.DataFrame, isolate: NDArray[np.int64], basis: NDArray[np.int64], is_born: NDArray[np.bool_]
) -> Runs:
    size = int(picks["size"].iloc[0])
    order = order_of(isolate)
    identity = isolate[order]
    begins = np.append(True, identity[1:] != identity[:-1])
    run, first = np.cumsum(begins) - 1, np.flatnonzero(begins)
    positions = picks["position"].to_numpy(dtype=np.int64)[order]
    rows = picks.index.to_numpy()[order]
    times = picks["time"].to_numpy(dtype="datetime64[ns]").view("int64")[order]
    certain = is_born[order[first]]
    tied = ~begins[1:] & (times[1:] == times[:-1]) & (times[1:] != NO_TIME)
    for number in np.unique(run[1:][tied]):
        span = slice(first[number], first[number + 1] if number + 1 < len(first) else len(run))
        moments = np.append(0, np.cumsum(~tied[span.start : span.stop - 1]))
        untangled, is_start_certain = untangle(positions[span], moments, size)
        positions[span] = positions[span][untangled]
        rows[span] = rows[span][untangled]
        certain[number] &= is_start_certain
    return Runs(size, positions, rows, run, basis[order[first]], certain)
