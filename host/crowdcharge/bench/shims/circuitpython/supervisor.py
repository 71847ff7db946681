# SPDX-License-Identifier: MIT
"""CircuitPython's `supervisor`: ticks that wrap at 2**29, and why safe mode was entered.

`serial_bytes_available` is missing: it is a truth value on some versions and a number on others.
"""

import time

import machine

_PERIOD = 1 << 29
_ticks_ms = time.ticks_ms  # CircuitPython's `time` replaces ours later


def ticks_ms():
    return _ticks_ms() % _PERIOD


class SafeModeReason:
    NONE = "supervisor.SafeModeReason.NONE"
    BROWNOUT = "supervisor.SafeModeReason.BROWNOUT"
    WATCHDOG = "supervisor.SafeModeReason.WATCHDOG"


# After these resets CircuitPython runs safemode.py instead of code.py. A brown-out of the bench
# reads as a power-on (bench/board/silicon.py), so none enters safe mode.
_SAFE_MODES = {machine.WDT_RESET: SafeModeReason.WATCHDOG}


class _Runtime:
    autoreload = True
    ble_workflow = True
    serial_connected = True
    usb_connected = True
    safe_mode_reason = _SAFE_MODES.get(machine.reset_cause(), SafeModeReason.NONE)


runtime = _Runtime()
