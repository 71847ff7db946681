# SPDX-License-Identifier: MIT
"""The states of a board, and the one table that moves between them."""

from wptcore.compat import const

IDLE = const(0)
PING = const(1)  # granted; waiting for power to flow
POWER = const(2)  # power flows
FAULT = const(3)  # latched until an authenticated Clear
MAINT = const(4)  # flashing or calibrating: the coil is impossible, whatever trips or clears

GRANT = const(0)
FLOW = const(1)  # power was seen
END = const(2)  # the transfer ended and nothing latches
TRIP = const(3)  # something latched
CLEAR = const(4)
MAINT_ENTER = const(5)
MAINT_LEAVE = const(6)

STATE_NAMES = ("IDLE", "PING", "POWER", "FAULT", "MAINT")

# A pair that is not in the table changes nothing.
TRANSITIONS = {
    (IDLE, GRANT): PING,
    (PING, FLOW): POWER,
    (PING, END): IDLE,
    (POWER, END): IDLE,
    (IDLE, TRIP): FAULT,
    (PING, TRIP): FAULT,
    (POWER, TRIP): FAULT,
    (FAULT, CLEAR): IDLE,
    (IDLE, MAINT_ENTER): MAINT,
    (PING, MAINT_ENTER): MAINT,
    (POWER, MAINT_ENTER): MAINT,
    (FAULT, MAINT_ENTER): MAINT,
    (MAINT, MAINT_LEAVE): IDLE,
}


def next_state(state: int, event: int) -> int:
    return TRANSITIONS.get((state, event), state)
