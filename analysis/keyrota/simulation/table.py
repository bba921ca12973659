"""PROVISIONAL, written by the lead so that the engines can be tried; its builder replaces it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KeyRow:
    pool: str
    key: int
    position: int
    size: int
    model: str | None
    per_minute: int | None
    per_day: int | None
