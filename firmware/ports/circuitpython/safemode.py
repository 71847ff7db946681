# SPDX-License-Identifier: MIT
"""Runs in CircuitPython's safe mode; restarts the board after a brown-out or the watchdog.

The restart reads as one by software, which nobody has noted as asked for: so it counts, and the
core latches BOOT_LOOP when such boots follow one another. Nothing is written, because a loop would
wear out the flash. Any other reason (a hard fault, a button held) waits for a person. No pin is
driven here: the pull-downs hold the switches off.
"""

import microcontroller
import supervisor

_FOR_NO_PERSON = (supervisor.SafeModeReason.BROWNOUT, supervisor.SafeModeReason.WATCHDOG)

if supervisor.runtime.safe_mode_reason in _FOR_NO_PERSON:
    microcontroller.reset()
