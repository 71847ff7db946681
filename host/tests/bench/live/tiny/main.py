# SPDX-License-Identifier: MIT
"""The smallest board: says why it started, then runs until somebody interrupts it."""

import sys
import time

import machine

sys.stdout.write(f"started {machine.reset_cause()}\n")
while True:
    time.sleep_ms(10)
