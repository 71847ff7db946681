# SPDX-License-Identifier: MIT
"""A host at its radio: who is heard, who is connected, and the ledger of what boards metered.

An orchestrator and a market do different things with the same station.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from crowdcharge.boards.fleet import Fleet
from crowdcharge.boards.keys import Keys
from crowdcharge.boards.models import Sighting
from crowdcharge.boards.pool import SLOTS, Pool
from crowdcharge.clock import Clock
from crowdcharge.errors import LedgerError
from crowdcharge.ledger.settlement import TransferRecord
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.events import Emit, Trouble
from crowdcharge.orchestrator.ledger_keeper import LedgerKeeper
from crowdcharge.orchestrator.observer import Observer
from crowdcharge.orchestrator.transfer import SINGLE_PAIR, TransferRun, TransferTerms
from crowdcharge.radio.base import Radio


class Station:
    """Radio, fleet, pool and ledger keeper; it hears boards inside `listening()`.

    `first_transfer_id`: where a new ledger begins to number. `emit` is called with every event.
    """

    def __init__(
        self,
        radio: Radio,
        store: Store,
        keys: Keys,
        clock: Clock,
        emit: Emit,
        first_transfer_id: int,
        slots: int = SLOTS,
    ) -> None:
        self.radio = radio
        self.keys = keys
        self.clock = clock
        self.emit = emit
        self.slots = slots
        self.fleet = Fleet(keys)
        self.pool = Pool(radio, self.fleet, keys, clock, slots, self._on_faults)
        self.ledger_keeper = LedgerKeeper(store, keys, clock, emit, first_transfer_id)
        self._observer = Observer(radio, self.fleet, clock, emit, self.pool.is_connected, keys)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Task[None]]:
        """Listen while the block runs, then close every connection.

        The task ends early only by an error, such as NoAdapter; the block decides what to do then.
        """
        observing = asyncio.create_task(self._observer.run())
        try:
            yield observing
        finally:
            observing.cancel()
            await asyncio.gather(observing, return_exceptions=True)
            await self.pool.close()

    async def sync(self, board_id: int) -> None:
        """Write down all that a board can tell, and take its status for its newest advert."""
        link = await self.pool.get(board_id)
        beacon = await self.ledger_keeper.sync(link)
        view = self.fleet.view(board_id)
        if view is not None:
            now_s = asyncio.get_running_loop().time()
            self.fleet.add(Sighting(beacon, link.address, view.rssi_dBm, now_s))

    async def consult(self, board_id: int) -> bool:
        """Ask a board for charge and consent, and read what it metered for others meanwhile.

        Tell whether it is free. Beside a giver that is at work for another host, a receiver would
        meter that one's energy as ours until the giver has refused.
        """
        link = await self.pool.get(board_id)
        if not await self.ledger_keeper.has_read(link):
            await self.sync(board_id)
        newest = link.ack.transfer_id
        return not link.ack.runs(newest) or newest in self.ledger_keeper.book.transfers

    def transfer_run(
        self,
        transfers: Sequence[TransferRecord],
        terms: TransferTerms,
        group_id: int = SINGLE_PAIR,
    ) -> TransferRun:
        """Return one transfer, or those of a group, to run; samples go to the ledger keeper."""
        return TransferRun(
            transfers,
            group_id,
            terms,
            self.pool,
            self.clock,
            self.emit,
            self.ledger_keeper.sample,
            self.ledger_keeper.shown,
        )

    def trouble(self, board_id: int, error: BaseException) -> None:
        self.emit(Trouble(self.clock.now_s(), board_id, str(error), type(error).__name__))

    def _on_faults(self, board_id: int, codes: frozenset[int]) -> None:
        try:
            self.ledger_keeper.faults(board_id, codes)
        except LedgerError as error:  # not lost: the next visit reads the codes again
            self.trouble(board_id, error)
