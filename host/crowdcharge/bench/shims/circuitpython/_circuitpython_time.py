# SPDX-License-Identifier: MIT
"""CircuitPython's `time` over the bench's clock."""

import time as _bench

localtime = _bench.localtime
time = _bench.time
sleep = _bench.sleep
_elapsed_us = _bench._elapsed_us


def monotonic_ns():
    return _elapsed_us() * 1000


def monotonic():
    return _elapsed_us() / 1_000_000
