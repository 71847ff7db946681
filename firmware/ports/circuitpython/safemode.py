# SPDX-License-Identifier: MIT
"""Runs in CircuitPython's safe mode; restarts the board after a brown-out or the watchdog.

The restart would read as one by software, so its true cause is noted for the core, which latches
BOOT_LOOP when such boots follow one another. Any other reason (a hard fault, a button held) waits
for a person. No pin is driven here: the pull-downs hold the switches off.
"""

import microcontroller
import supervisor

from wptcore import persistence

_CAUSES = {
    supervisor.SafeModeReason.BROWNOUT: persistence.BROWNOUT,
    supervisor.SafeModeReason.WATCHDOG: persistence.WATCHDOG,
}


def restart(cause: int) -> None:
    import memory

    asked = memory.take_reset_note() == persistence.ASKED  # Ctrl-C: the reset was expected
    memory.note_reset(persistence.ASKED if asked else cause)
    microcontroller.reset()


if supervisor.runtime.safe_mode_reason in _CAUSES:
    restart(_CAUSES[supervisor.runtime.safe_mode_reason])
