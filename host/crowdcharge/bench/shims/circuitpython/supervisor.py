# SPDX-License-Identifier: MIT
"""CircuitPython's `supervisor`: ticks that wrap at 2**29, bytes that wait on the console."""

import select
import sys
import time

_PERIOD = 1 << 29
_ticks_ms = time.ticks_ms  # this folder's `time` is replaced by CircuitPython's later
_poll = select.poll()
_poll.register(sys.stdin, select.POLLIN)


def ticks_ms():
    return _ticks_ms() % _PERIOD


class SafeModeReason:
    NONE = "supervisor.SafeModeReason.NONE"
    BROWNOUT = "supervisor.SafeModeReason.BROWNOUT"
    WATCHDOG = "supervisor.SafeModeReason.WATCHDOG"


class _Runtime:
    autoreload = True
    serial_connected = True
    usb_connected = True
    safe_mode_reason = SafeModeReason.NONE

    @property
    def serial_bytes_available(self):
        """0 or 1: more than one cannot be known of a terminal without reading."""
        return 1 if _poll.poll(0) else 0


runtime = _Runtime()
