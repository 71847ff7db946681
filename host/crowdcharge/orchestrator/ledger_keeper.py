# SPDX-License-Identifier: MIT
"""Keeps the ledger: writes ahead what is granted, fetches receipts, settles by them.

`sync` is the way in for a receipt, after a transfer as after a crash of the host: whatever a board
has metered and the ledger lacks is written, and every transfer of which both boards have told all
that they know is settled. `take` is the other way, for receipts that another site has read.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from crowdcharge.boards.codes import is_problem
from crowdcharge.boards.codes import name as code_name
from crowdcharge.boards.keys import Keys
from crowdcharge.boards.link import BoardLink
from crowdcharge.boards.models import (
    RUNNING_STATES,
    Ack,
    Beacon,
    BoardAgent,
    BoardConsent,
    Newest,
    Receipt,
)
from crowdcharge.clock import Clock
from crowdcharge.errors import GrantRefused, LedgerError, RemoteProtocolError
from crowdcharge.ledger import kinds
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.neighbours import Found
from crowdcharge.ledger.numbers import Numbering, ids_of
from crowdcharge.ledger.peers import is_peers, openings
from crowdcharge.ledger.rows import meter_row, passed_row, sample_row
from crowdcharge.ledger.settlement import TransferRecord
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.events import (
    BoardReading,
    Emit,
    FaultCleared,
    FaultRaised,
    Refused,
)
from crowdcharge.orchestrator.settler import Settler
from crowdcharge.policy.base import Offer
from crowdcharge.units import J_to_mJ
from wptcore import ept, transfer, wire

_SAMPLES_HELD = 200
_SAMPLES_MAX = 20_000  # held while the ledger cannot be written; the oldest are dropped
_RECEIPT_TRIES = 10
_RECEIPT_LAG_s = 0.1


class LedgerKeeper:
    """Writes the ledger of one host.

    `first_transfer_id`: where a new ledger begins to number. `agents`: each board as policies see
    it. `clears_lost_leases`: False while the run is paused, because then a person clears them.
    """

    def __init__(
        self, store: Store, keys: Keys, clock: Clock, emit: Emit, first_transfer_id: int
    ) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._emit = emit
        book = store.book
        ids = ids_of(book.site.number if book.site else 0)
        self._numbering = Numbering(ids, first_transfer_id, book.transfers, book.seen_ids)
        self._settler = Settler(store, clock, emit)
        self._found: list[Found] = []  # what `take` could not write yet
        self._read_to: dict[int, Newest] = {}  # by board, when it was last read
        self._collected: set[tuple[int, int]] = set()  # (transfer, board): COLLECTED was sent
        self._samples: list[kinds.Sample | kinds.Meter] = []
        self.agents: dict[int, BoardAgent] = {}
        self.clears_lost_leases = True

    @property
    def book(self) -> Book:
        return self._store.book

    # -- before and during a transfer --

    def open(self, offer: Offer, power_max_mW: int) -> TransferRecord:
        """Write a transfer to disk before any board is asked; `offer.prx` 0 for a ping."""
        transfer_id = self._numbering.next()
        energy_max_mJ = max(J_to_mJ(offer.energy_J), 1)
        opened = kinds.Open(
            transfer_id, offer.ptx, offer.prx, energy_max_mJ, power_max_mW, self._now_ms()
        )
        self._store.append([opened])
        return self._store.book.transfers[transfer_id]

    def open_group(
        self, ptx: int, shares_mJ: Mapping[int, int], rule: str, power_max_mW: int
    ) -> tuple[list[TransferRecord], int]:
        """Write a group to disk, a transfer for each receiver; return them and its number."""
        rows: list[kinds.Content] = []
        numbers = [self._numbering.next() for _ in shares_mJ]
        group_id = numbers[0] % wire.BOARD_ID_MAX + 1
        for transfer_id, (prx, share_mJ) in zip(numbers, shares_mJ.items(), strict=True):
            bounds = max(share_mJ, 1), power_max_mW, self._now_ms()
            rows.append(kinds.Open(transfer_id, ptx, prx, *bounds))
            rows.append(kinds.Member(transfer_id, numbers[0], group_id, rule))
        self._store.append(rows)
        return [self._store.book.transfers[number] for number in numbers], group_id

    def bargain(self, agreed: kinds.Bargain) -> None:
        """Make an opened transfer the sale that a market has agreed."""
        self._store.append([agreed])

    def refused(self, refusal: GrantRefused, transfer_id: int) -> None:
        name = code_name(refusal.code)
        self._store.append(
            [kinds.Refusal(transfer_id, refusal.board_id, refusal.code, name, self._now_ms())]
        )
        refused = refusal.board_id, transfer_id, refusal.code, name
        self._emit(Refused(self._clock.now_s(), *refused))

    def sample(self, board_id: int, role: int, ack: Ack) -> None:
        """Hold a sample back until the next settlement: plots need it, accounts do not."""
        self._samples.append(sample_row(board_id, role, ack, self._now_ms()))
        self.note(board_id, ack)
        if len(self._samples) >= _SAMPLES_HELD:
            with suppress(LedgerError):  # a locked file must not cost a lease; they stay held
                self.flush()
        del self._samples[:-_SAMPLES_MAX]

    def shown(self, ack: Ack, beacon: Beacon) -> None:
        """Hold back what a donor's meter shows while it gives."""
        self._samples.append(meter_row(ack.transfer_id, ack, beacon, self._now_ms()))

    def flush(self) -> None:
        self._store.append(self._samples)
        self._samples.clear()

    def note(self, board_id: int, ack: Ack, consent: BoardConsent | None = None) -> None:
        """Note the newest authentic charge, coil and consent, for the policy."""
        agent = self.agents.get(board_id)
        if agent is not None:
            self.agents[board_id] = agent.told(ack, consent or agent.consent)

    # -- what the boards metered --

    async def sync(self, link: BoardLink) -> Beacon:
        """Write all that this board can tell; return its status.

        RadioError and ProtocolError leave the rest for later.
        """
        board_id = link.board_id
        ack = await self._stop_leftover(link)
        receipts = await self._receipts(link, ack)
        self._settler.hear_out(board_id, ack)
        self._write(receipts)
        self._admit_found()
        await self._release(link, receipts)
        self._settler.forget_closed()
        await self._clear_lost_lease(link)
        beacon = await self._read(link)
        if self._lacks(ack, receipts):
            self._read_to.pop(board_id, None)
        else:
            self._read_to[board_id] = Newest.of(ack, beacon)
        return beacon

    async def has_read(self, link: BoardLink) -> bool:
        """Ask a board for its state and consent; tell whether it has not acted since it was read.

        No site may grant before that, because a new receipt may replace one that nobody has read.
        """
        ack = await link.ask()
        self.note(link.board_id, ack, await link.ask_consent())
        return self._read_to.get(link.board_id) == Newest.of(ack, await link.status())

    def take(self, found: list[Found]) -> None:
        """Write what other sites have read from boards and settles transfers opened here."""
        self._found += (each for each in found if self._is_ours(each[1]))
        with suppress(LedgerError):  # the next `sync` tries again, and says so
            self._admit_found()

    def _is_ours(self, receipt: Receipt) -> bool:
        """Tell whether a receipt belongs into this ledger; most belong into others."""
        if not self.book.lacks(receipt) and not openings(self.book, [receipt], 0):
            return False
        key = self._keys.get(receipt.board_id)
        return key is not None and receipt.signed_with(key)

    def _admit_found(self) -> None:
        found = {receipt.key: (finder, receipt) for finder, receipt in self._found}
        receipts = [receipt for _, receipt in found.values()]
        self._store.append(openings(self.book, receipts, self._now_ms()))
        passed = [each for each in found.values() if self.book.lacks(each[1])]
        self._store.append(passed_row(receipt, finder) for finder, receipt in passed)
        self._found.clear()
        self._settler.settle(receipt.transfer_id for _, receipt in passed)

    async def _release(self, link: BoardLink, receipts: list[Receipt]) -> None:
        """Tell the board which receipts of its meetings without a host it need not keep."""
        for receipt in receipts:
            told = receipt.transfer_id, link.board_id
            if is_peers(receipt) and told not in self._collected:
                await link.command(wire.COLLECTED, receipt.transfer_id)
                self._collected.add(told)

    async def _read(self, link: BoardLink) -> Beacon:
        """Tell the ledger and the policy the board's own state."""
        ack, beacon = link.ack, await link.status()
        agent = BoardAgent(link.board_id, link.limits, None)
        self.agents[link.board_id] = agent.told(ack, await link.ask_consent())
        reading = kinds.Reading(
            board_id=link.board_id,
            epoch=beacon.epoch,
            soc_permille=ack.soc_permille,
            sent_mJ=beacon.sent_mJ,
            received_mJ=beacon.received_mJ,
            capacity_mJ=link.limits.capacity_mJ,
            t_ms=self._now_ms(),
        )
        at_rest = [meter_row(0, ack, beacon, self._now_ms())] if beacon.bus_mV else []
        self._store.append([reading, *at_rest])
        self._emit(BoardReading(self._clock.now_s(), link.board_id, ack.soc_permille))
        return beacon

    def faults(self, board_id: int, codes: frozenset[int]) -> None:
        """Note the faults that stand now; each that is new or gone is one row and one event."""
        standing = self._store.book.faults.get(board_id, frozenset())
        changes = [(code, code in codes) for code in sorted(codes ^ standing)]
        if not changes:
            return
        self._store.append(
            kinds.Fault(board_id, code, code_name(code), raised, self._now_ms())
            for code, raised in changes
        )
        for code, raised in changes:
            event = FaultRaised if raised else FaultCleared
            self._emit(event(self._clock.now_s(), board_id, code, code_name(code)))

    def pending(self) -> set[int]:
        """Boards that still owe the ledger a receipt."""
        return self._settler.pending()

    def is_behind(self, beacon: Beacon) -> bool:
        """Tell whether a board's advert hints at a receipt that nobody has read here yet.

        Reasons are a transfer of another site, a meeting without a host, or a boot.
        """
        if beacon.state in RUNNING_STATES:
            return False
        read = self.book.last_reading.get(beacon.board_id)
        known = self._read_to.get(beacon.board_id)
        if read is None or known is None or known.runs:  # `known` may have ended before `read`
            return True
        told = beacon.epoch, beacon.sent_mJ, beacon.received_mJ
        return told != (read.epoch, read.sent_mJ, read.received_mJ)

    def has_problem(self, board_id: int) -> bool:
        """Tell whether a fault stands, by the ledger, that is more than a warning."""
        codes = self._store.book.faults.get(board_id, frozenset())
        return any(map(is_problem, codes))

    async def _stop_leftover(self, link: BoardLink) -> Ack:
        """End a transfer of ours that still runs from before a crash."""
        ack = await link.ask()
        if ack.runs(ack.transfer_id) and ack.transfer_id in self._store.book.transfers:
            await link.command(wire.STOP, ack.transfer_id)
            ack = await link.ask()
        return ack

    async def _receipts(self, link: BoardLink, ack: Ack) -> list[Receipt]:
        """Return the board's receipts, oldest first.

        Read again while one is torn (it changed under a long read), or while the one of the
        transfer that the board has just told about is missing: what can be read lags a little.
        RemoteProtocolError if one of ours stays without a good signature.
        """
        key = self._keys[link.board_id]
        for _ in range(_RECEIPT_TRIES):
            receipts = await link.receipts()
            signed = [receipt for receipt in receipts if receipt.signed_with(key)]
            if len(signed) == len(receipts) and not self._lacks(ack, receipts):
                break
            await asyncio.sleep(_RECEIPT_LAG_s)
        ours = self._store.book.transfers
        if any(receipt.transfer_id in ours for receipt in receipts if receipt not in signed):
            raise RemoteProtocolError(f"board {link.board_id}: a receipt with a wrong signature")
        return signed[::-1]  # what is not signed with `key` is older than this key

    def _lacks(self, ack: Ack, receipts: list[Receipt]) -> bool:
        told = ack.transfer_id
        has_ended = told != 0 and not ack.runs(told)
        return has_ended and all(receipt.transfer_id != told for receipt in receipts)

    def _write(self, receipts: list[Receipt]) -> None:
        book = self._store.book
        opened = openings(book, receipts, self._now_ms())
        rows = [*self._samples, *opened, *book.admit(receipts)]
        if rows:
            self._store.append(rows)
        self._samples.clear()
        unsettled = {each.transfer_id for each in book.unsettled()}
        told = {receipt.transfer_id for receipt in receipts}  # a late receipt reopens a transfer
        self._settler.settle(unsettled | told)

    def close_books(self) -> None:
        """Settle at the end of a run what only one board has receipted."""
        self._settler.settle_one_sided()
        self.flush()

    async def _clear_lost_lease(self, link: BoardLink) -> None:
        """Clear a lost lease once its receipt is in the ledger; a person judges other latches."""
        codes = await link.faults()
        self.faults(link.board_id, codes)
        if link.ack.state != transfer.FAULT or not self.clears_lost_leases:
            return
        if ept.LEASE_LOST in {link.ack.ept, *codes}:
            self.faults(link.board_id, codes | {ept.LEASE_LOST})
            ack = await link.command(wire.CLEAR, ept.LEASE_LOST)
            if ack.code == ept.NONE:
                self.faults(link.board_id, codes - {ept.LEASE_LOST})

    def _now_ms(self) -> int:
        return int(self._clock.now_s() * 1000)
