"""Machine code of plain functions: compiled at the first use, by one process for all, and kept on disk.

The functions stay plain Python for everybody else.
"""

from __future__ import annotations

import inspect
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FunctionType, ModuleType
from typing import Any


def functions_of(modules: Iterable[ModuleType]) -> Iterator[FunctionType]:
    """Yield the functions of modules, each where it is defined."""
    for module in modules:
        for function in vars(module).values():
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                yield function


def fingerprint_of(modules: Iterable[ModuleType]) -> int:
    """Return a number that changes with the text of modules.

    The compiler's cache looks at the file of the function that it compiles, not at those it calls, nor at
    those whose constants are compiled in.
    """
    fingerprint = 1
    for module in modules:
        fingerprint = zlib.crc32(inspect.getsource(module).encode(), fingerprint)
    return fingerprint


def compiled(function: Callable[..., Any], fingerprint: int, **options: Any) -> Callable[..., Any]:
    """Return a function as machine code, which runs without the interpreter's lock.

    Parameters
    ----------
    function
        Known to the compiler, as what it calls is.
    fingerprint
        `fingerprint_of` all that decides what the machine code is.
    **options
        Of the compiler.

    Raises
    ------
    ImportError
        If the platform has no compiler.
    """
    import numba

    def kernel(*arguments):  # type: ignore[no-untyped-def]
        if fingerprint < 0:  # never: its value is part of the cache's key
            return 0
        return function(*arguments)

    options = {"nogil": True, "_nrt": False, **options}
    try:
        return _first_alone(numba.njit(cache=True, **options)(kernel), inspect.getfile(function))
    except RuntimeError:  # no folder in which the machine code could be kept: compiled in every process
        code: Callable[..., Any] = numba.njit(**options)(kernel)
        return code


def _first_alone(code: Callable[..., Any], source: str) -> Callable[..., Any]:
    """Let the first call, which may compile, wait for those of other processes: it then finds their work.

    They meet at the file that the function stands in: who compiles another one is not waited for.
    """
    is_ready = False

    def call(*arguments: Any) -> Any:
        nonlocal is_ready
        if is_ready:
            return code(*arguments)
        with _alone(source):
            result = code(*arguments)
        is_ready = True
        return result

    return call


@contextmanager
def _alone(source: str) -> Iterator[None]:
    """Hold what other processes of this machine wait for that compile too."""
    handle = -1
    with suppress(ImportError, OSError):  # without locks each compiles for itself
        import fcntl

        handle = os.open(source, os.O_RDONLY)  # a file that is there
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if handle >= 0:
            os.close(handle)
