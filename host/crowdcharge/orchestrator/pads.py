# SPDX-License-Identifier: MIT
"""A pad gives to all that lie on it: one group after the other, until nobody wants more.

The receivers of a group are fixed while it runs. A receiver that comes
ends it and is in the next one; a receiver that is full or gone ends it and is not.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from crowdcharge.errors import GrantRefused, WptError
from crowdcharge.orchestrator.station import Station
from crowdcharge.orchestrator.transfer import TransferRun, TransferTerms
from crowdcharge.policy.base import Offer
from crowdcharge.units import J_to_mJ
from wptcore import ept, wire
from wptcore.shares import shares

_CRUMB_mJ = 1000  # a remaining share below this is not worth another start
_GATHER_s = 0.1  # the event loop's time in which receivers join before a group begins
# A receiver, and the pad, that ended for one of these reasons can be in the next group.
_GOES_ON = {ept.PEER_ENDED, ept.STOPPED}
_PAD_GOES_ON = {*_GOES_ON, ept.LEASE_LOST, ept.ENERGY_BUDGET}


@dataclass(slots=True)
class Guest:
    """A receiver on a pad. `need_mJ` and `share_mJ` are what the pad is still to send for it."""

    board_id: int
    need_mJ: int
    ends_s: float
    terms: TransferTerms
    share_mJ: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)


class Pad:
    """One transmitter and its receivers, over all the groups that it runs.

    `budget_mJ`: the most that it sends in all. `runs`: the orchestrator's running transfers by
    number, where it enters its own. `may_begin` tells whether boards may begin a transfer now.
    """

    def __init__(
        self,
        ptx: int,
        rule: str,
        budget_mJ: int,
        station: Station,
        runs: dict[int, TransferRun],
        may_begin: Callable[[Collection[int]], bool],
    ) -> None:
        self.ptx = ptx
        self._rule = rule
        self._budget_mJ = budget_mJ
        self._station = station
        self._runs = runs
        self._may_begin = may_begin
        self._guests: list[Guest] = []  # in the order in which they came
        self._size_max = wire.GROUP_MAX
        self._run: TransferRun | None = None
        self._is_new = False  # a receiver has joined since the shares were computed
        self._coming = 0
        self._decided = asyncio.Event()
        self.closed = False

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Let the next group wait while it is decided whether a board joins."""
        self._coming += 1
        try:
            yield
        finally:
            self._coming -= 1
            self._decided.set()

    def join(self, guest: Guest) -> None:
        """Let a board be in the next group, which begins at once."""
        self._guests.append(guest)
        self._is_new = True
        if self._run is not None:
            self._run.stop()

    async def give(self) -> None:
        """Run groups until nobody who lies here wants more, or the pad cannot."""
        try:
            while await self._group():
                pass
        finally:
            self.closed = True
            for guest in self._guests:
                guest.left.set()

    async def _group(self) -> bool:
        """Run one group; tell whether another may follow."""
        await asyncio.sleep(_GATHER_s)
        while self._coming:
            self._decided.clear()
            await self._decided.wait()
        self._share()
        guests = self._guests[: self._size_max]
        boards = [self.ptx, *(guest.board_id for guest in guests)]
        if not guests or not self._may_begin(boards[:1]):
            return False
        try:
            run = await self._run_group(guests)
        except GrantRefused as refusal:
            return self._take_refusal(refusal, len(guests))
        except WptError as error:
            lost = getattr(error, "board_id", self.ptx)
            if lost == self.ptx:
                raise
            self._station.trouble(lost, error)
            self._drop({lost})
            return True
        given_mJ = run.given_mJ
        for guest in guests:
            guest.need_mJ -= given_mJ[guest.board_id]
            guest.share_mJ -= given_mJ[guest.board_id]
        self._budget_mJ -= sum(given_mJ.values())
        lost = {guest.board_id for guest in guests if run.ends[guest.board_id] not in _GOES_ON}
        here = [board_id for board_id in boards if board_id not in lost]
        lost |= await self._sync(here)  # a lost board is visited once it is heard again
        self._drop(lost)
        changed = bool(lost) or self._is_new or not self._may_begin(boards)
        moved = changed or sum(given_mJ.values()) >= _CRUMB_mJ
        stopped = run.is_stopped and not changed  # then it was a person who stopped it
        return moved and not stopped and run.ends[self.ptx] in _PAD_GOES_ON

    def _share(self) -> None:
        """Share the budget anew if somebody has come; drop who has had his share, or must go."""
        if self._is_new:
            needs_mJ = [guest.need_mJ for guest in self._guests]
            parts_mJ = shares(self._rule, max(self._budget_mJ, 0), needs_mJ)
            for guest, share_mJ in zip(self._guests, parts_mJ, strict=True):
                guest.share_mJ = share_mJ
        self._is_new = False
        now_s = self._station.clock.now_s()
        self._drop(
            {
                guest.board_id
                for guest in self._guests
                if guest.share_mJ < _CRUMB_mJ
                or guest.ends_s <= now_s
                or not self._may_begin([guest.board_id])
            }
        )

    def _drop(self, boards: Collection[int]) -> None:
        for guest in self._guests:
            if guest.board_id in boards:
                guest.left.set()
        self._guests = [guest for guest in self._guests if guest.board_id not in boards]

    async def _run_group(self, guests: list[Guest]) -> TransferRun:
        terms = _tightest([guest.terms for guest in guests])
        parts_mJ = {guest.board_id: guest.share_mJ for guest in guests}
        transfers, group_id = self._station.ledger_keeper.open_group(
            self.ptx, parts_mJ, self._rule, terms.power_most_mW
        )
        run = self._station.transfer_run(transfers, terms, group_id)
        numbers = [transfer.transfer_id for transfer in transfers]
        self._run = run
        self._runs.update(dict.fromkeys(numbers, run))
        try:
            await run.run(min(guest.ends_s for guest in guests))
        except GrantRefused as refusal:
            refused = next(each for each in transfers if refusal.board_id in each.boards)
            self._station.ledger_keeper.refused(refusal, refused.transfer_id)
            await self._sync(run.boards)
            raise
        finally:
            self._run = None
            for number in numbers:
                del self._runs[number]
        return run

    def _take_refusal(self, refusal: GrantRefused, size: int) -> bool:
        """Go on without the receiver that refused, or with fewer if so many are too uncertain."""
        if refusal.board_id != self.ptx:
            self._drop({refusal.board_id})
            return True
        self._size_max = size - 1
        return refusal.code == ept.UNCALIBRATED and size > 1

    async def _sync(self, boards: Collection[int]) -> set[int]:
        """Fetch what the boards have to tell; return those that cannot be asked."""
        lost = set()
        for board_id in boards:
            try:
                await self._station.sync(board_id)
            except WptError as error:
                if board_id == self.ptx:
                    raise
                lost.add(board_id)
                self._station.trouble(board_id, error)
        return lost


