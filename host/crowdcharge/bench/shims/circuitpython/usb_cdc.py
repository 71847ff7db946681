# SPDX-License-Identifier: MIT
"""CircuitPython's `usb_cdc.console` over the VM's terminal: bytes, with a queue of a USB port.

As on a board a write without a `write_timeout` waits for as long as nobody reads, and a read
without a `timeout` until all bytes have come. `data` (a second port) is missing, and `connected`
is always true.
"""

import os
import select
import sys
import time

_QUEUE_MAX = 256
_POLL_us = 500


class Serial:
    def __init__(self):
        self.connected = True
        self.timeout = None
        self.write_timeout = None
        self._queue = bytearray()
        self._readable = select.poll()
        self._readable.register(sys.stdin, select.POLLIN)
        # A terminal that fills up between a poll and a write would hold a write to stdout.
        self._at_once = open(int(os.getenv("CROWDCHARGE_WRITES_AT_ONCE")), "wb")  # noqa: PTH123, SIM115

    @property
    def in_waiting(self):
        while len(self._queue) < _QUEUE_MAX and _ready(self._readable, select.POLLIN):
            byte = sys.stdin.buffer.read(1)
            if not byte:
                break
            self._queue += byte
        return len(self._queue)

    def read(self, size=-1):
        """Read `size` bytes, or until the timeout."""
        size = _QUEUE_MAX if size < 0 else size
        started_us = time.ticks_us()
        while self.in_waiting < size and not _over(self.timeout, started_us):
            time.sleep_us(_POLL_us)
        data = bytes(self._queue[:size])
        self._queue = self._queue[len(data) :]
        return data

    def write(self, buf):
        started_us = time.ticks_us()
        written = 0
        while written < len(buf):
            sent = self._at_once.write(buf[written : written + 1])  # None where there is no room
            if sent:
                written += sent
            elif _over(self.write_timeout, started_us):
                break
            else:
                time.sleep_us(_POLL_us)
        return written

    def flush(self):
        pass


def _ready(poll, wanted):
    for _, event in poll.ipoll(0):
        return bool(event & wanted)
    return False


def _over(timeout_s, started_us):
    if timeout_s is None:
        return False
    return time.ticks_diff(time.ticks_us(), started_us) >= timeout_s * 1_000_000


console = Serial()
