# SPDX-License-Identifier: MIT
"""const() for CPython; MicroPython and CircuitPython fold it by name and never call it."""


def const(value: int) -> int:
    return value
