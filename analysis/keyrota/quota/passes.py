"""Calls that surely passed in fixed minutes: what two units let pass beyond one limit."""

from __future__ import annotations

from typing import Final

import numpy as np

from keyrota.quota.blocks import Blocks, Floats, Integers, TotalsOfUnits, spread_out

BUSIEST: Final = 64
"""So many minutes of a unit at most, those with the most calls, are held against those of all others."""


class Passes:
    """What units let pass together in a minute, beyond what one window would.

    Parameters
    ----------
    minute, unit
        Of each call that surely passed while its own window had room.
    units
        Number of units.
    limit
        Of a window.
    most_meetings
        Minutes times units that are looked at, at most.
    """

    def __init__(self, minute: Integers, unit: Integers, units: int, limit: int, most_meetings: int) -> None:
        self._units, self._limit, self._most = units, limit, most_meetings
        self._table = Blocks(minute, unit, np.ones(len(unit)), np.unique(np.append(minute, 0)))
        self._totals = TotalsOfUnits(self._table)
        every = units * len(self._table.unit) / max(1, len(self._table.wanted))
        self._busiest = int(np.clip(most_meetings / max(1.0, every), 4, BUSIEST))

    def with_all(self, unit: int) -> Floats:
        """Return how many calls it and each unit let pass beyond one limit, in its busiest minutes alone."""
        table = self._table
        places, made = self._busy(unit, self._busiest)
        beyond = np.zeros(self._units)
        for rows, ranges in spread_out(*table.busy(table.wanted[places], self._limit - made + 1)):
            extra = np.maximum(0.0, made[ranges] + table.total[rows] - self._limit)
            beyond += np.bincount(table.unit[rows], extra, minlength=self._units)
        return beyond

    def with_some(self, unit: int, others: Integers) -> Floats:
        """Return how many calls it and each of some units let pass beyond one limit, in all its minutes.

        In its busiest if there are very many.
        """
        places, made = self._busy(unit, max(BUSIEST, self._most // max(1, self._units * len(others))))
        theirs = self._totals.of(others, places)
        beyond = np.where(theirs > 0, np.maximum(0.0, theirs + made - self._limit), 0.0)
        return np.asarray(beyond.sum(axis=1))

    def _busy(self, unit: int, most: int) -> tuple[Integers, Floats]:
        """Return the places of the busiest minutes of a unit, and how many calls passed in each."""
        places, made = self._totals.all_of(unit)
        if len(made) <= most:
            return places, made
        busiest = np.argsort(-made, kind="stable")[:most]
        return places[busiest], made[busiest]
