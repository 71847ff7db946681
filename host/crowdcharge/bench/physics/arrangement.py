# SPDX-License-Identifier: MIT
"""Who lies on whom when: the cyclic schedule, or what a person put there by hand."""

from crowdcharge.bench.config import ContactsConfig
from crowdcharge.bench.physics.plant import Placement


class Arrangement:
    """Pure: `contacts_at(time)`; `hold` pins an arrangement, `resume` goes back to the cycle."""

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
        """When the arrangement changes next; None: never by itself."""
        if self._held is not None or len(self._config.cycle) < 2:
            return None
        return (time_s // self._config.slot_s + 1) * self._config.slot_s

    @property
    def held(self) -> bool:
        return self._held is not None

    def hold(self, contacts: tuple[Placement, ...]) -> None:
        self._held = contacts

    def move(self, now_s: float, contact: Placement) -> None:
        """Lays two boards together and leaves the other contacts that do not touch them."""
        kept = (
            other
            for other in self.contacts_at(now_s)
            if not set(other.boards) & set(contact.boards)
        )
        self.hold((*kept, contact))

    def part(self, now_s: float, board_id: int) -> None:
        """Takes a board away from the one it lies on."""
        self.hold(
            tuple(other for other in self.contacts_at(now_s) if board_id not in other.boards)
        )

    def resume(self) -> None:
        self._held = None
