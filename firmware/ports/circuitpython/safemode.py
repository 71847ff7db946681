# SPDX-License-Identifier: MIT
"""Runs in CircuitPython's safe mode; restarts the board after a brown-out or the watchdog.

Three such boots in a row end in BOOT_LOOP, which the core latches. Any other reason (a hard fault,
a button held) waits for a person.
"""

import microcontroller
import supervisor

if supervisor.runtime.safe_mode_reason in (
    supervisor.SafeModeReason.BROWNOUT,
    supervisor.SafeModeReason.WATCHDOG,
):
    microcontroller.reset()
