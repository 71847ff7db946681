# SPDX-License-Identifier: MIT
"""Decides when to store: after a change that matters, and once a minute while power flows.

It also counts short runs, because a board that keeps restarting must not charge.
"""

from wptcore import wire
from wptcore.compat import const
from wptcore.consent import UNBOUNDED_mJ

# What caused this boot; each port maps its chip's reset causes. What the journal says goes first.
ASKED = const(0)  # a command or a tool asked for it
POWER_ON = const(1)  # somebody plugged in, switched on or pressed reset
WATCHDOG = const(2)
BROWNOUT = const(3)
OTHER = const(4)  # a crash, and whatever the chip does not explain

_SAVE_EVERY_ms = const(60000)
_STABLE_ms = const(60000)  # a run that lasts this long ends a series of short ones
_SHORT_RUNS_MAX = const(3)


class Persistence:
    """`saved`: journal.Saved as found at boot, which this keeps up to date."""

    def __init__(self, saved, boot_cause: int):
        saved.epoch = (saved.epoch + 1) & 0xFFFF
        self.due = True  # because the epoch is new
        if _counts(saved, boot_cause):
            # A loop that is stored already goes on for days, and a page bears 10,000 erases.
            self.due = saved.short_boots <= _SHORT_RUNS_MAX
            saved.short_boots = min(saved.short_boots + 1, 255)
        saved.asked_reset = 0
        self.saved = saved
        self._age_ms = 0
        self._uptime_ms = 0

    @property
    def boots_loop(self) -> bool:
        """Has the board restarted too often? The first short boot may follow a long run."""
        return self.saved.short_boots > _SHORT_RUNS_MAX

    def expect_reset(self) -> None:
        """Mark the next boot as asked for, once this is stored."""
        self.saved.asked_reset = 1
        self.due = True

    def forgive_boots(self) -> None:
        """Begin the count anew, because a person has cleared the latch."""
        self.saved.short_boots = 0
        self.due = True

    def elapse(self, dt_ms: int, is_running: bool) -> None:
        self._uptime_ms += dt_ms
        self._age_ms += dt_ms
        if self.saved.short_boots and self._uptime_ms >= _STABLE_ms:
            self.saved.short_boots = 0
            self.due = True
        if is_running and self._age_ms >= _SAVE_EVERY_ms:
            self.due = True

    def fill(self, board):
        """Return the record to store now, from the parts of board.Board."""
        saved = self.saved
        saved.sent_mJ = board._meter.sent_mJ
        saved.received_mJ = board._meter.received_mJ
        saved.latches = board._diagnosis.codes(True)
        saved.floor_pct = board._floor.floor_pct
        saved.floor_cut = 1 if board._floor.cut else 0
        saved.off = 1 if board._attendance.off else 0
        saved.hot_ends = board._overloads.ends
        saved.hot_age_s = board._overloads.age_s
        saved.fod_exceedances = board._fod.exceedances
        saved.mark_permille = board._charge.mark_permille
        saved.unmoved_mJ = board._charge.unmoved_mJ
        saved.receipts = board._receipts.stored
        saved.owed = board._receipts.owed
        saved.hold = 1 if board.is_held else 0
        crowd, reserve_mJ = _reserve(board._running)
        saved.given_mJ = board.consent.given_mJ + reserve_mJ
        saved.given_age_s = board.consent.given_age_s
        if board.consent.quotas is not None:
            saved.given_to = board.consent.quotas.saved(crowd, reserve_mJ)
        elif not saved.given_mJ:
            saved.given_to = b""  # a new day
        saved.mandate = board.consent.signed
        saved.taken_mJ = min(board.consent.taken_mJ, UNBOUNDED_mJ)  # counts up for ever
        saved.note_open(board._running or board._ending)
        self._age_ms = 0
        self.due = False
        return saved


def _reserve(running) -> tuple:
    """Return the crowd that is given to, and the mJ that may flow until the next record.

    They count as given until then: a quota must hold where the power fails in each transfer.
    """
    if running is None or running.role != wire.PTX:
        return 0, 0
    left_mJ = max(running.energy_max_mJ - running.energy_mJ, 0)
    return running.crowd, min(left_mJ, running.power_max_mW * (_SAVE_EVERY_ms // 1000))


def _counts(saved, boot_cause: int) -> bool:
    """Is this a boot that nobody asked for?

    Some chips (ESP32, RP2040) report a brown-out as a power-on. So one that
    interrupted a transfer counts as a brown-out under load.
    """
    if saved.asked_reset or boot_cause == ASKED:
        return False
    return boot_cause != POWER_ON or saved.open_transfer_id != 0
