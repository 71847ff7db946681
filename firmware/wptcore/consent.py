# SPDX-License-Identifier: MIT
"""To whom the owner lets the board give, how much and when, and what the owner wants.

A mandate that the owner has signed goes before what the console has stored. A day's quota is for
24 hours of running time since its first gift, because a board has no calendar. After a reboot it
does not know the time: then a mandate with hours gives nothing, and a wish with an end is over,
until the owner signs anew.
"""

from wptcore import ept, mandate
from wptcore.compat import const

HOST = const(1)
CROWD = const(2)
AGREED = const(4)  # other crowds with which this one has an agreement
FRIENDS = const(8)  # those members of the crowd that a mandate names
DEFAULT = HOST  # a new board gives to its owner's host, and to no other board

UNBOUNDED_mJ = const(0xFFFFFFFF)
_DAY_ms = const(86_400_000)
_MINUTE_ms = const(60_000)
_ASKED_ms = const(60_000)  # how long its lamp asks for a press
_YES_ms = const(300_000)  # how long a press lets transfers begin


class Consent:
    """`gives_to`: a mask of HOST and its like; `day_max_mJ`: 0 for as much as asked.

    `given_mJ` and `given_age_s`: what was given within the day, and the day's age, as saved.
    `mandate`: mandate.Mandate or None, with its bytes in `signed`; `taken_mJ`: what was received
    since it came.
    """

    def __init__(self, gives_to: int, day_max_mJ: int, given_mJ: int = 0, given_age_s: int = 0):
        self.gives_to = gives_to
        self.day_max_mJ = day_max_mJ
        self.given_mJ = given_mJ
        self._age_ms = given_age_s * 1000
        self.mandate = None
        self.signed = b""
        self.taken_mJ = 0
        self._since_ms = -1  # since the mandate arrived; -1: not known, because of a reboot
        self._asked_ms = 0  # the owner is asked for a press for so long
        self._yes_ms = 0  # a press counts for so long

    def obey(self, found, signed: bytes, taken_mJ: int = 0, now: bool = True) -> None:
        """Let a mandate stand; `now` False: it came before a reboot."""
        self.mandate = found
        self.signed = signed
        self.gives_to = found.gives_to
        self.day_max_mJ = found.day_max_mJ
        self.taken_mJ = taken_mJ
        self._since_ms = 0 if now else -1

    @property
    def given_age_s(self) -> int:
        return self._age_ms // 1000

    def elapse(self, dt_ms: int) -> None:
        self._asked_ms = max(self._asked_ms - dt_ms, 0)
        self._yes_ms = max(self._yes_ms - dt_ms, 0)
        if self._since_ms >= 0:
            self._since_ms += dt_ms
        if self.given_mJ:
            self._age_ms += dt_ms
            if self._age_ms >= _DAY_ms:
                self.given_mJ = 0
                self._age_ms = 0

    # -- giving --

    def refusal(self, askers: int) -> int:
        """Why the board gives nothing now, or NONE; `askers`: what the asker is, as a mask."""
        if not self.gives_to & askers:
            return ept.NO_CONSENT
        return self.ends

    @property
    def ends(self) -> int:
        """Why it gives no more, whoever takes it, or NONE."""
        if self.mandate is not None and not self.mandate.allows_at(self._minute):
            return ept.OTHER_HOURS
        return ept.QUOTA if 0 < self.day_max_mJ <= self.given_mJ else ept.NONE

    def asks(self) -> int:
        """OWNER_ASKED, and its lamp asks, where the owner wants to press the button first."""
        if not self._flag(mandate.ASK_FIRST) or self._yes_ms:
            return ept.NONE
        self._asked_ms = _ASKED_ms
        return ept.OWNER_ASKED

    def on_press(self) -> None:
        """Take a short press of the button: yes, if it was asked."""
        if self._asked_ms:
            self._asked_ms = 0
            self._yes_ms = _YES_ms

    @property
    def is_asking(self) -> bool:
        return self._asked_ms > 0

    @property
    def floor_pct(self) -> int:
        """The owner's own floor, which only adds to the board's."""
        return 0 if self.mandate is None else self.mandate.floor_pct

    def bound_mJ(self, energy_mJ: int) -> int:
        """Return how much of `energy_mJ` the day's rest allows."""
        if not self.day_max_mJ:
            return energy_mJ
        return min(energy_mJ, max(self.day_max_mJ - self.given_mJ, 0))

    # -- taking --

    def wants_mJ(self, stored_mJ: int, capacity_mJ: int) -> int:
        """Return what the owner wants now; without a mandate, until the battery is full."""
        found = self.mandate
        if found is None:
            return capacity_mJ - stored_mJ
        if found.wants_min and not 0 <= self._since_ms < found.wants_min * _MINUTE_ms:
            return 0
        lacking_mJ = max(capacity_mJ // 1000 * found.wants_permille - stored_mJ, 0)
        if not found.wants_mJ:
            return lacking_mJ
        return min(lacking_mJ, max(found.wants_mJ - self.taken_mJ, 0))

    # -- showing --

    @property
    def is_hidden(self) -> bool:
        return self._flag(mandate.HIDDEN)

    def fields(self, stored_mJ: int, capacity_mJ: int) -> tuple:
        """Return the fields of wire.INFO_CONSENT: what a host may know."""
        gives_mJ = 0 if self.refusal(HOST) else self.bound_mJ(UNBOUNDED_mJ)
        if self.mandate is None:
            return self.gives_to, 0, gives_mJ, UNBOUNDED_mJ, 0
        wants_mJ = self.wants_mJ(stored_mJ, capacity_mJ)
        return self.gives_to, self.mandate.flags, gives_mJ, wants_mJ, self.mandate.number

    def _flag(self, flag: int) -> bool:
        return self.mandate is not None and bool(self.mandate.flags & flag)

    @property
    def _minute(self) -> int:
        """The minute of the day at the owner's, or -1."""
        if self._since_ms < 0:
            return -1
        return (self.mandate.now_min + self._since_ms // _MINUTE_ms) % mandate.DAY_min