def _tightest(terms: list[TransferTerms]) -> TransferTerms:
    """Return what all of them allow: the highest floor, the lowest bound on the power."""
    bounds_mW = [each.power_bound_mW for each in terms if each.power_bound_mW]
    floor_pct = max(each.floor_pct for each in terms)
    return replace(terms[0], floor_pct=floor_pct, power_bound_mW=min(bounds_mW, default=0))


class Pads:
    """The pads that give now, by board. There are none if `terms.group` is empty."""

    def __init__(
        self,
        station: Station,
        terms: TransferTerms,
        runs: dict[int, TransferRun],
        may_begin: Callable[[Collection[int]], bool],
    ) -> None:
        self._station = station
        self._terms = terms
        self._runs = runs
        self._may_begin = may_begin
        self._pads: dict[int, Pad] = {}

    def at(self, boards: Collection[int]) -> Pad | None:
        """Return the pad that gives among these boards."""
        return next((self._pads[each] for each in boards if each in self._pads), None)

    def takes(self, offer: Offer) -> bool:
        """Tell whether both boards carry groups, and the run wants them."""
        agents = self._station.ledger_keeper.agents
        both = (agents[offer.ptx], agents[offer.prx])
        return bool(self._terms.group) and all(e.limits.features & wire.GROUP for e in both)

    async def give(self, ptx: int, guest: Guest) -> None:
        """Let a board give to a first guest and to whoever comes meanwhile."""
        pad = Pad(
            ptx,
            self._terms.group,
            self._budget_mJ(ptx),
            self._station,
            self._runs,
            self._may_begin,
        )
        self._pads[ptx] = pad
        pad.join(guest)
        try:
            await pad.give()
        finally:
            del self._pads[ptx]

    def _budget_mJ(self, ptx: int) -> int:
        """Return what a pad may send: down to the floor, within the run's budget."""
        agent = self._station.ledger_keeper.agents[ptx]
        floor_pct = max(self._terms.floor_pct, agent.limits.floor_pct)
        above_mJ = J_to_mJ(agent.energy_J) - agent.limits.capacity_mJ * floor_pct // 100
        return min(above_mJ, self._terms.group_budget_mJ or above_mJ)
