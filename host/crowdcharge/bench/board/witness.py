# SPDX-License-Identifier: MIT
"""The bench's own append-only record of the coil enable pins, independent of the firmware."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

COILS = ("tx", "rx")


@dataclass(frozen=True, slots=True)
class Change:
    """One edge of one enable pin, at bench time; `cause` is "pin" or what forced it low.

    `waited_s`: how long the machine had kept the board waiting until then, in bench time.
    """

    time_s: float
    board_id: int
    coil: str
    on: bool
    cause: str
    waited_s: float = 0.0

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class Witness:
    def __init__(self) -> None:
        self._changes: list[Change] = []
        self._on: set[tuple[int, str]] = set()

    def record(
        self,
        time_s: float,
        board_id: int,
        coil: str,
        on: bool,
        cause: str,
        waited_s: float = 0.0,
    ) -> None:
        """Note an edge; a write that changes nothing is no edge."""
        if ((board_id, coil) in self._on) == on:
            return
        (self._on.add if on else self._on.discard)((board_id, coil))
        self._changes.append(Change(time_s, board_id, coil, on, cause, waited_s))

    def changes(self, since_s: float = 0.0, board_id: int | None = None) -> list[Change]:
        return [
            change
            for change in self._changes
            if change.time_s >= since_s and board_id in {None, change.board_id}
        ]

    def is_on(self, board_id: int, coil: str, at_s: float | None = None) -> bool:
        """Tell whether the pin was high at `at_s`, after an edge at that instant; None: now."""
        if at_s is None:
            return (board_id, coil) in self._on
        last = False
        for change in self._edges(board_id, coil):
            if change.time_s > at_s:
                break
            last = change.on
        return last

    def any_on(self) -> list[tuple[int, str]]:
        return sorted(self._on)

    def _edges(self, board_id: int, coil: str) -> Iterator[Change]:
        return (
            change
            for change in self._changes
            if change.board_id == board_id and change.coil == coil
        )
