# SPDX-License-Identifier: MIT
"""To whom the owner lets the board give, and how much in a day.

A day is 24 hours of running time since its first gift, because a board has no calendar. A board
that shares a key with its owner has a mandated.Mandated in place of this; others save its memory.
"""

from wptcore import ept
from wptcore.compat import const

HOST = const(1)
CROWD = const(2)
AGREED = const(4)  # other crowds with which this one has an agreement
FRIENDS = const(8)  # those members of the crowd that a mandate names
STRANGERS = const(16)  # one transfer, after a press of both buttons
DEFAULT = HOST  # a new board gives to its owner's host, and to no other board

UNBOUNDED_mJ = const(0xFFFFFFFF)
_DAY_ms = const(86_400_000)


class Consent:
    """`gives_to`: a mask of HOST and its like; `day_max_mJ`: 0 for as much as asked.

    `given_mJ` and `given_age_s`: what was given within the day, and the day's age, as saved.
    `quotas`: quotas.Quotas of agreements, or None.
    """

    mandate: object = None  # mandate.Mandate that stands
    signed = b""  # its bytes
    floor_pct = 0  # the owner's own floor, which only adds to the board's
    is_asking = False  # is the owner asked for a press of the button now?
    is_hidden = False  # must adverts tell strangers nothing?

    def __init__(
        self,
        gives_to: int,
        day_max_mJ: int,
        given_mJ: int = 0,
        given_age_s: int = 0,
        quotas=None,
    ):
        self.gives_to = gives_to
        self.day_max_mJ = day_max_mJ
        self.quotas = quotas
        self.given_mJ = given_mJ
        self.taken_mJ = 0  # received since a mandate came
        self._age_ms = given_age_s * 1000

    @property
    def given_age_s(self) -> int:
        return self._age_ms // 1000

    def elapse(self, dt_ms: int) -> None:
        if self.given_mJ:
            self._age_ms += dt_ms
            if self._age_ms >= _DAY_ms:
                self.given_mJ = 0
                self._age_ms = 0
                if self.quotas is not None:
                    self.quotas.clear()

    def give(self, energy_mJ: int, crowd: int) -> None:
        """Count what was given; `crowd`: of the board that asked, 0 for a host and a stranger."""
        self.given_mJ += energy_mJ
        if self.quotas is not None:
            self.quotas.count(crowd, energy_mJ)

    def refusal(self, askers: int, crowd: int = 0) -> int:
        """Why the board gives nothing now, or NONE; `askers`: what the asker is, as a mask."""
        if not self.gives_to & askers:
            return ept.NO_CONSENT
        return self.ends_for(crowd)

    def ends_for(self, crowd: int) -> int:
        """Why it gives no more to a board of this crowd, or NONE."""
        spent = self.quotas is not None and not self.quotas.left_mJ(crowd)
        return ept.QUOTA if spent else self.ends

    @property
    def ends(self) -> int:
        """Why it gives no more, whoever takes it, or NONE."""
        return ept.QUOTA if 0 < self.day_max_mJ <= self.given_mJ else ept.NONE

    def asks(self) -> int:
        """Why a transfer has to wait for its owner, or NONE."""
        return ept.NONE

    def on_press(self) -> bool:
        """Take a short press of the button; True when it answered what was asked."""
        return False

    def is_friend(self, _board_id: int) -> bool:
        return False

    def bound_mJ(self, energy_mJ: int, crowd: int = 0) -> int:
        """Return how much of `energy_mJ` the day's rest allows."""
        if self.quotas is not None:
            energy_mJ = min(energy_mJ, self.quotas.left_mJ(crowd))
        if not self.day_max_mJ:
            return energy_mJ
        return min(energy_mJ, max(self.day_max_mJ - self.given_mJ, 0))

    def wants_mJ(self, stored_mJ: int, capacity_mJ: int) -> int:
        """Return what the owner wants now: that the battery is full."""
        return capacity_mJ - stored_mJ

    def fields(self, _stored_mJ: int, _capacity_mJ: int) -> tuple:
        """Return the fields of wire.INFO_CONSENT: what a host may know."""
        return self.gives_to, 0, self._gives_mJ, UNBOUNDED_mJ, 0

    @property
    def _gives_mJ(self) -> int:
        return 0 if self.refusal(HOST) else self.bound_mJ(UNBOUNDED_mJ)
