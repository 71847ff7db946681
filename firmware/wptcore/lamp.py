# SPDX-License-Identifier: MIT
"""What a board's LED shows: one pattern for each thing that a person should know."""

from wptcore import ept, transfer, wire

# Milliseconds on and off in turn. A pass of an idle board takes 200 ms, so nothing is shorter.
PATTERNS = {
    "off": (0, 2000),  # its owner has switched it off
    "fault": (200, 200),
    "asking": (200, 200, 200, 1400),  # press the button to let it give
    "looking": (200, 200, 200, 200, 200, 1000),  # for a stranger whose button is pressed, too
    "giving": (1000, 1000),
    "taking": (1800, 200),
    "ready": (200, 3800),
}


def shown(board) -> str:
    """Return the name of the pattern; what comes first in the table goes first."""
    running = board._running
    if board.is_off:
        return "off"
    if board._diagnosis.latch != ept.NONE or board.state == transfer.FAULT:
        return "fault"
    if running is None:
        if board.consent.is_asking:
            return "asking"
        looks = board.press is not None and board.press.left_ms > 0
        return "looking" if looks else "ready"
    return "giving" if running.role == wire.PTX else "taking"


def is_lit(board) -> bool:
    """Tell whether the LED is lit at the board's time."""
    times_ms = PATTERNS[shown(board)]
    at_ms = board.now_ms % sum(times_ms)
    for i in range(len(times_ms)):
        at_ms -= times_ms[i]
        if at_ms < 0:
            return i % 2 == 0
    return False
