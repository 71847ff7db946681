# SPDX-License-Identifier: MIT
# ruff: noqa: E402, PLC0415 - the order of these imports is the point
"""MicroPython's `time` on the bench: a 32-bit port's ticks, $CROWDCHARGE_SPEED times as fast.

Ticks wrap at 2**30 as they do on real boards. A sleep serves the radio, as interrupts do there.
asyncio has its own ticks: its task queue, in C, stamps ready tasks with the VM's real ticks, so
asyncio's must not wrap and must stay ahead of those.
"""

import os
import sys

_me = sys.modules["time"]
_path = sys.path[:]
sys.path[:] = []
del sys.modules["time"]
import time as _real

sys.path[:] = _path
sys.modules["time"] = _me

gmtime = _real.gmtime
localtime = _real.localtime
mktime = _real.mktime

_PERIOD = 1 << 30
_AHEAD_ms = 1 << 28
_speed_permille = int(os.getenv("CROWDCHARGE_SPEED_PERMILLE") or 1000)
_offset_ms = int(os.getenv("CROWDCHARGE_TICKS_START_MS") or 0)
_start_us = _real.ticks_us()
_asyncio_start_ms = _real.ticks_ms() + _AHEAD_ms
_real_us = _real.ticks_us


def _elapsed_us():
    return (_real.ticks_us() - _start_us) * _speed_permille // 1000


def ticks_ms():
    return (_elapsed_us() // 1000 + _offset_ms) % _PERIOD


def ticks_us():
    return (_elapsed_us() + _offset_ms * 1000) % _PERIOD


def ticks_cpu():
    return ticks_us()


def ticks_add(ticks, delta):
    return (ticks + delta) % _PERIOD


def ticks_diff(end, start):
    half = _PERIOD // 2
    return (end - start + half) % _PERIOD - half


def sleep_ms(ms):
    sleep_us(ms * 1000)


def sleep(seconds):
    sleep_us(int(seconds * 1_000_000))


def sleep_us(us):
    end_us = _elapsed_us() + us
    radio = sys.modules.get("bluetooth")
    while True:
        left_us = (end_us - _elapsed_us()) * 1000 // _speed_permille
        if left_us <= 0:
            return
        if radio and left_us >= 1000:
            radio.poll(left_us // 1000)
        else:
            _real.sleep_us(left_us)


def stand_still(ms):
    """Sleep with interrupts off, as while flash is written: the radio's host is not served."""
    _real.sleep_us(ms * 1_000_000 // _speed_permille)


def time():
    """Time of day by the board's clock, which the hub keeps, because a fault may make it jump."""
    return time_ns() // 1_000_000_000


def time_ns():
    import _hardware

    return int(_hardware.call("t"))


import asyncio.core  # imported here because it takes its names from this module


def _asyncio_ticks_ms():
    return _asyncio_start_ms + _elapsed_us() // 1000


def _scale(wait):
    def wait_io_event(queue, ms):
        """Wait `ms` of the board's time, rounded up so that it never spins."""
        wait(queue, ms if ms <= 0 else (ms * 1000 + _speed_permille - 1) // _speed_permille)

    return wait_io_event


asyncio.core.ticks = _asyncio_ticks_ms
asyncio.core.ticks_add = _real.ticks_add
asyncio.core.ticks_diff = _real.ticks_diff
if _speed_permille != 1000:
    asyncio.core.IOQueue.wait_io_event = _scale(asyncio.core.IOQueue.wait_io_event)
