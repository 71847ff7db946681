# SPDX-License-Identifier: MIT
"""CircuitPython's `supervisor`: ticks that wrap at 2**29, and bytes waiting on the console."""

import select
import sys
import time

_PERIOD = 1 << 29
_ticks_ms = time.ticks_ms  # CircuitPython's `time` replaces ours later
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
        """Returns 0 or 1: a terminal does not tell how many bytes wait without reading them."""
        return 1 if _poll.poll(0) else 0


runtime = _Runtime()
