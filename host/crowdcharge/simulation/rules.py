# SPDX-License-Identifier: MIT
"""PURE: what the profiles of a scenario's boards forbid; a profile only tightens what is allowed.

A board with a profile exchanges only with boards whose profile speaks the same technology, keeps
the floor of its donor rules where that is the higher one, and gives on a cable only where they say
so. Power stays that of the scenario's link.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crowdcharge.profiles.exchange import can_exchange
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

    def may_give_to(self, receiver: "BoardRules") -> bool:
        if not self.profiles or not receiver.profiles:
            return True
        return can_exchange(self.profiles, receiver.profiles)


def rules_of(names: Mapping[int, Sequence[str]]) -> dict[int, BoardRules]:
    """Return the rules of each board by the names of its profiles."""
    profiles = known()
    return {
        board_id: BoardRules(tuple(profiles[name] for name in mine))
        for board_id, mine in names.items()
        if mine
    }
