# SPDX-License-Identifier: MIT
"""What the profiles of a run's boards forbid; a profile only tightens what boards and run allow.

The cable rule of a profile is left to the board: it alone knows of its cable.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import ceil, inf

from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.profiles.rules import BoardRules, rules_of

ProfileNames = Mapping[int, tuple[str, ...]]  # by board
_NONE = BoardRules()


class ProfileRules:
    def __init__(self, names: ProfileNames) -> None:
        self._rules = rules_of(names)

    def may_give(self, ptx: int, prx: int) -> bool:
        """Tell whether the two speak a common technology; a board without profiles does."""
        return self._most_mW(ptx, prx) > 0

    def tightened(self, terms: TransferTerms, ptx: int, prx: int) -> TransferTerms:
        """Return terms with the donor's floor, if that is higher, and the bound on the power."""
        floor_pct = max(terms.floor_pct, ceil(self._of(ptx).floor_pct))
        most_mW = self._most_mW(ptx, prx)
        bound_mW = 0 if most_mW == inf else int(most_mW)
        return replace(terms, floor_pct=floor_pct, power_bound_mW=bound_mW)

    def _most_mW(self, ptx: int, prx: int) -> float:
        return self._of(ptx).most_mW(self._of(prx))

    def _of(self, board_id: int) -> BoardRules:
        return self._rules.get(board_id, _NONE)
