# SPDX-License-Identifier: MIT
"""Runs when CircuitPython has entered safe mode. After a brown-out or the watchdog: try again.

Three such boots in a row end in BOOT_LOOP, which the core latches; any other reason (a hard fault,
a button held) is left for a person.
"""

import microcontroller
import supervisor

if supervisor.runtime.safe_mode_reason in (
    supervisor.SafeModeReason.BROWNOUT,
    supervisor.SafeModeReason.WATCHDOG,
):
    microcontroller.reset()
