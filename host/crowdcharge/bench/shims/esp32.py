# SPDX-License-Identifier: MIT
"""MicroPython's `esp32` on the bench: which input ends a deep sleep. Other chips have no such."""

from _hardware import call

WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True


def wake_on_ext0(pin, level):
    call("k", bytes((int(level),)) + pin._id.encode())
