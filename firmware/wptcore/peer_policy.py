# SPDX-License-Identifier: MIT
"""What a board gives to another by itself: published protocols with a bounded memory, in mJ.

Each is `share_mJ(own_mJ, other_mJ)`, what leaves the giver's battery; 0: nothing. They are those
of crowdcharge.policy, whose files name the papers. Both boards of a meeting do not compute here:
the giver decides, so online-average compares only the giver's view of the average with both.
"""

from wptcore.compat import const

_MET_MAX = const(1000)  # the average forgets slowly, so that its sum stays a small number
_QUANTUM_SHARE = const(12)  # small-transfer's quantum is a twelfth of the taker's capacity


class ObliviousShare:
    """Any two that meet share: half of the difference."""

    def share_mJ(self, own_mJ: int, other_mJ: int, _capacity_mJ: int) -> int:
        return max((own_mJ - other_mJ) // 2, 0)


class OnlineAverage(ObliviousShare):
    """As ObliviousShare, but only across the average of the levels that this board has met."""

    def __init__(self):
        self._met = 0
        self._average_mJ = 0

    def share_mJ(self, own_mJ: int, other_mJ: int, capacity_mJ: int) -> int:
        for level_mJ in (own_mJ, other_mJ) if not self._met else (other_mJ,):
            self._met = min(self._met + 1, _MET_MAX)
            self._average_mJ += (level_mJ - self._average_mJ) // self._met
        if not other_mJ < self._average_mJ <= own_mJ:
            return 0
        return super().share_mJ(own_mJ, other_mJ, capacity_mJ)


class SmallTransfer(ObliviousShare):
    """A small quantum, and never more than ObliviousShare would give."""

    def share_mJ(self, own_mJ: int, other_mJ: int, capacity_mJ: int) -> int:
        return min(super().share_mJ(own_mJ, other_mJ, capacity_mJ), capacity_mJ // _QUANTUM_SHARE)


POLICIES = {
    "oblivious-share": ObliviousShare,
    "online-average": OnlineAverage,
    "small-transfer": SmallTransfer,
}
