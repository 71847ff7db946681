# SPDX-License-Identifier: MIT
"""PURE: what the profiles of two boards forbid; a profile only tightens what is allowed.

A board with a profile exchanges only with boards whose profile speaks the same technology, and
with no more than the two are known for; it keeps the rules of each donor among its profiles: the
floor where that is the higher one, the power, the cable, and the temperatures of its battery.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from crowdcharge.profiles.exchange import exchange
from crowdcharge.profiles.profile import Profile, known
from wptcore.limits import TIGHTER

# A rule's name on a board (wptcore.limits), and its value there. A phone stops at a temperature,
# a board behind it.
_ON_BOARD: dict[str, tuple[str, Callable[[int], int]]] = {
    "donor_floor_pct": ("floor_pct", lambda share_pct: min(share_pct, 90)),
    "gives_mW": ("gives_mW", int),
    "battery_min_C": ("battery_min_dC", lambda heat_C: 10 * heat_C + 1),
    "battery_max_C": ("battery_max_dC", lambda heat_C: 10 * heat_C - 1),
    "battery_resume_C": ("battery_resume_dC", lambda heat_C: 10 * heat_C),
    "ping_timeout_s": ("ping_ms", lambda time_s: 1000 * time_s),
    "no_load_timeout_s": ("quiet_ms", lambda time_s: 1000 * time_s),
}


@dataclass(frozen=True, slots=True)
class BoardRules:
    """The profiles of one board; none: it exchanges with every board.

    `cell_C`: of its battery, where a simulation says so.
    """

    profiles: tuple[Profile, ...] = ()
    cell_C: float | None = None

    @property
    def floor_pct(self) -> float:
        return self._tightest("donor_floor_pct", max, 0)

    @property
    def gives_on_cable(self) -> bool:
        donors = [each for each in self.profiles if each.kind == "donor"]
        return bool(donors) and all(each.get("gives_on_cable") for each in donors)

    @property
    def is_off(self) -> bool:
        """Is its battery too cold or too hot to give?"""
        if self.cell_C is None:
            return False
        coldest_C = self._tightest("battery_min_C", max, -inf)
        return not coldest_C < self.cell_C < self._tightest("battery_max_C", min, inf)

    def most_mW(self, receiver: "BoardRules") -> float:
        """Return the most it gives; 0: nothing to this one, inf: no source says."""
        if self.is_off:
            return 0
        gives_mW = self._tightest("gives_mW", min, inf)
        if not (self.profiles and receiver.profiles):
            return gives_mW
        profiles = known()
        pairs = [exchange(a, b, profiles) for a in self.profiles for b in receiver.profiles]
        possible = [pair for pair in pairs if pair.possible]
        if not possible:
            return 0
        return min(max(pair.power_mW or 0 for pair in possible) or inf, gives_mW)

    def power_W(self, receiver: "BoardRules", link_W: float) -> float:
        """Return what flows over a link of `link_W`; one that takes no time stays so, or is 0."""
        most_W = self.most_mW(receiver) / 1000
        return link_W if link_W == inf and most_W else min(link_W, most_W)

    def on_board(self) -> dict[str, int]:
        """Return what the board itself keeps, as limits.Limits.tighten takes it."""
        found = {} if self.gives_on_cable or not self.profiles else {"cable_holds": 1}
        for key, (name, convert) in _ON_BOARD.items():
            values = [convert(value) for value in self._known(key)]
            if values:
                found[name] = TIGHTER[name](values)
        return found

    def _tightest(self, key: str, tighter: Callable[..., Any], usual: float) -> float:
        return float(tighter(self._known(key), default=usual))

    def _known(self, key: str) -> list[int]:
        values: Iterable[int | None] = (each.get(key) for each in self.profiles)
        return [value for value in values if value is not None]


def rules_of(
    names: Mapping[int, Sequence[str]], cell_C: float | None = None
) -> dict[int, BoardRules]:
    """Return the rules of each board by the names of its profiles; `cell_C`: of all batteries."""
    return {
        board_id: BoardRules(tuple(known()[name] for name in mine), cell_C)
        for board_id, mine in names.items()
        if mine
    }
