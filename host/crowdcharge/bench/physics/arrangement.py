# SPDX-License-Identifier: MIT
"""Which boards lie on each other: the cyclic schedule, or what was placed by hand."""

from crowdcharge.bench.config import ContactsConfig
from crowdcharge.bench.physics.plant import Placement


class Arrangement:
    """Placements over time, without I/O: `hold` pins them, `resume` returns to the cycle."""

    def __init__(self, config: ContactsConfig) -> None:
        self._config = config
        self._held: tuple[Placement, ...] | None = None

    def contacts_at(self, time_s: float) -> tuple[Placement, ...]:
        if self._held is not None:
            return self._held
        cycle = self._config.cycle
        return cycle[self.slot_at(time_s)] if cycle else ()

    def slot_at(self, time_s: float) -> int:
        return int(time_s // self._config.slot_s) % max(len(self._config.cycle), 1)

    def next_change_s(self, time_s: float) -> float | None:
        """Time of the next scheduled change; None if there is none."""
        if self._held is not None or len(self._config.cycle) < 2:
            return None
        return (time_s // self._config.slot_s + 1) * self._config.slot_s

    @property
    def held(self) -> bool:
        return self._held is not None

    def hold(self, contacts: tuple[Placement, ...]) -> None:
        self._held = contacts

    def move(self, now_s: float, contact: Placement) -> None:
        """Lays two boards together; contacts of other boards stay as they are."""
        kept = (
            other
            for other in self.contacts_at(now_s)
            if not set(other.boards) & set(contact.boards)
        )
        self.hold((*kept, contact))

    def part(self, now_s: float, board_id: int) -> None:
        """Take a board away from the one it lies on."""
        self.hold(
            tuple(other for other in self.contacts_at(now_s) if board_id not in other.boards)
        )

    def resume(self) -> None:
        self._held = None
