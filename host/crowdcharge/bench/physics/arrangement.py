# SPDX-License-Identifier: MIT
"""Which boards lie on each other: the cyclic schedule, or what was placed by hand."""

from collections.abc import Collection, Sequence

from crowdcharge.bench.physics.plant import Placement


class Arrangement:
    """Placements over time, without I/O: `hold` pins them, `resume` returns to the cycle.

    Slot `i` of `cycle` lasts `slot_s`; the slots repeat. `pads`: boards on which several may lie.
    """

    def __init__(
        self,
        cycle: Sequence[tuple[Placement, ...]],
        slot_s: float,
        pads: Collection[int] = (),
    ) -> None:
        self._pads = frozenset(pads)
        self._cycle, self._slot_s = cycle, slot_s
        self._held: tuple[Placement, ...] | None = None

    def contacts_at(self, time_s: float) -> tuple[Placement, ...]:
        if self._held is not None:
            return self._held
        return self._cycle[self.slot_at(time_s)] if self._cycle else ()

    def slot_at(self, time_s: float) -> int:
        return int(time_s // self._slot_s) % max(len(self._cycle), 1)

    def next_change_s(self, time_s: float) -> float | None:
        """Time of the next scheduled change; None if there is none."""
        if self._held is not None or len(self._cycle) < 2:
            return None
        return (time_s // self._slot_s + 1) * self._slot_s

    @property
    def held(self) -> bool:
        return self._held is not None

    def hold(self, contacts: tuple[Placement, ...]) -> None:
        self._held = contacts

    def move(self, now_s: float, contact: Placement) -> None:
        """Lay two boards together; contacts of other boards stay as they are."""
        kept = (
            other
            for other in self.contacts_at(now_s)
            if set(other.boards) & set(contact.boards) <= self._pads
        )
        self.hold((*kept, contact))

    def part(self, now_s: float, board_id: int) -> None:
        """Take a board away from the one it lies on."""
        self.hold(
            tuple(other for other in self.contacts_at(now_s) if board_id not in other.boards)
        )

    def resume(self) -> None:
        self._held = None
