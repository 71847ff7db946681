# SPDX-License-Identifier: MIT
"""Who can exchange energy now. PURE except `Present`, which asks a bench or a camera.

A meeting is one contact from its beginning to its end. The policy decides once per meeting, so
each carries a number that rises from one meeting of a pair to the next.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from math import inf
from typing import Protocol

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Meeting:
    """A contact of two boards; `ends_s` is on the boards' clock, infinite when nobody knows."""

    a: int
    b: int
    number: int
    ends_s: float = inf

    @property
    def pair(self) -> Pair:
        return (min(self.a, self.b), max(self.a, self.b))


class Contacts(Protocol):
    async def meetings(self, now_s: float, free: Collection[int], /) -> Sequence[Meeting]:
        """Return the meetings that last now; `free`: boards that do nothing else."""
        ...

    async def touching(self, now_s: float, /) -> Collection[Pair]:
        """Return the pairs that are known to lie on each other, whatever they do."""
        ...


@dataclass(frozen=True, slots=True)
class ContactSchedule:
    """Declared meetings: `slots[i]` are the pairs of slot i, and the slots repeat for ever.

    This is the cyclic mobispace: a contact comes back in the same slot of every cycle. A single
    slot is a static neighbourhood, in which each pair meets again every `slot_s`.
    """

    slot_s: float
    slots: tuple[tuple[Pair, ...], ...]

    async def meetings(self, now_s: float, _free: Collection[int]) -> Sequence[Meeting]:
        return self.at(now_s)

    async def touching(self, now_s: float) -> Collection[Pair]:
        return [meeting.pair for meeting in self.at(now_s)]

    def at(self, now_s: float) -> list[Meeting]:
        if not self.slots:
            return []
        number = int(now_s // self.slot_s)
        ends_s = (number + 1) * self.slot_s
        pairs = self.slots[number % len(self.slots)]
        return [Meeting(a, b, number, ends_s) for a, b in pairs]


class Present:
    """Contacts as `present` (a bench, a camera) sees them.

    A pair meets anew when it comes back, and every `again_s` while it stays.
    """

    def __init__(
        self, present: Callable[[float], Awaitable[Collection[Pair]]], again_s: float = inf
    ) -> None:
        self._present = present
        self._again_s = again_s
        self._numbers: dict[Pair, int] = {}
        self._since_s: dict[Pair, float] = {}

    async def meetings(self, now_s: float, _free: Collection[int]) -> Sequence[Meeting]:
        pairs = {(min(pair), max(pair)) for pair in await self._present(now_s)}
        since_s = {pair: self._since_s.get(pair, -inf) for pair in pairs}
        for pair, start_s in since_s.items():
            if pair not in self._since_s or now_s >= start_s + self._again_s:
                since_s[pair] = now_s
                self._numbers[pair] = self._numbers.get(pair, 0) + 1
        self._since_s = since_s
        return [
            Meeting(*pair, self._numbers[pair], since_s[pair] + self._again_s)
            for pair in sorted(pairs)
        ]

    async def touching(self, now_s: float) -> Collection[Pair]:
        return await self._present(now_s)
