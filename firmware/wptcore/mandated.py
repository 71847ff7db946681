# SPDX-License-Identifier: MIT
"""Consent by what the owner has signed; only boards that share a key with an owner load it.

A mandate goes before what the console has stored. After a reboot a board does not know the time:
then a mandate with hours gives nothing, and a wish with an end is over, until the owner signs
anew.
"""

from wptcore import ept, mandate, wire
from wptcore.compat import const
from wptcore.consent import Consent

_MINUTE_ms = const(60_000)
_ASKED_ms = const(60_000)  # how long its lamp asks for a press
_YES_ms = const(300_000)  # how long a press lets transfers begin


class Mandated(Consent):
    """`own`: the Consent that the console has stored; `saved`: journal.Saved as found at boot."""

    def __init__(self, own, saved, sha256, key: bytes, board_id: int):
        super().__init__(own.gives_to, own.day_max_mJ, own.given_mJ, own.given_age_s, own.quotas)
        self._sha256 = sha256
        self._key = key
        self._board_id = board_id
        self._since_ms = -1  # since the mandate arrived; -1: not known, because of a reboot
        self._asked_ms = 0  # the owner is asked for a press for so long
        self._yes_ms = 0  # a press counts for so long
        found = mandate.verified(sha256, key, board_id, saved.mandate)
        if found is not None:
            self._obey(found, saved.mandate, saved.taken_mJ)

    def take(self, signed: bytes) -> int:
        """Let a new mandate stand; return NONE, or why not. The same one again changes nothing."""
        found = mandate.verified(self._sha256, self._key, self._board_id, signed)
        if found is None:
            return ept.BAD_TAG
        if signed != self.signed:
            if self.mandate is not None and found.number <= self.mandate.number:
                return ept.OLD_MANDATE
            self._obey(found, signed, 0)
            self._since_ms = 0
        return ept.NONE

    @property
    def taken(self) -> tuple:
        """The reply wire.MANDATE_TAKEN, with the proof for the owner."""
        number = self.mandate.number
        proof = mandate.taken_tag(self._sha256, self._key, self._board_id, number)
        return wire.MANDATE_TAKEN, number, proof

    def _obey(self, found, signed: bytes, taken_mJ: int) -> None:
        self.mandate = found
        self.signed = signed
        self.gives_to = found.gives_to
        self.day_max_mJ = found.day_max_mJ
        self.floor_pct = found.floor_pct
        self.is_hidden = bool(found.flags & mandate.HIDDEN)
        self.taken_mJ = taken_mJ

    def elapse(self, dt_ms: int) -> None:
        super().elapse(dt_ms)
        self._asked_ms = max(self._asked_ms - dt_ms, 0)
        self._yes_ms = max(self._yes_ms - dt_ms, 0)
        self.is_asking = self._asked_ms > 0
        if self._since_ms >= 0:
            self._since_ms += dt_ms

    @property
    def ends(self) -> int:
        if self.mandate is not None and not self.mandate.allows_at(self._minute):
            return ept.OTHER_HOURS
        return ept.QUOTA if 0 < self.day_max_mJ <= self.given_mJ else ept.NONE

    def asks(self) -> int:
        """OWNER_ASKED, and its lamp asks, where the owner wants to press the button first."""
        if self.mandate is None or not self.mandate.flags & mandate.ASK_FIRST or self._yes_ms:
            return ept.NONE
        self._asked_ms = _ASKED_ms
        self.is_asking = True
        return ept.OWNER_ASKED

    def on_press(self) -> bool:
        """Take a short press of the button: yes, if it was asked."""
        if not self._asked_ms:
            return False
        self._asked_ms = 0
        self.is_asking = False
        self._yes_ms = _YES_ms
        return True

    def is_friend(self, board_id: int) -> bool:
        return self.mandate is not None and board_id in self.mandate.friends

    def wants_mJ(self, stored_mJ: int, capacity_mJ: int) -> int:
        """Return what the owner wants now."""
        found = self.mandate
        if found is None:
            return super().wants_mJ(stored_mJ, capacity_mJ)
        if found.wants_min and not 0 <= self._since_ms < found.wants_min * _MINUTE_ms:
            return 0
        lacking_mJ = max(capacity_mJ // 1000 * found.wants_permille - stored_mJ, 0)
        if not found.wants_mJ:
            return lacking_mJ
        return min(lacking_mJ, max(found.wants_mJ - self.taken_mJ, 0))

    def fields(self, stored_mJ: int, capacity_mJ: int) -> tuple:
        found = self.mandate
        if found is None:
            return super().fields(stored_mJ, capacity_mJ)
        wants_mJ = self.wants_mJ(stored_mJ, capacity_mJ)
        return self.gives_to, found.flags, self._gives_mJ, wants_mJ, found.number

    @property
    def _minute(self) -> int:
        """The minute of the day at the owner's, or -1."""
        if self._since_ms < 0:
            return -1
        return (self.mandate.now_min + self._since_ms // _MINUTE_ms) % mandate.DAY_min
