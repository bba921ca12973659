"""The scan as machine code: compiled at the first use, kept on disk, called without the interpreter's lock.

The functions of the scan stay plain Python for everybody else; here they are made known to the compiler.
"""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any


def has_compiler() -> bool:
    """Say whether this platform has the compiler; without it the general decoder reads everything."""
    try:
        import numba  # noqa: F401
    except ImportError:
        return False
    return True


def _modules() -> list[ModuleType]:
    from keyrota.logs.scan import (
        alphabet,
        csv_columns,
        csv_cut,
        csv_rows,
        csv_tail,
        failures,
        found,
        isolates,
        json_fields,
        json_layout,
        json_rows,
        json_syntax,
        json_walk,
        libc,
        marks,
        message,
        names,
        picks,
        prefix,
        refused,
        requests,
        sink,
        stamps,
        text,
        usual,
        words,
    )

    return [
        alphabet, libc, words, prefix, refused, found, picks, isolates, failures, requests, message, names,
        stamps, usual, sink, marks, text, csv_columns, csv_tail, csv_cut, csv_rows, json_syntax,
        json_layout, json_fields, json_walk, json_rows,
    ]  # fmt: skip


@cache
def machine_code(name: str) -> Any:
    """Return a kernel by its name: from the cache on disk, or compiled now, which takes some seconds.

    Raises
    ------
    ImportError
        If the platform has no compiler.
    """
    import numba
    from numba.extending import register_jitable

    _register(numba, register_jitable)
    function = next(function for function in _functions() if function.__name__ == name)
    return _compiled(numba, function, _fingerprint())


def _functions() -> Iterator[Any]:
    """Yield what is compiled: the functions of the modules, each where it is defined."""
    for module in _modules():
        for function in vars(module).values():
            if inspect.isfunction(function) and function.__module__ == module.__name__:
                yield function


@cache
def _fingerprint() -> int:
    """Return a number that changes with all that decides what the machine code is.

    The compiler's cache looks at the file of the function that it compiles, not at those it calls, nor at
    those whose constants are compiled in.
    """
    from keyrota import events
    from keyrota.logs import hashing, rows, tables, times

    fingerprint = 1
    for module in (*_modules(), events, hashing, rows, tables, times):
        fingerprint = zlib.crc32(inspect.getsource(module).encode(), fingerprint)
    return fingerprint


@cache
def _register(numba: Any, register_jitable: Any) -> None:
    from keyrota.logs.scan import libc, words

    by_libc = (libc.find, libc.find_text) if libc.HAS_LIBC else ()
    for function in _functions():
        if function not in (*by_libc, words.lead):
            register_jitable(_nrt=False, forceinline=True)(function)
    _count_zeros(numba)
    if by_libc:
        _call_libc(numba)


def _count_zeros(numba: Any) -> None:
    """Have the compiler put the processor's instruction in place of a loop."""
    from numba.extending import intrinsic, overload

    from keyrota.logs.scan import words

    def trailing_zeros(_context: Any, flags: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            is_poison = numba.core.cgutils.false_bit  # not: of no bit it says 64
            return builder.cttz(arguments[0], is_poison)

        return numba.types.intp(flags), generate

    count: Any = intrinsic(trailing_zeros)
    options: Any = {"_nrt": False, "forceinline": True}

    @overload(words.lead, inline="never", jit_options=options)
    def lead(flags: Any) -> Any:
        def call(flags: Any) -> Any:
            return count(flags) >> 3

        return call


def _call_libc(numba: Any) -> None:
    """Have the compiler put libc's functions in place of the loops."""
    from numba.extending import overload

    from keyrota.logs.scan import libc

    word, number = numba.types.intp, numba.types.int32
    memchr = numba.types.ExternalFunction("memchr", word(word, number, word))
    memmem = numba.types.ExternalFunction("memmem", word(word, word, word, word))

    options: Any = {"_nrt": False, "forceinline": True}

    @overload(libc.find, inline="never", jit_options=options)
    def find(buffer: Any, byte: Any, start: Any, end: Any) -> Any:
        def call(buffer: Any, byte: Any, start: Any, end: Any) -> Any:
            if start >= end:
                return end
            base = buffer.ctypes.data
            found = memchr(base + start, byte, end - start)
            return end if found == 0 else found - base

        return call

    @overload(libc.find_text, inline="never", jit_options=options)
    def find_text(buffer: Any, text: Any, start: Any, end: Any) -> Any:
        def call(buffer: Any, text: Any, start: Any, end: Any) -> Any:
            if start >= end:
                return end
            base = buffer.ctypes.data
            found = memmem(base + start, end - start, text.ctypes.data, len(text))
            return end if found == 0 else found - base

        return call


def _compiled(numba: Any, function: Any, fingerprint: int) -> Any:
    """Compile a kernel under a wrapper whose constant is part of the cache's key."""

    def kernel(*arguments):  # type: ignore[no-untyped-def]
        if fingerprint < 0:  # never: its value is part of the cache's key
            return 0
        return function(*arguments)

    options = {"nogil": True, "_nrt": False, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(kernel)
    except RuntimeError:  # no folder in which the machine code could be kept: compiled in every process
        return numba.njit(**options)(kernel)
