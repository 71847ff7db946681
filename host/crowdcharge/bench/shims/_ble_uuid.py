# SPDX-License-Identifier: MIT
"""The `UUID` of MicroPython's `bluetooth` module."""

import struct


class UUID(bytes):
    """A UUID, which is a buffer of 2, 4 or 16 bytes, little-endian, and otherwise no `bytes`."""

    def __init__(self, value):
        super().__init__(_uuid_bytes(value))

    def __len__(self):
        raise TypeError("object of type 'UUID' has no len()")

    def __eq__(self, other):
        return isinstance(other, UUID) and bytes(self) == bytes(other)

    def __lt__(self, other):
        return bytes(self) < bytes(other)

    def __hash__(self):
        return hash(bytes(self))

    def __repr__(self):
        digits = "".join(f"{byte:02x}" for byte in reversed(bytes(self)))
        if len(digits) < 32:
            return f"UUID(0x{digits})"
        parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
        return f"UUID('{'-'.join(parts)}')"

    __str__ = __repr__


def _uuid_bytes(value):
    if isinstance(value, int):
        if value > 0xFFFF:
            raise ValueError("invalid UUID")
        return struct.pack("<H", value & 0xFFFF)
    if not isinstance(value, str):
        value = bytes(value)
        if len(value) in (2, 4, 16):
            return value
        value = value.decode()
    digits = value.replace("-", "")
    if not all(digit in "0123456789abcdefABCDEF" for digit in digits):
        raise ValueError("invalid char in UUID")
    if len(digits) != 32:
        raise ValueError("UUID too short" if len(digits) < 32 else "UUID too long")
    return bytes(int(digits[i : i + 2], 16) for i in range(30, -2, -2))
