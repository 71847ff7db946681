# SPDX-License-Identifier: MIT
"""A market from its first question to its last payment: agree, transfer, settle.

The lane has one coil, so its bargains are carried out one after the other. It may be killed at any
line: what was agreed is in the ledger before a board is granted anything, and what is owed is paid
by whoever next writes a receipt there.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import replace

from crowdcharge.boards.fleet import Fleet
from crowdcharge.boards.keys import Keys
from crowdcharge.boards.pool import SLOTS, Pool
from crowdcharge.clock import Clock
from crowdcharge.errors import (
    BoardUnreachable,
    GrantRefused,
    LedgerError,
    MarketVoidError,
    WptError,
)
from crowdcharge.ledger.audit import market_faults
from crowdcharge.ledger.payments import EFFICIENCY_MIN, Bargain, bargains
from crowdcharge.ledger.rows import Body
from crowdcharge.ledger.settlement import OPEN, VOID, TransferRecord
from crowdcharge.ledger.signers import Signers
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.events import Emit, MarketCleared, Trouble
from crowdcharge.orchestrator.ledger_keeper import LedgerKeeper
from crowdcharge.orchestrator.negotiator import SESSION_SIZE, Cleared, Negotiator
from crowdcharge.orchestrator.observer import Observer
from crowdcharge.orchestrator.transfer import TransferRun, TransferTerms
from crowdcharge.policy.base import Offer
from crowdcharge.radio.base import Radio

_HEARD_s = 20.0  # until all boards must have been heard
_RETRY_s = 0.5
_ENERGY_MIN_mJ = 200  # below it start-up and last sample are more than what is traded
_TRIES = 3  # of a bargain of which nothing has flowed, and of a visit

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
        self._fleet = Fleet()
        self._pool = Pool(radio, self._fleet, keys, slots, self._on_faults)
        self.ledger_keeper = LedgerKeeper(store, keys, clock, emit, secrets.randbits(31) | 1)
        self._observer = Observer(radio, self._fleet, clock, emit, self._pool.is_connected)
        self._negotiator = Negotiator(
            self._pool, clock, emit, secrets.token_bytes, patience_s, slots
        )

    async def run(self, lane: int, boards: Collection[int]) -> Cleared:
        """MarketVoidError if no price was found; that is in the ledger too."""
        observing = asyncio.create_task(self._observer.run())
        try:
            await self._visit_all([lane, *boards])
            cleared, agreed = await self._agree(lane, boards)
            for bargain in agreed:
                await self._carry_out(bargain)
            await self._visit_all(sorted(self.ledger_keeper.pending()))
            self.ledger_keeper.close_books()
        finally:
            observing.cancel()
            await asyncio.gather(observing, return_exceptions=True)
            await self._pool.close()
        return cleared

    # -- the market --

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
        """MarketVoidError if what was committed does not balance, or is not signed."""
        takes_mJ = {take.board_id: take.energy_mJ for take in cleared.takes}
        lane_take = (cleared.lane, takes_mJ.pop(cleared.lane))
        agreed = bargains(
            market_id, cleared.price, lane_take, takes_mJ, 0, confirmed=cleared.confirmed
        )
        for fault in market_faults(_body(market_id, cleared), Signers(self._keys)):
            raise MarketVoidError(fault)
        return agreed

    def _write_market(
        self, market_id: int, cleared: Cleared, void: MarketVoidError | None
    ) -> None:
        body = _body(market_id, cleared) | {
            "void": str(void) if void else "",
            "t_ms": int(self._clock.now_s() * 1000),
        }
        self._store.append([("market", body)])

    # -- its transfers --

    async def _carry_out(self, bargain: Bargain) -> None:
        """Tried again while nothing has flowed and both are there: each try is a transfer."""
        for _ in range(_TRIES):
            await self._together(bargain.seller, bargain.buyer)
            transfer = await self._transfer(bargain)
            there = await self._visit_all(transfer.boards)
            settled = self._store.book.transfers[transfer.transfer_id]
            if settled.state not in {OPEN, VOID} or not there:
                return

    async def _transfer(self, bargain: Bargain) -> TransferRecord:
        """The receiver's budget is what it bought; the sender's bounds what that may cost it."""
        sent_max_mJ = int(bargain.energy_mJ / EFFICIENCY_MIN) + 1
        terms = replace(self._terms, received_max_mJ=bargain.energy_mJ)
        offer = Offer(bargain.seller, bargain.buyer, sent_max_mJ / 1000)
        transfer = self.ledger_keeper.open(offer, terms.power_max_mW)
        self.ledger_keeper.bargain(replace(bargain, transfer_id=transfer.transfer_id))
        transfer_run = TransferRun(
            transfer, terms, self._pool, self._clock, self._emit, self.ledger_keeper.sample
        )
        try:
            with self._pool.hold(*transfer.boards):
                await transfer_run.run(float("inf"))
        except GrantRefused as refusal:
            self.ledger_keeper.refused(refusal, transfer.transfer_id)
        except WptError as error:
            self._trouble(error)
        return transfer

    # -- visits: readings, receipts, settlement --

    async def _visit_all(self, boards: Collection[int]) -> bool:
        """All of them were there."""
        return all(await asyncio.gather(*(self._visit(board_id) for board_id in boards)))

    async def _visit(self, board_id: int) -> bool:
        """As long as our patience lasts; a board that stays silent settles another time."""
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

    def _on_faults(self, board_id: int, codes: frozenset[int]) -> None:
        with suppress(LedgerError):  # told again at the next visit
            self.ledger_keeper.faults(board_id, codes)

    def _trouble(self, error: BaseException) -> None:
        board_id = error.board_id if isinstance(error, BoardUnreachable) else 0
        self._emit(Trouble(self._clock.now_s(), board_id, str(error)))


def _body(market_id: int, cleared: Cleared) -> Body:
    """The ledger's row, as far as it is known before it is judged."""
    return {
        "market_id": market_id,
        "session": cleared.session.hex(),
        "lane": cleared.lane,
        "price": cleared.price,
        "confirmed": cleared.confirmed,
        "takes": [
            {
                "board_id": take.board_id,
                "energy_mJ": take.energy_mJ,
                "signature": take.signature.hex(),
            }
            for take in cleared.takes
        ],
        "void": "",
    }
