# SPDX-License-Identifier: MIT
"""PURE: what the profiles of two boards forbid; a profile only tightens what is allowed.

A board with a profile exchanges only with boards whose profile speaks the same technology, and
with no more than the two are known for; it keeps the floor of its donor rules where that is the
higher one, and gives on a cable only where they say so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from crowdcharge.profiles.exchange import exchange
from crowdcharge.profiles.profile import Profile, known


@dataclass(frozen=True, slots=True)
class BoardRules:
    """The profiles of one board; none: it exchanges with every board."""

    profiles: tuple[Profile, ...] = ()

    @property
    def floor_pct(self) -> float:
        return max((each.get("donor_floor_pct") or 0 for each in self.profiles), default=0)

    @property
    def gives_on_cable(self) -> bool:
        return any(each.get("gives_on_cable") for each in self.profiles)

    def most_mW(self, receiver: "BoardRules") -> float:
        """Return the most it gives; 0: they have nothing in common, inf: no source says."""
        powers_mW = [each.get("gives_mW") for each in self.profiles]
        if self.profiles and receiver.profiles:
            pairs = [
                exchange(donor, taker, known())
                for donor in self.profiles
                for taker in receiver.profiles
            ]
            powers_mW = [pair.power_mW for pair in pairs if pair.possible]
            if not powers_mW:
                return 0
        return max((power_mW for power_mW in powers_mW if power_mW), default=inf)

    def power_W(self, receiver: "BoardRules", link_W: float) -> float:
        """Return what flows over a link of `link_W`; one that takes no time stays so, or is 0."""
        most_W = self.most_mW(receiver) / 1000
        return link_W if link_W == inf and most_W else min(link_W, most_W)


def rules_of(names: Mapping[int, Sequence[str]]) -> dict[int, BoardRules]:
    """Return the rules of each board by the names of its profiles."""
    profiles = known()
    return {
        board_id: BoardRules(tuple(profiles[name] for name in mine))
        for board_id, mine in names.items()
        if mine
    }
