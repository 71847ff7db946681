# SPDX-License-Identifier: MIT
"""Decides when to store: after a change that matters, and once a minute while power flows.

It also counts short runs, because a board that keeps restarting must not charge.
"""

from wptcore.compat import const

_SAVE_EVERY_ms = const(60000)
_STABLE_ms = const(60000)  # a run that lasts this long ends a series of short ones
_SHORT_RUNS_MAX = const(3)


class Persistence:
    """`saved`: journal.Saved as found at boot, which this keeps up to date.

    `short_boot`: the watchdog or a loss of power caused this boot.
    """

    def __init__(self, saved, short_boot: bool):
        saved.epoch = (saved.epoch + 1) & 0xFFFF
        saved.short_boots = min(saved.short_boots + 1, 255) if short_boot else 0
        self.saved = saved
        self.due = True  # because the epoch is new
        self._age_ms = 0
        self._uptime_ms = 0

    @property
    def boots_loop(self) -> bool:
        """Has the board restarted too often? The first short boot may follow a long run."""
        return self.saved.short_boots > _SHORT_RUNS_MAX

    def elapse(self, dt_ms: int, is_running: bool) -> None:
        self._uptime_ms += dt_ms
        self._age_ms += dt_ms
        if self.saved.short_boots and self._uptime_ms >= _STABLE_ms:
            self.saved.short_boots = 0
            self.due = True
        if is_running and self._age_ms >= _SAVE_EVERY_ms:
            self.due = True

    def fill(self, meter, diagnosis, floor, receipts, running):
        """Returns the record to store now; `running` may be None."""
        self.due = False
        self._age_ms = 0
        saved = self.saved
        saved.sent_mJ = meter.sent_mJ
        saved.received_mJ = meter.received_mJ
        saved.latches = diagnosis.codes(True)
        saved.floor_pct = floor.floor_pct
        saved.floor_cut = 1 if floor.cut else 0
        saved.receipts = receipts.stored
        saved.note_open(running)
        return saved
