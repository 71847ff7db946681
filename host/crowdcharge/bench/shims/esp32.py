# SPDX-License-Identifier: MIT
"""MicroPython's `esp32` on the bench: which input ends a deep sleep. Other chips have no such."""

from _hardware import call

WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True
_LAST_EXT_PIN = 21  # of an ESP32-S3 (modesp32.h): the others are dark while it sleeps


def wake_on_ext0(pin, level):
    if int(pin._id) > _LAST_EXT_PIN:
        raise ValueError("invalid pin")
    call("k", bytes((int(level),)) + pin._id.encode())
