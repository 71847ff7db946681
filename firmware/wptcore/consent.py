# SPDX-License-Identifier: MIT
"""To whom the owner lets the board give, and how much in a day.

A day is 24 hours of running time since its first gift, because a board has no calendar.
"""

from wptcore import ept
from wptcore.compat import const

HOST = const(1)
CROWD = const(2)
AGREED = const(4)  # other crowds with which this one has an agreement
DEFAULT = HOST  # a new board gives to its owner's host, and to no other board

_DAY_ms = const(86_400_000)


class Consent:
    """`gives_to`: a mask of HOST, CROWD and AGREED; `day_max_mJ`: 0 for as much as asked.

    `given_mJ` and `given_age_s`: what was given within the day, and the day's age, as saved.
    """

    def __init__(self, gives_to: int, day_max_mJ: int, given_mJ: int, given_age_s: int):
        self.gives_to = gives_to
        self.day_max_mJ = day_max_mJ
        self.given_mJ = given_mJ
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

    def count(self, energy_mJ: int) -> None:
        self.given_mJ += energy_mJ

    def refusal(self, asker: int) -> int:
        """Why the board gives nothing to HOST, CROWD or AGREED now, or NONE."""
        if not self.gives_to & asker:
            return ept.NO_CONSENT
        return ept.QUOTA if self.spent else ept.NONE

    @property
    def spent(self) -> bool:
        return 0 < self.day_max_mJ <= self.given_mJ

    def bound_mJ(self, energy_mJ: int) -> int:
        """Return how much of `energy_mJ` the day's rest allows."""
        if not self.day_max_mJ:
            return energy_mJ
        return min(energy_mJ, max(self.day_max_mJ - self.given_mJ, 0))
