# SPDX-License-Identifier: MIT
"""Finds who lies on whom: one board makes a short field, and the boards that see it are its peers.

A probe is a transfer without a receiver. It costs a little energy, which is metered and booked.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress

from crowdcharge.boards.constants import FrameType, Role
from crowdcharge.boards.link import BoardLink
from crowdcharge.errors import ProtocolError, RadioError, WptError
from crowdcharge.orchestrator.contacts import Meeting, Pair
from crowdcharge.orchestrator.station import Station
from crowdcharge.policy.base import Offer
from wptcore import ept

DURATION_ms = 2000
EVERY_s = 30.0
_LOOKS = 8
_ENERGY_MAX_J = 5.0


class Probe:
    """Contacts by Ping: one free board at a time, each at most every `EVERY_s` of board time."""

    def __init__(self, station: Station) -> None:
        self._pool = station.pool
        self._ledger_keeper = station.ledger_keeper
        self._fleet = station.fleet
        self._clock = station.clock
        self._next_s: dict[int, float] = {}
        self._numbers: dict[Pair, int] = {}
        self._found: dict[int, set[int]] = {}

    async def meetings(self, now_s: float, free: Collection[int]) -> Sequence[Meeting]:
        due = [board for board in sorted(free) if self._next_s.get(board, 0.0) <= now_s]
        if len(free) < 2 or not due:
            return []
        board_id = min(due, key=lambda board: self._next_s.get(board, 0.0))
        self._next_s[board_id] = now_s + EVERY_s
        peers: set[int] = set()
        with suppress(WptError), self._pool.hold(board_id):  # it is tried again after EVERY_s
            peers = await self._field(board_id, set(free) - {board_id})
            self._found[board_id] = peers
        return [self._meeting(board_id, peer) for peer in sorted(peers)]

    async def touching(self, _now_s: float) -> Collection[Pair]:
        """Return the pairs that the newest probe of one of them has found."""
        return {(min(a, b), max(a, b)) for a, peers in self._found.items() for b in peers}

    def _meeting(self, a: int, b: int) -> Meeting:
        pair = (min(a, b), max(a, b))
        self._numbers[pair] = self._numbers.get(pair, 0) + 1
        return Meeting(*pair, self._numbers[pair])

    async def _field(self, board_id: int, others: set[int]) -> set[int]:
        """Return which of `others` see a field only while this board makes one."""
        link = await self._pool.get(board_id)
        if not link.limits.roles & Role.PTX:
            return set()
        before = await self._seeing(others)
        if not await self._ping(link):
            return set()
        found: set[int] = set()
        for _ in range(_LOOKS):
            await self._clock.sleep(DURATION_ms / 1000 / _LOOKS)
            found = await self._seeing(others - before)
            if found:
                break
        await self._ledger_keeper.sync(link)
        return found

    async def _ping(self, link: BoardLink) -> bool:
        probe = self._ledger_keeper.open(
            Offer(link.board_id, 0, _ENERGY_MAX_J), link.limits.power_max_mW
        )
        ack = await link.command(FrameType.PING, probe.transfer_id, DURATION_ms)
        if ack.code != ept.NONE:
            await self._ledger_keeper.sync(link)
        return ack.code == ept.NONE

    async def _seeing(self, boards: set[int]) -> set[int]:
        """Ask the boards that are connected, and those whose adverts hint at a field."""
        return {board_id for board_id in boards if await self._sees(board_id)}

    async def _sees(self, board_id: int) -> bool:
        view = self._fleet.view(board_id)
        hinted = view is not None and view.newest.field
        if not hinted and not self._pool.is_connected(board_id):
            return False
        with suppress(RadioError, ProtocolError):  # a board that cannot be asked is not found
            return (await (await self._pool.get(board_id)).status()).field
        return False
