# SPDX-License-Identifier: MIT
"""CircuitPython's `struct`: it refuses a number that does not fit; MicroPython's takes the low
bits (py/objint.c: `mp_obj_int_buffer_overflow_check`).
"""

import struct as _ours

_BITS = {"b": 8, "h": 16, "i": 32, "l": 32, "q": 64}  # lower case is signed

calcsize = _ours.calcsize
unpack = _ours.unpack
unpack_from = _ours.unpack_from


def pack(fmt, *values):
    _check(fmt, values)
    return _ours.pack(fmt, *values)


def pack_into(fmt, buffer, offset, *values):
    _check(fmt, values)
    _ours.pack_into(fmt, buffer, offset, *values)


def _check(fmt, values):
    repeat = at = 0
    for kind in fmt:
        bits = _BITS.get(kind.lower())
        if kind.isdigit():
            repeat = repeat * 10 + int(kind)
            continue
        if bits:
            low = -1 << bits - 1 if kind.islower() else 0
            for value in values[at : at + (repeat or 1)]:
                if not low <= value < low + (1 << bits):
                    raise OverflowError("value must fit in %d byte(s)" % (bits // 8))
            at += repeat or 1
        elif kind in "sfd":
            at += 1
        repeat = 0
