# SPDX-License-Identifier: MIT
"""What the profiles of a run's boards forbid; a profile only tightens what boards and run allow.

The cable rule of a profile is left to the board: it alone knows of its cable.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import ceil

from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.profiles import exchange, known
from crowdcharge.simulation.rules import BoardRules, rules_of

ProfileNames = Mapping[int, tuple[str, ...]]  # by board
_NONE = BoardRules()


class ProfileRules:
    def __init__(self, names: ProfileNames) -> None:
        self._rules = rules_of(names)

    def may_give(self, ptx: int, prx: int) -> bool:
        """Tell whether the two speak a common technology; a board without profiles does."""
        return self._of(ptx).may_give_to(self._of(prx))

    def tightened(self, terms: TransferTerms, ptx: int, prx: int) -> TransferTerms:
        """Return terms with the donor's floor, if that is higher, and the bound on the power."""
        floor_pct = max(terms.floor_pct, ceil(self._of(ptx).floor_pct))
        return replace(terms, floor_pct=floor_pct, power_bound_mW=self._power_mW(ptx, prx))

    def _power_mW(self, ptx: int, prx: int) -> int:
        """Return the most that a pair of their profiles exchanges; 0: no source says."""
        donors, receivers = self._of(ptx).profiles, self._of(prx).profiles
        if not receivers:
            return max((each.get("gives_mW") or 0 for each in donors), default=0)
        pairs = (exchange(donor, each, known()) for donor in donors for each in receivers)
        return max((pair.power_mW or 0 for pair in pairs if pair.possible), default=0)

    def _of(self, board_id: int) -> BoardRules:
        return self._rules.get(board_id, _NONE)
