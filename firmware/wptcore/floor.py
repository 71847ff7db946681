# SPDX-License-Identifier: MIT
"""The donor floor: a board at or below it donates nothing until it has charged to `resume`."""

from wptcore.compat import const
from wptcore.units import clamp

FLOOR_MIN_pct = const(20)
FLOOR_MAX_pct = const(90)
FLOOR_DEFAULT_pct = const(20)
_RESUME_ABOVE_pct = const(5)


class DonorFloor:
    """`floor_pct`: as saved; one below `least_pct` is raised to it."""

    def __init__(
        self,
        floor_pct: int = FLOOR_DEFAULT_pct,
        cut: bool = False,
        least_pct: int = FLOOR_MIN_pct,
    ):
        self.floor_pct = clamp(floor_pct, least_pct, FLOOR_MAX_pct)
        self.cut = cut

    @property
    def resume_pct(self) -> int:
        return self.floor_pct + _RESUME_ABOVE_pct

    def update(self, soc_permille: int, is_settled: bool) -> None:
        """End a cut-off once a battery that has rested is at `resume` again."""
        if is_settled and soc_permille >= self.resume_pct * 10:
            self.cut = False

    def reached(self, soc_permille: int, grant_floor_pct: int) -> bool:
        """Is the donor at its floor? A grant may raise the floor, never lower it."""
        floor_pct = self.floor_pct if self.floor_pct > grant_floor_pct else grant_floor_pct
        return soc_permille <= floor_pct * 10

    def refuses(self, soc_permille: int, grant_floor_pct: int) -> bool:
        return self.cut or self.reached(soc_permille, grant_floor_pct)
