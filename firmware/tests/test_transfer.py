# SPDX-License-Identifier: MIT
"""The table of states, and the reasons for an end."""

from wptcore import transfer

STATES = range(5)
EVENTS = range(7)

# The table as the design states it: a row for each state, a column for each event.
#           GRANT           FLOW            END            TRIP            CLEAR
#           MAINT_ENTER     MAINT_LEAVE
IDLE, PING, POWER, FAULT, MAINT = STATES
EXPECTED = (
    (PING, IDLE, IDLE, FAULT, IDLE, MAINT, IDLE),
    (PING, POWER, IDLE, FAULT, PING, MAINT, PING),
    (POWER, POWER, IDLE, FAULT, POWER, MAINT, POWER),
    (FAULT, FAULT, FAULT, FAULT, IDLE, MAINT, FAULT),
    (MAINT, MAINT, MAINT, MAINT, MAINT, MAINT, IDLE),
)


def test_every_state_and_event():
    for state in STATES:
        for event in EVENTS:
            assert transfer.next_state(state, event) == EXPECTED[state][event], (state, event)


def test_names_cover_states():
    assert len(transfer.STATE_NAMES) == len(STATES)
