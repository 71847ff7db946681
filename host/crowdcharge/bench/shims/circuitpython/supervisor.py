# SPDX-License-Identifier: MIT
"""CircuitPython's `supervisor`: ticks, and why safe mode was entered.

The ticks wrap at 2**29, as documented for the first time 65 s after a start.
`serial_bytes_available` is missing: it is a truth value on some versions and a number on others.
"""

import time

import machine

_PERIOD = 1 << 29
_FIRST = _PERIOD - 65_536
_ticks_ms = time.ticks_ms  # CircuitPython's `time` replaces ours later


def ticks_ms():
    return (_ticks_ms() + _FIRST) % _PERIOD


class SafeModeReason:
    NONE = "supervisor.SafeModeReason.NONE"
    BROWNOUT = "supervisor.SafeModeReason.BROWNOUT"
    HARD_FAULT = "supervisor.SafeModeReason.HARD_FAULT"
    WATCHDOG = "supervisor.SafeModeReason.WATCHDOG"


class _Runtime:
    autoreload = True
    ble_workflow = True
    serial_connected = True
    usb_connected = True
    safe_mode_reason = getattr(SafeModeReason, machine._board["safe_mode"])


runtime = _Runtime()
