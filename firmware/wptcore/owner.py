# SPDX-License-Identifier: MIT
"""What hosts and people may change on a board: latches, floor, attendance, mandate, off.

A host with the key may clear what its host alone can know to be settled. The rest needs somebody
at the board: errors.toml says which (`clear_by`).
"""

from wptcore import ept, transfer, wire
from wptcore.consent import HOST, Consent
from wptcore.declared import BY_HOST, BY_REPAIR
from wptcore.floor import FLOOR_MAX_pct
from wptcore.readout import Readout


class Owned(Readout):
    """Comes between readout.Readout and board.Board, which makes its parts."""

    # -- authenticated commands: each returns NONE or a refusal --

    def clear(self, code: int) -> int:
        """Clear only the fault that the host names, so that a newer one is not cleared unseen.

        The key is not enough where a person is needed: the button must have been pressed.
        """
        if not self._diagnosis.stands_latched(code):
            return ept.NONE if self._diagnosis.latch == ept.NONE else ept.LATCHED
        by_host = self._diagnosis.clear_by(code) == BY_HOST
        if not by_host and not self._attendance.person_present:
            return ept.NEEDS_PERSON
        return self._clear(code)

    def configure(self, item: int, value: int) -> int:
        """Raise the floor, which only the console lowers; hold transfers between boards."""
        if item == wire.CONFIGURE_HOLD and value <= 1:
            return ept.NO_FEATURE if self._peers is None else self._peers.hold(self, value == 1)
        if item != wire.CONFIGURE_FLOOR_pct or value < self._floor.floor_pct:
            return ept.OUT_OF_RANGE
        return self.set_floor(value)

    def collected(self, transfer_id: int) -> int:
        """Note that the receipt of a transfer is in a ledger."""
        self._receipts.release(transfer_id)
        self._store.due = True
        return ept.NONE

    def take_mandate(self, signed: bytes):
        """Take what the owner has signed, whoever brings it; return a reply or a refusal.

        A new one ends a transfer to another board, which may ask again.
        """
        if not self._owner_key:
            return ept.NO_OWNER
        before = self.consent.signed
        code = self.consent.take(signed)
        if code != ept.NONE:
            return code
        if self.consent.signed != before:
            self._store.due = True
            running = self._running
            if running is not None and running.by_peer and running.role == wire.PTX:
                self._end(ept.NO_CONSENT)
            self._supervise()
        return self.consent.taken

    @property
    def stored_mJ(self) -> int:
        """Return the charge as energy; 0 while it is unknown."""
        if self.soc_permille > 1000:
            return 0
        return self._limits.capacity_mJ // 1000 * self.soc_permille

    @property
    def consent_fields(self) -> tuple:
        """The fields of wire.INFO_CONSENT."""
        return self.consent.fields(self.stored_mJ, self._limits.capacity_mJ)

    def _make_consent(self, consent: tuple, saved, sha256, owner_key: bytes):
        """Return what the console has stored, or what the owner signed before the boot."""
        self._owner_key = owner_key
        gives_to, day_max_mJ, quotas = consent
        given = (saved.given_mJ, saved.given_age_s)
        made = Consent(gives_to, day_max_mJ, *given, quotas)
        if not owner_key:
            return made
        from wptcore.mandated import Mandated

        return Mandated(made, saved, sha256, owner_key, self.board_id)

    @property
    def press(self):
        """The press.Press of a board whose owner lets it meet strangers, or None."""
        return None if self._peers is None else self._peers.press

    def _own_floor_pct(self, running) -> int:
        return max(running.floor_pct, self.consent.floor_pct)

    def _consent_ends(self, running) -> int:
        """Why the owner lets the board give no more, or NONE. The desk asks for its boards."""
        if running.by_peer:
            return self.consent.ends_for(running.crowd)
        return self.consent.refusal(HOST)

    def _consent_asks(self, running) -> int:
        """Why it has to wait for its owner, or NONE; for a stranger the button was pressed."""
        return ept.NONE if running.by_press else self.consent.asks()

    # -- a transmitter of AirFuel's profile, which anyone can be --

    def end_receiving(self) -> None:
        """End a transfer into this board, and no other."""
        if self._running is not None and self._running.role == wire.PRX:
            self._end(ept.PEER_ENDED)

    # -- the console and the button, which only somebody at the board can reach --

    def clear_at_board(self, code: int) -> int:
        """Clear a fault that a person may clear; a lost lease is its host's to clear."""
        if self._diagnosis.clear_by(code) == BY_HOST:
            return ept.LATCHED
        return self._clear(code)

    @property
    def attended_left_s(self) -> int:
        return self._attendance.left_s

    @property
    def is_off(self) -> bool:
        """Has the owner switched the board off?"""
        return self._attendance.off

    def attend(self) -> int:
        """Open the attended window; return the seconds that it stays open."""
        self._attendance.open_window()
        return self._attendance.left_s

    def set_floor(self, floor_pct: int) -> int:
        if not self._limits.floor_pct <= floor_pct <= FLOOR_MAX_pct:
            return ept.OUT_OF_RANGE
        self._floor.floor_pct = floor_pct
        self._store.due = True
        self._supervise()
        return ept.NONE

    def on_maintenance(self, entered: bool) -> None:
        if entered and self._running is not None:
            self._end(ept.MAINTENANCE)
        if entered:
            self._store.expect_reset()  # every tool that works on a board resets it
        event = transfer.MAINT_ENTER if entered else transfer.MAINT_LEAVE
        self.state = transfer.next_state(self.state, event)
        self._supervise()

    def on_button(self, held_ms: int) -> None:
        """Take a press of the board's button, once it is released."""
        if self._attendance.press(held_ms):
            self._store.due = True
        elif not self._attendance.off and not self.consent.on_press() and self.press is not None:
            self._peers.on_press(self)
        self._supervise()

    def on_reset_asked(self) -> None:
        """Mark the coming reset as asked for; the port stores the record before it resets."""
        self._store.expect_reset()

    def _clear(self, code: int) -> int:
        if self._diagnosis.clear_by(code) == BY_REPAIR and self._checks.leaks:
            return code
        self._diagnosis.clear(code)
        if code == ept.BOOT_LOOP:
            self._store.forgive_boots()
        if code == ept.FOREIGN_OBJECT:
            self._fod.exceedances = 0
        if self._diagnosis.latch == ept.NONE:
            self.state = transfer.next_state(self.state, transfer.CLEAR)
        self._supervise()
        return ept.NONE
