# SPDX-License-Identifier: MIT
"""Opens one switch before it closes the other: one pass may end a role and begin the other."""


def follow(hal, coil_on: bool, receiver_on: bool, dt_ms: int) -> int:
    """Set both switches, opening before closing. Returns what `hal.drive_coil` returns."""
    if not receiver_on:
        hal.set_receiver(False)
    code = hal.drive_coil(coil_on, dt_ms)
    if receiver_on:
        hal.set_receiver(True)
    return code
