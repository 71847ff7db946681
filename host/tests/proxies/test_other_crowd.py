# SPDX-License-Identifier: MIT
"""A whole host and twelve boards over proxies that are not the bench's, of which one fails.

Two have three slots; the third, with seven and older firmware, stands for a local radio.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from crowdcharge import policy as policies
from crowdcharge.bench.sessions.steady_board import SteadyBoard
from crowdcharge.boards.models import Beacon
from crowdcharge.clock import BoardClock
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify
from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.orchestrator.transfer import TransferTerms

from .other_proxy import OtherProxy
from .other_room import KEY, OtherRoom, STEP_s, ignore
from .waiting import until

PAIRS = ((1, 2), (3, 4), (5, 6), (7, 8))
BACK_s = 5.0


class Crowd(OtherRoom):
    """Twelve boards, eight of them in pairs."""

    book: Book

    def __init__(self, ledger: Path) -> None:
        super().__init__((90.0, 10.0) * 6)
        self._ledger = ledger
        self._keys = {number: board.key for number, board in self.air.boards.items()}
        for giver, taker in PAIRS:
            a, b = self.board(giver), self.board(taker)
            a.peers, b.peers = [b], [a]

    def board(self, number: int) -> SteadyBoard:
        board = self.air.boards[number]
        assert isinstance(board, SteadyBoard)
        return board

    @asynccontextmanager
    async def transferring(self, lease_s: float, slot_s: float) -> AsyncIterator[None]:
        """Run the host; every pair transfers when the block begins; then the ledger is checked.

        `slot_s`: how often the policy is asked anew.
        """
        with Store.create(self._ledger) as store:
            orchestrator = Orchestrator(
                radio=self.radio(),
                store=store,
                keys=self._keys,
                policy=policies.make("oblivious-share"),
                contacts=ContactSchedule(slot_s, (PAIRS,)),
                clock=BoardClock(1.0),
                rng=np.random.default_rng(1),
                emit=ignore,
                terms=TransferTerms(lease_ms=round(1000 * lease_s)),
            )
            running = asyncio.create_task(orchestrator.run())
            await until(self.all_transfer, "a transfer of every pair", 20.0)
            yield
            orchestrator.stop()
            await running
            self.book = store.book
            assert [each for each in verify(store.rows(), self._keys) if each.wrong] == []
        transfers = self.book.transfers.values()
        assert {each.state for each in transfers} == {"settled"}
        beacons = [Beacon.unpack(board.beacon()) for board in self.air.boards.values()]
        assert sum(each.sent_mJ for each in transfers) == sum(each.sent_mJ for each in beacons)
        received_mJ = sum(each.received_mJ for each in transfers)
        assert received_mJ == sum(each.received_mJ for each in beacons)

    def all_transfer(self) -> bool:
        return all(self.board(giver).core.pulses_on for giver, _ in PAIRS)

    def busiest(self) -> OtherProxy:
        """Return that of the two small proxies which has more connections."""
        return max(self.proxies[:2], key=lambda proxy: len(proxy.slots))

    def reached_by(self, *proxies: OtherProxy) -> set[int]:
        """Return the boards to which these proxies have a connection."""
        taken = {proxy.names[address] for proxy in proxies for address in proxy.slots}
        return {board.board_id for board in self.air.boards.values() if board.address in taken}


@pytest.fixture
async def crowd(tmp_path: Path) -> AsyncIterator[Crowd]:
    made = Crowd(tmp_path / "ledger.sqlite")
    await made.proxy(KEY)
    await made.proxy()
    await made.proxy(limit=7, tells_allocated=False, close_s=0.0)
    try:
        yield made
    finally:
        await made.close()


def _drops_its_clients(proxy: OtherProxy) -> None:
    for session in list(proxy.sessions):
        session.transport.abort()


def _loses_its_power(proxy: OtherProxy) -> None:
    proxy.start_task(proxy.stop())


@pytest.mark.parametrize("fail", [_drops_its_clients, _loses_its_power])
async def test_a_proxy_that_goes_takes_no_transfer_along(
    crowd: Crowd, fail: Callable[[OtherProxy], None]
) -> None:
    lease_s = 4.0
    async with crowd.transferring(lease_s, slot_s=60.0):
        used = crowd.busiest()
        assert crowd.reached_by(used)
        fail(used)
        await asyncio.sleep(lease_s)
        assert crowd.all_transfer()
    assert len(crowd.book.transfers) == len(PAIRS)


async def test_a_proxy_that_hangs_leaves_no_coil_on_and_its_boards_come_back(crowd: Crowd) -> None:
    """The lease is over before anybody can know that the proxy hangs."""
    lease_s = 1.5
    async with crowd.transferring(lease_s, slot_s=8.0):
        used = crowd.busiest()
        held = crowd.reached_by(used) & {number for pair in PAIRS for number in pair}
        assert held
        for session in used.sessions:
            session.is_dumb = True
            session.transport.pause_reading()
        took_s = await until(
            lambda: not any(crowd.board(number).core.coil_on for number in held),
            "their coils to be off",
            lease_s + 3 * STEP_s,
        )
        others = [proxy for proxy in crowd.proxies if proxy is not used]
        await until(
            lambda: crowd.reached_by(*others) >= held, "the boards by others", BACK_s - took_s
        )
        await until(crowd.all_transfer, "transfers again", 20.0)
