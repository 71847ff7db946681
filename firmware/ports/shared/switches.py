# SPDX-License-Identifier: MIT
"""Break before make: one pass of the loop may end one role and begin the other."""


def follow(hal, coil_on: bool, receiver_on: bool, dt_ms: int) -> int:
    """Both switches as permitted; what goes off does so first. Returns as `hal.drive_coil`."""
    if not receiver_on:
        hal.set_receiver(False)
    code = hal.drive_coil(coil_on, dt_ms)
    if receiver_on:
        hal.set_receiver(True)
    return code
