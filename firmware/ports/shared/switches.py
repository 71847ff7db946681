# SPDX-License-Identifier: MIT
"""Opens one switch before it closes the other: one pass may end a role and begin the other."""

from wptcore.ept import NONE


def follow(hal, coil_on: bool, pulses_on: bool, receiver_on: bool, dt_ms: int) -> int:
    """Set both switches, opening before closing. Returns what `hal.drive_coil` returns.

    A Qi chip is not asked while it has no supply, because the second break is still open.
    """
    if not receiver_on:
        hal.set_receiver(False)
    code = NONE
    if coil_on and not pulses_on:
        hal.close_first_break()
    else:
        code = hal.drive_coil(coil_on, dt_ms)
    if receiver_on:
        hal.set_receiver(True)
    return code
