# SPDX-License-Identifier: MIT
"""CircuitPython's `time` over the bench's clock."""

import time as _bench

localtime = _bench.localtime
time = _bench.time
_elapsed_us = _bench._elapsed_us


def sleep(seconds):
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    _bench.sleep(seconds)


def monotonic_ns():
    return _elapsed_us() * 1000


def monotonic():
    return _elapsed_us() / 1_000_000
