"""The folder that is fetched into: files of rows, and how far they go.

Each file is named by the kind and the time it covers, and was written whole; so a fetch that was killed goes
on behind the last of them. The file of state says what names cannot: the project, and spans without a row.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from keyrota.display import reason_of, shown
from keyrota.errors import ConfigurationError, InputError, OutputError
from keyrota.fetch.rows import KINDS, key_of_line
from keyrota.fetch.spans import Span, joined
from keyrota.fetch.times import from_name, iso, micros, name_of
from keyrota.report.atomic import write_bytes, write_text
from keyrota.report.atomic_folder import make_folder

STATE: Final = ".keyrota-fetch.json"
SCHEMA: Final = "keyrota.fetch/1"
STATE_BYTES: Final = 1 << 20

_ENDING: Final = ".ndjson"


class Folder:
    """A folder of fetched rows of one project.

    Parameters
    ----------
    path
        Where it is.
    project
        The project's reference, ``None`` for the one whose logs are there.
    url
        Where the API is. It is held against the file of state and never taken from there: whoever wrote that
        file would be sent the token.

    Attributes
    ----------
    covered
        By kind, the spans of time that were asked for.
    """

    def __init__(self, path: Path, project: str | None, url: str) -> None:
        self.path, self._project, self._url = path, project, url
        self.covered: dict[str, list[Span]] = {kind: [] for kind in KINDS}

    def make(self) -> None:
        """Make the folder if there is none, for its owner alone: messages may hold anything.

        Raises
        ------
        OutputError
            If it cannot be made.
        """
        make_folder(self.path, mode=0o700)

    def read(self) -> None:
        """Read how far the folder goes.

        Raises
        ------
        ConfigurationError
            If it holds the logs of another project, or no project was named.
        InputError
            If its file of state is broken.
        """
        covered = self._read_state()
        if self._project is None:
            raise ConfigurationError(
                f"{self.path}: nothing was fetched into this folder yet; give --project REF"
            )
        for kind in KINDS:
            names = [
                span for span, _ in self._files(kind)
            ]  # of a fetch that was killed before it wrote its state
            self.covered[kind] = joined([*covered.get(kind, []), *names])

    @property
    def project(self) -> str:
        """The project whose logs the folder holds; known once it was read."""
        assert self._project is not None
        return self._project

    def keys(self, kind: str, span: Span) -> set[str]:
        """Return the keys of the rows that the folder holds of a span.

        Raises
        ------
        InputError
            If a file cannot be read.
        """
        keys = set()
        for (start, end), path in self._files(kind):
            if end < span[0] or start >= span[1]:
                continue
            for line in _lines(path):
                known = key_of_line(line)
                if known is not None and span[0] <= known[0] < span[1]:
                    keys.add(known[1])
        return keys

    def write(self, kind: str, span: Span, lines: Iterable[bytes]) -> Path | None:
        """Write rows as a file, if there are any, and note that their span is done.

        Raises
        ------
        OutputError
            If a file cannot be written; what was written before stays.
        """
        data = b"".join(lines)
        path = None
        if data:
            path = self._free_name(kind, span)
            write_bytes(path, data)
        if span[0] < span[1]:
            self.covered[kind] = joined([*self.covered[kind], span])
            self._write_state()
        return path

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other fetches out of the folder, where the system can: a lock that dies with the process.

        Raises
        ------
        OutputError
            If another one is at work.
        """
        try:
            import fcntl
        except ImportError:  # Windows
            yield
            return
        handle = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OutputError(
                    f"{self.path}: another keyrota fetch is writing into this folder; wait for its end"
                ) from None
            except OSError:  # a file system without locks
                yield
                return
            self._sweep()
            yield
        finally:
            os.close(handle)

    def _sweep(self) -> None:
        """Remove what a fetch that was killed had half written, under its temporary name."""
        for name in (STATE, *(f"{kind}-*{_ENDING}" for kind in KINDS)):
            for path in self.path.glob(f".{name}.*.tmp"):
                with suppress(OSError):
                    path.unlink()

    def _files(self, kind: str) -> list[tuple[Span, Path]]:
        """Return the files of a kind with their spans, by name."""
        found = []
        for path in sorted(self.path.glob(f"{kind}-*{_ENDING}")):
            parts = path.name.removesuffix(_ENDING).split("-")
            start, end = (from_name(part) for part in parts[1:3]) if len(parts) >= 3 else (None, None)
            if start is not None and end is not None and path.is_file():
                found.append(((start, end), path))
        return found

    def _free_name(self, kind: str, span: Span) -> Path:
        stem = f"{kind}-{name_of(span[0])}-{name_of(span[1])}"
        path = self.path / f"{stem}{_ENDING}"
        number = 2
        while path.exists():
            path = self.path / f"{stem}-{number}{_ENDING}"
            number += 1
        return path

    def _read_state(self) -> dict[str, list[Span]]:
        path = self.path / STATE
        try:
            with path.open("rb") as file:
                data = file.read(STATE_BYTES + 1)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({reason_of(error)})") from error
        try:
            state = json.loads(data)
            if state["schema"] != SCHEMA:
                raise ConfigurationError(
                    f"{path}: was written by another version of keyrota; name another folder with -o"
                )
            owner = (str(state["project"]), str(state["url"]))
            covered = {kind: [_span(pair) for pair in state["covered"].get(kind, [])] for kind in KINDS}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise InputError(
                f"{path}: is not what keyrota fetch writes; remove it, and the next fetch goes on behind "
                "the files that are there"
            ) from error
        self._project = self._project or owner[0]
        if owner != (self._project, self._url):
            raise ConfigurationError(
                f"{self.path}: holds the logs of project {shown(owner[0])} at {shown(owner[1])}; name "
                "another folder with -o"
            )
        return covered

    def _write_state(self) -> None:
        state = {
            "schema": SCHEMA,
            "project": self._project,
            "url": self._url,
            "covered": {
                kind: [[iso(start), iso(end)] for start, end in spans]
                for kind, spans in self.covered.items()
                if spans
            },
        }
        write_text(self.path / STATE, json.dumps(state, indent=2) + "\n", overwrite=True)


def _span(pair: Any) -> Span:
    start, end = (micros(text) for text in pair)
    if start is None or end is None or not all(isinstance(text, str) for text in pair):
        raise ValueError(pair)
    return start, end


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason_of(error)})") from error
