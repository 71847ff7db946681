# SPDX-License-Identifier: MIT
"""A market from its first question to its last payment: agree, transfer, settle.

The lane has one coil, so its bargains are carried out one after the other. The host may be killed
at any line: what was agreed is in the ledger before a board is granted anything, and the next
receipt that is written there pays what is owed.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace

from crowdcharge.boards.keys import Keys
from crowdcharge.boards.pool import SLOTS
from crowdcharge.clock import Clock
from crowdcharge.errors import BoardUnreachable, GrantRefused, MarketVoidError, WptError
from crowdcharge.ledger.audit import market_faults
from crowdcharge.ledger.kinds import Bargain, MarketRow, MarketTake
from crowdcharge.ledger.payments import EFFICIENCY_MIN, bargains
from crowdcharge.ledger.settlement import OPEN, VOID, TransferRecord
from crowdcharge.ledger.signers import Signers
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.events import Emit, MarketCleared
from crowdcharge.orchestrator.negotiator import SESSION_SIZE, Cleared, Negotiator
from crowdcharge.orchestrator.station import Station
from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.policy.base import Offer
from crowdcharge.radio.base import Radio

_HEARD_s = 20.0  # the time by which every board must have been heard
_RETRY_s = 0.5
_ENERGY_MIN_mJ = 200  # a smaller sale would drown in its start-up and its last sample
_TRIES = 3  # to carry out a bargain while no energy has flowed

Together = Callable[[int, int], Awaitable[None]]  # lays two boards on each other


class Trading:
    """`together` brings a seller and its buyer into contact before each transfer.

    `patience_s`: how long a board may be silent before it counts as vanished.
    """

    def __init__(
        self,
        radio: Radio,
        store: Store,
        keys: Keys,
        together: Together,
        clock: Clock,
        emit: Emit,
        terms: TransferTerms,
        slots: int = SLOTS,
        patience_s: float = 10.0,
    ) -> None:
        self._store = store
        self._keys = keys
        self._together = together
        self._clock = clock
        self._emit = emit
        self._terms = terms
        self._patience_s = patience_s
        first_transfer_id = secrets.randbits(31) | 1
        self._station = Station(radio, store, keys, clock, emit, first_transfer_id, slots)
        self._fleet, self._pool = self._station.fleet, self._station.pool
        self.ledger_keeper = self._station.ledger_keeper
        self._negotiator = Negotiator(
            self._pool, clock, emit, secrets.token_bytes, patience_s, slots
        )

    async def run(self, lane: int, boards: Collection[int]) -> Cleared:
        """Hold one market; MarketVoidError if no price was found, which the ledger records too."""
        async with self._station.listening():
            await self._visit_all([lane, *boards])
            cleared, agreed = await self._agree(lane, boards)
            for bargain in agreed:
                await self._carry_out(bargain)
            await self._visit_all(sorted(self.ledger_keeper.pending()))
            self.ledger_keeper.close_books()
        return cleared

    async def _agree(self, lane: int, boards: Collection[int]) -> tuple[Cleared, list[Bargain]]:
        market_id = 1 + max(self._store.book.markets, default=0)
        try:
            cleared = await self._negotiator.run(lane, boards)
        except MarketVoidError as void:
            self._write_market(market_id, Cleared(bytes(SESSION_SIZE), lane, 0, False, ()), void)
            raise
        try:
            agreed = self._judge(market_id, cleared)
        except MarketVoidError as void:
            self._write_market(market_id, cleared, void)
            raise
        self._write_market(market_id, cleared, None)
        energies_mJ = {take.board_id: take.energy_mJ for take in cleared.takes}
        self._emit(MarketCleared(self._clock.now_s(), cleared.price_per_Wh, energies_mJ))
        return cleared, [each for each in agreed if each.energy_mJ >= _ENERGY_MIN_mJ]

    def _judge(self, market_id: int, cleared: Cleared) -> list[Bargain]:
        """Make bargains of the takes; MarketVoidError if they do not balance or are not signed."""
        takes_mJ = {take.board_id: take.energy_mJ for take in cleared.takes}
        lane_take = (cleared.lane, takes_mJ.pop(cleared.lane))
        agreed = bargains(
            market_id, cleared.price, lane_take, takes_mJ, 0, confirmed=cleared.confirmed
        )
        for fault in market_faults(self._row(market_id, cleared), Signers(self._keys)):
            raise MarketVoidError(fault)
        return agreed

    def _write_market(
        self, market_id: int, cleared: Cleared, void: MarketVoidError | None
    ) -> None:
        self._store.append([self._row(market_id, cleared, str(void) if void else "")])

    def _row(self, market_id: int, cleared: Cleared, void: str = "") -> MarketRow:
        return MarketRow(
            market_id=market_id,
            session=cleared.session.hex(),
            lane=cleared.lane,
            price=cleared.price,
            confirmed=cleared.confirmed,
            takes=tuple(
                MarketTake(take.board_id, take.energy_mJ, take.signature.hex())
                for take in cleared.takes
            ),
            void=void,
            t_ms=int(self._clock.now_s() * 1000),
        )

    async def _carry_out(self, bargain: Bargain) -> None:
        """Try again while nothing has flowed and both boards answer; each try is a transfer."""
        for _ in range(_TRIES):
            await self._together(bargain.seller, bargain.buyer)
            transfer = await self._transfer(bargain)
            all_answered = await self._visit_all(transfer.boards)
            settled = self._store.book.transfers[transfer.transfer_id]
            if settled.state not in {OPEN, VOID} or not all_answered:
                return

    async def _transfer(self, bargain: Bargain) -> TransferRecord:
        """Grant the receiver what it bought, and the sender the most that this may cost it."""
        sent_max_mJ = int(bargain.energy_mJ / EFFICIENCY_MIN) + 1
        terms = replace(self._terms, received_max_mJ=bargain.energy_mJ)
        offer = Offer(bargain.seller, bargain.buyer, sent_max_mJ / 1000)
        transfer = self.ledger_keeper.open(offer, terms.power_max_mW)
        self.ledger_keeper.bargain(replace(bargain, transfer_id=transfer.transfer_id))
        try:
            with self._pool.hold(*transfer.boards):
                await self._station.transfer_run([transfer], terms).run(float("inf"))
        except GrantRefused as refusal:
            self.ledger_keeper.refused(refusal, transfer.transfer_id)
        except WptError as error:
            self._trouble(error)
        return transfer

    async def _visit_all(self, boards: Collection[int]) -> bool:
        """Visit every board; true if all answered."""
        return all(await asyncio.gather(*(self._visit(board_id) for board_id in boards)))

    async def _visit(self, board_id: int) -> bool:
        """Fetch readings and receipts; a board that stays silent too long settles another time."""
        loop = asyncio.get_running_loop()
        heard = self._fleet.view(board_id) is not None
        until_s = loop.time() + (self._patience_s if heard else _HEARD_s)
        while True:
            try:
                with self._pool.hold(board_id):
                    await self.ledger_keeper.sync(await self._pool.get(board_id))
            except WptError as error:
                if loop.time() >= until_s:
                    self._trouble(error)
                    return False
            else:
                return True
            await asyncio.sleep(_RETRY_s)

    def _trouble(self, error: BaseException) -> None:
        board_id = error.board_id if isinstance(error, BoardUnreachable) else 0
        self._station.trouble(board_id, error)
