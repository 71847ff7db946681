# SPDX-License-Identifier: MIT
"""The demo's contacts: a cyclic schedule whose slots last as long as their transfers.

Boards are laid together round by round, and the next round begins when every pair has met and
has finished. That way the same seed gives the same meetings, however slow the machine is.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence

from crowdcharge.orchestrator.contacts import Meeting, Pair

Round = tuple[Pair, ...]


STORY_SOCS_pct = (90.0, 5.0, 26.0, 88.0)  # of the first four boards


def story(boards: int) -> list[Round]:
    """Return a cycle in which everyone meets everyone; two meetings of the low donor open it.

    Board 3 (26 %) meets board 2 (5 %), runs into its floor, and is asked once more.
    """
    if boards < 4:
        return tournament(list(range(1, boards + 1)))
    rounds = tournament([1, 2, 3, *range(5, boards + 1), 4])
    first = next(index for index, pairs in enumerate(rounds) if (2, 3) in pairs)
    rounds = rounds[first:] + rounds[:first]
    return [rounds[0], ((2, 3),), *rounds[1:]]


def tournament(boards: list[int]) -> list[Round]:
    """Round robin by the circle method: n - 1 rounds of n / 2 disjoint pairs (n even)."""
    ring: list[int | None] = [*boards, *([None] * (len(boards) % 2))]
    rounds = []
    for _ in range(len(ring) - 1):
        halves = zip(ring[: len(ring) // 2], reversed(ring[len(ring) // 2 :]), strict=True)
        rounds.append(tuple((min(a, b), max(a, b)) for a, b in halves if a and b))
        ring.insert(1, ring.pop())
    return rounds


class Rounds:
    """Contacts for the orchestrator; `arrange` lays a round's pairs together on the bench.

    `goes_on` gets the number of rounds that are over, and ends the meetings by returning False.
    """

    def __init__(
        self,
        cycle: Sequence[Round],
        arrange: Callable[[int, Round], Awaitable[None]],
        goes_on: Callable[[int], bool],
    ) -> None:
        self._cycle = cycle
        self._arrange = arrange
        self._goes_on = goes_on
        self._boards = {board for pairs in cycle for pair in pairs for board in pair}
        self._number = -1  # of the running round, counted over all cycles
        self._begun: set[Pair] = set()
        self._over = False

    async def meetings(self, _now_s: float, free: Collection[int]) -> Sequence[Meeting]:
        if self._boards <= set(free) and self._round_is_done():
            await self._next_round()
        found = [pair for pair in self._pairs() if set(pair) <= set(free)]
        self._begun.update(found)
        return [Meeting(*pair, self._number) for pair in found]

    async def touching(self, _now_s: float) -> Collection[Pair]:
        return self._pairs()

    def _pairs(self) -> Round:
        if self._over or self._number < 0:
            return ()
        return self._cycle[self._number % len(self._cycle)]

    def _round_is_done(self) -> bool:
        return not self._over and (self._number < 0 or self._begun == set(self._pairs()))

    async def _next_round(self) -> None:
        if self._number >= 0 and not self._goes_on(self._number + 1):
            self._over = True
            return
        self._number += 1
        self._begun = set()
        await self._arrange(self._number, self._pairs())
