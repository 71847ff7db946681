# SPDX-License-Identifier: MIT
"""When a board whose cell is nearly flat sleeps, so that it does not drain what is left of it.

A board stops giving at 20 %, and goes on idling below that at tens of mA. Below FLOOR_permille it
advertises for AWAKE_ms, so that somebody can meet it, and is dark for ASLEEP_ms.
"""

from wptcore.compat import const

FLOOR_permille = const(20)  # above it, a board that needs energy can always be met
AWAKE_ms = const(20_000)
ASLEEP_ms = const(600_000)


class Rest:
    def __init__(self):
        self._idle_ms = 0

    def due_ms(self, board, busy: bool, dt_ms: int) -> int:
        """Return for how long `board` (board.Board) may sleep now; 0: it stays awake.

        It may when it has been low and of no use to anybody for AWAKE_ms, which then begin anew.
        `busy`: by what the core does not see, such as a console in use. A stranger's link keeps
        no board awake.
        """
        used = busy or board.is_attentive or board._cable or board._commands.host_present
        if used or board.soc_permille >= FLOOR_permille:  # an unknown charge is above it
            self._idle_ms = 0
            return 0
        self._idle_ms += dt_ms
        if self._idle_ms < AWAKE_ms:
            return 0
        self._idle_ms = 0
        return ASLEEP_ms
