"""What stands for loops over bytes and bits in compiled code: instructions of the processor, and libc."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic, overload

from keyrota.logs.scan import libc, wide, words

_OPTIONS: Any = {"_nrt": False, "forceinline": True}


def _zeros(_context: Any, bits: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], numba.core.cgutils.false_bit)  # of no bit it says 64

    return numba.types.intp(bits), generate


def _ones(_context: Any, bits: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return numba.types.intp(bits), generate


def _all_of(builder: Any, byte: Any, width: int) -> Any:
    """Return so many times a byte."""
    several = ir.VectorType(ir.IntType(8), width)
    nothing = ir.Constant(several, ir.Undefined)
    one = builder.insert_element(nothing, byte, ir.Constant(ir.IntType(32), 0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), width), [0] * width)
    return builder.shuffle_vector(one, nothing, places)


def _range(width: int) -> Any:
    """Return what says which of the bytes at an address are at least as large as one, by at most the span."""
    byte, result = numba.types.uint8, numba.types.uint64
    signature = result(numba.types.intp, byte, byte)

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        address, least, span = arguments
        several = ir.VectorType(ir.IntType(8), width)
        here = builder.load(builder.inttoptr(address, several.as_pointer()))
        here.align = 1
        above = builder.sub(here, _all_of(builder, least, width))  # of a smaller byte a large number
        flags = builder.icmp_unsigned("<=", above, _all_of(builder, span, width))
        bits = builder.bitcast(flags, ir.IntType(width))
        return bits if width == wide.WIDE else builder.zext(bits, ir.IntType(wide.WIDE))

    def within(_context: Any, _address: Any, _least: Any, _span: Any) -> Any:
        return signature, generate

    return within


_trailing_zeros: Any = intrinsic(_zeros)
_count: Any = intrinsic(_ones)
_within: Any = intrinsic(_range(wide.WIDE))
_near: Any = intrinsic(_range(wide.NEAR))


def replaced() -> tuple[Any, ...]:
    """Tell the compiler what stands for the loops, and return the functions that hold them."""
    return _by_instructions() + (_by_libc() if libc.HAS_LIBC else ())


def _by_instructions() -> tuple[Any, ...]:
    @overload(words.lead, inline="never", jit_options=_OPTIONS)
    def lead(flags: Any) -> Any:
        def call(flags: Any) -> Any:
            return _trailing_zeros(flags) >> 3

        return call

    @overload(wide.first_of, inline="never", jit_options=_OPTIONS)
    def first_of(bits: Any) -> Any:
        def call(bits: Any) -> Any:
            return _trailing_zeros(bits)

        return call

    @overload(wide.count_of, inline="never", jit_options=_OPTIONS)
    def count_of(bits: Any) -> Any:
        def call(bits: Any) -> Any:
            return _count(bits)

        return call

    @overload(wide.without_first, inline="never", jit_options=_OPTIONS)
    def without_first(bits: Any) -> Any:
        def call(bits: Any) -> Any:
            return bits & (bits - np.uint64(1))

        return call

    looks = _look(wide.equal, wide.between, _within) + _look(wide.near_equal, wide.near_between, _near)
    return words.lead, wide.first_of, wide.count_of, wide.without_first, *looks


def _look(equal: Any, between: Any, within: Any) -> tuple[Any, Any]:
    """Tell the compiler that looks for a byte and for a range are one instruction, and return both."""

    @overload(equal, inline="never", jit_options=_OPTIONS)
    def one(buffer: Any, at: Any, byte: Any) -> Any:
        def call(buffer: Any, at: Any, byte: Any) -> Any:
            return within(buffer.ctypes.data + at, np.uint8(byte), np.uint8(0))

        return call

    @overload(between, inline="never", jit_options=_OPTIONS)
    def several(buffer: Any, at: Any, least: Any, most: Any) -> Any:
        def call(buffer: Any, at: Any, least: Any, most: Any) -> Any:
            return within(buffer.ctypes.data + at, np.uint8(least), np.uint8(most - least))

        return call

    return equal, between


def _by_libc() -> tuple[Any, ...]:
    word: Any = numba.types.intp
    number: Any = numba.types.int32
    memchr: Any = numba.types.ExternalFunction("memchr", word(word, number, word))
    memmem: Any = numba.types.ExternalFunction("memmem", word(word, word, word, word))

    @overload(libc.find, inline="never", jit_options=_OPTIONS)
    def find(buffer: Any, byte: Any, start: Any, end: Any) -> Any:
        def call(buffer: Any, byte: Any, start: Any, end: Any) -> Any:
            if start >= end:
                return end
            base = buffer.ctypes.data
            found = memchr(base + start, byte, end - start)
            return end if found == 0 else found - base

        return call

    @overload(libc.find_text, inline="never", jit_options=_OPTIONS)
    def find_text(buffer: Any, text: Any, start: Any, end: Any) -> Any:
        def call(buffer: Any, text: Any, start: Any, end: Any) -> Any:
            if start >= end:
                return end
            base = buffer.ctypes.data
            found = memmem(base + start, end - start, text.ctypes.data, len(text))
            return end if found == 0 else found - base

        return call

    return libc.find, libc.find_text
