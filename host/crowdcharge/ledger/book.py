# SPDX-License-Identifier: MIT
"""PURE: the state that the rows of a ledger add up to: one `_apply_` for each kind of row."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from crowdcharge.boards.models import Receipt
from crowdcharge.ledger import kinds
from crowdcharge.ledger.reward import Credits
from crowdcharge.ledger.rows import (
    LOSS,
    Row,
    account_of,
    claim_row,
    gap_row,
    receipt_of,
    receipt_row,
    unpacked,
)
from crowdcharge.ledger.settlement import OPEN, TransferRecord, member_settlement, settlement
from wptcore import wire


@dataclass(slots=True)
class Book:
    """What the rows add up to; `apply` each row in order."""

    transfers: dict[int, TransferRecord] = field(default_factory=dict)
    last_receipt: dict[tuple[int, int], Receipt] = field(default_factory=dict)
    balances_mJ: dict[str, int] = field(default_factory=dict)
    first_reading: dict[int, kinds.Reading] = field(default_factory=dict)
    last_reading: dict[int, kinds.Reading] = field(default_factory=dict)
    faults: dict[int, frozenset[int]] = field(default_factory=dict)  # codes that stand
    runs: list[kinds.Run] = field(default_factory=list)
    markets: dict[int, kinds.MarketRow] = field(default_factory=dict)
    bargains: dict[int, kinds.Bargain] = field(default_factory=dict)  # by transfer
    payments: list[kinds.Payment] = field(default_factory=list)
    claims: dict[tuple[int, int, int], kinds.Claim] = field(default_factory=dict)
    members: dict[int, kinds.Member] = field(default_factory=dict)  # by transfer
    groups: dict[int, list[int]] = field(default_factory=dict)  # all transfers, by the first one
    credits: Credits = field(default_factory=Credits)
    site: kinds.SiteRow | None = None  # None: the only one, as far as this ledger knows
    refusals: int = 0
    rows: int = 0
    seen_ids: set[int] = field(default_factory=set)  # of transfers, also of other hosts'
    _unsettled: dict[int, None] = field(default_factory=dict)  # in the order of opening
    # Receipts by their keys, as they were read: a service holds every one for months, and unpacked
    # they would take six times the memory.
    _raw: dict[tuple[int, int, int], bytes] = field(default_factory=dict)
    # Keys of receipts that only another site has read from the board.
    _passed: set[tuple[int, int, int]] = field(default_factory=set)

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Book":
        book = cls()
        for row in rows:
            book.apply(row)
        return book

    def apply(self, row: Row, content: kinds.Content | None = None) -> None:
        """Add a row; `content` is what it says, if that is known already.

        LedgerError names a row that makes no sense.
        """
        content = content or row.content()
        try:
            getattr(self, "_apply_" + row.kind)(content)
        except KeyError:
            raise row.wrong("makes no sense") from None
        except ValueError as error:
            raise row.wrong(str(error) or "makes no sense") from None
        self.rows += 1

    def _apply_run(self, run: kinds.Run) -> None:
        self.runs.append(run)

    def _apply_reading(self, reading: kinds.Reading) -> None:
        self.first_reading.setdefault(reading.board_id, reading)
        self.last_reading[reading.board_id] = reading

    def _apply_open(self, opened: kinds.Open) -> None:
        transfer_id = opened.transfer_id
        if transfer_id in self.transfers:
            raise ValueError
        self.transfers[transfer_id] = TransferRecord(
            transfer_id, opened.ptx, opened.prx, opened.energy_max_mJ, opened.t_ms
        )
        self.seen_ids.add(transfer_id)
        self._unsettled[transfer_id] = None
        self.credits.opened(self.transfers[transfer_id])

    def _apply_refusal(self, refusal: kinds.Refusal) -> None:
        self.refusals += 1
        self._update(refusal.transfer_id, refused=True)

    def _apply_sample(self, sample: kinds.Sample) -> None:
        pass  # for plots; nothing is settled by a sample

    def _apply_meter(self, meter: kinds.Meter) -> None:
        pass  # for the passport

    def _apply_receipt(self, shown: kinds.ReceiptRow) -> None:
        receipt = receipt_of(shown)
        if self._raw.get(receipt.key, receipt.raw) != receipt.raw or self._has(receipt):
            raise ValueError
        self._raw[receipt.key] = receipt.raw
        self._passed.discard(receipt.key)
        self.seen_ids.add(receipt.transfer_id)
        self.last_receipt[receipt.board_id, receipt.role] = receipt

    def _apply_claim(self, claim: kinds.Claim) -> None:
        """Check that a claim is of the other side of a transfer that is here."""
        transfer = self.transfers[claim.transfer_id]
        role = wire.PTX if claim.board_id == transfer.ptx else wire.PRX
        shown = claim_row(unpacked(claim.raw), claim.t_ms)
        key = claim.board_id, claim.transfer_id, claim.role
        if claim.board_id not in transfer.boards or claim.role != role or key in self.claims:
            raise ValueError
        if shown != claim:
            raise ValueError("shows other values than it holds")
        self.claims[key] = claim

    def _apply_passed(self, passed: kinds.Passed) -> None:
        receipt = unpacked(passed.raw)
        if not self.lacks(receipt):
            raise ValueError
        self._raw[receipt.key] = receipt.raw
        self._passed.add(receipt.key)
        self._unsettled[receipt.transfer_id] = None  # also if it was closed without this receipt

    def _apply_site(self, site: kinds.SiteRow) -> None:
        if self.site is not None:
            raise ValueError("gives the ledger another site")
        self.site = site

    def _apply_gap(self, gap: kinds.Gap) -> None:
        pass  # `verify` checks it

    def _apply_entry(self, entry: kinds.Entry) -> None:
        transfer = self.transfers[entry.transfer_id]
        account, amount_mJ = entry.account, entry.amount_mJ
        if account == LOSS:
            self._update(entry.transfer_id, loss_mJ=transfer.loss_mJ + amount_mJ)
        elif account == account_of(transfer.ptx):
            self._update(entry.transfer_id, sent_mJ=transfer.sent_mJ - amount_mJ)
        elif account == account_of(transfer.prx):
            self._update(entry.transfer_id, received_mJ=transfer.received_mJ + amount_mJ)
        else:
            raise ValueError
        self.balances_mJ[account] = self.balances_mJ.get(account, 0) + amount_mJ

    def _apply_state(self, stands: kinds.State) -> None:
        self._update(
            stands.transfer_id, state=stands.state, ept_ptx=stands.ept_ptx, ept_prx=stands.ept_prx
        )

    def _apply_fault(self, fault: kinds.Fault) -> None:
        code, standing = frozenset({fault.code}), self.faults.get(fault.board_id, frozenset())
        self.faults[fault.board_id] = standing | code if fault.raised else standing - code

    def _apply_market(self, market: kinds.MarketRow) -> None:
        if market.market_id in self.markets:
            raise ValueError
        self.markets[market.market_id] = market

    def _apply_bargain(self, bargain: kinds.Bargain) -> None:
        """Check that a bargain has the price of its market and the two boards of its transfer."""
        transfer = self.transfers[bargain.transfer_id]
        market = self.markets[bargain.market_id]
        if (bargain.seller, bargain.buyer) != (transfer.ptx, transfer.prx):
            raise ValueError
        if bargain.transfer_id in self.bargains or bargain.price != market.price:
            raise ValueError
        self.bargains[bargain.transfer_id] = bargain
        self.credits.paid(bargain.transfer_id)

    def _apply_payment(self, payment: kinds.Payment) -> None:
        bargain = self.bargains[payment.transfer_id]
        if (payment.payer, payment.payee) != (bargain.buyer, bargain.seller):
            raise ValueError
        self.payments.append(payment)

    def _apply_reward(self, reward: kinds.Reward) -> None:
        self.credits.rule(reward)

    def _apply_credit(self, credit: kinds.Credit) -> None:
        self.credits.credit(self.transfers[credit.transfer_id], credit)

    def _apply_member(self, member: kinds.Member) -> None:
        """Check that a group has one transmitter, one number, and each receiver once."""
        transfer = self.transfers[member.transfer_id]
        group = self.groups.setdefault(member.head_id, [])
        others = [self.transfers[each] for each in group]
        head = self.members.get(member.head_id, member)
        if (member.transfer_id == member.head_id) != (not group) or transfer.state != OPEN:
            raise ValueError
        if head.group_id != member.group_id or len(group) >= wire.GROUP_MAX or not transfer.prx:
            raise ValueError
        if any(each.ptx != transfer.ptx or each.prx == transfer.prx for each in others):
            raise ValueError
        self.members[member.transfer_id] = member
        group.append(member.transfer_id)

    def _update(self, transfer_id: int, **changes: Any) -> None:
        transfer = replace(self.transfers[transfer_id], **changes)
        self.transfers[transfer_id] = transfer
        self.credits.stands(transfer)
        if transfer.is_closed:
            self._unsettled.pop(transfer_id, None)

    def unsettled(self, board_id: int | None = None) -> list[TransferRecord]:
        """Return the transfers that are open or one-sided, of one board or of all."""
        found = (self.transfers[transfer_id] for transfer_id in self._unsettled)
        return [transfer for transfer in found if board_id in {None, *transfer.boards}]

    def receipt(self, transfer: TransferRecord, role: int) -> Receipt | None:
        """Return a side's receipt; a group's transmitter has one for all of its transfers."""
        board_id, transfer_id = transfer.prx, transfer.transfer_id
        if role == wire.PTX:
            member = self.members.get(transfer_id)
            board_id, transfer_id = transfer.ptx, member.head_id if member else transfer_id
        raw = self._raw.get((board_id, transfer_id, role))
        return Receipt.unpack(raw) if raw else None

    def boards_of(self, transfer_id: int) -> tuple[int, ...]:
        """Return the boards of a transfer; none for one that was not opened here."""
        transfer = self.transfers.get(transfer_id)
        return transfer.boards if transfer else ()

    def together(self, transfer: TransferRecord) -> list[TransferRecord]:
        """Return all transfers of a transfer's group; only itself, if it is in no group."""
        member = self.members.get(transfer.transfer_id)
        return (
            [self.transfers[each] for each in self.groups[member.head_id]]
            if member
            else [transfer]
        )

    def receipts(self, transfer: TransferRecord) -> list[Receipt | None]:
        """Return all receipts by which a transfer is settled, the transmitter's first."""
        receivers = [each for each in self.together(transfer) if each.prx]
        received = (self.receipt(each, wire.PRX) for each in receivers)
        return [self.receipt(transfer, wire.PTX), *received]

    def settlement(self, transfer: TransferRecord) -> list[kinds.Content]:
        """Return the rows that close a transfer by its receipts of now; [] if nothing changes.

        The last of them is what it earns, if it earns anything.
        """
        rows = self._closing(transfer)
        return [*rows, *self.credits.due(transfer, rows)]

    def _closing(self, transfer: TransferRecord) -> list[kinds.Content]:
        member = self.members.get(transfer.transfer_id)
        if member is None:
            receipts = (self.receipt(transfer, role) for role in (wire.PTX, wire.PRX))
            return settlement(transfer, *receipts)
        place = self.groups[member.head_id].index(transfer.transfer_id)
        sent, *received = self.receipts(transfer)
        return member_settlement(transfer, place, member.group_id, sent, received)

    def lacks(self, receipt: Receipt) -> bool:
        """Tell whether a receipt is missing here, of a transfer that was opened here."""
        transfer = self.transfers.get(receipt.transfer_id)
        if transfer is None or receipt.key in self._raw:
            return False
        return receipt.board_id == (transfer.ptx if receipt.role == wire.PTX else transfer.prx)

    def _has(self, receipt: Receipt) -> bool:
        """Tell whether this host has read the receipt from its board itself."""
        return receipt.key in self._raw and receipt.key not in self._passed

    def admit(self, receipts: Iterable[Receipt]) -> list[kinds.Content]:
        """Return the rows for the new receipts, oldest first, with the gaps between them."""
        rows: list[kinds.Content] = []
        last = dict(self.last_receipt)
        for receipt in receipts:
            if self._has(receipt):
                continue
            before = last.get((receipt.board_id, receipt.role))
            if before is not None and before.odometer_mJ != receipt.start_mJ:
                rows.append(gap_row(before, receipt))
            rows.append(receipt_row(receipt))
            last[receipt.board_id, receipt.role] = receipt
        return rows
