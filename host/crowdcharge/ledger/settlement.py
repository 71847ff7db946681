# SPDX-License-Identifier: MIT
"""PURE: how a transfer is settled by the two receipts of its boards."""

from collections.abc import Iterator
from dataclasses import dataclass

from crowdcharge.boards.models import Receipt
from crowdcharge.ledger import kinds
from crowdcharge.ledger.rows import LOSS, account_of

OPEN, SETTLED, ONE_SIDED, DISPUTED = "open", "settled", "one-sided", "disputed"
VOID = "void"  # granted to neither, or no energy flowed before a refusal

# Why a transfer counts in no efficiency.
UNSETTLED_BECAUSE = {
    OPEN: "no board has given its receipt yet",
    ONE_SIDED: "one board's receipt is missing, so only what the other one metered is booked",
    DISPUTED: "the receipts contradict each other: more was received than sent, or another peer",
}

_METERS_DIVISOR = 50  # two meters of 1 % each
_SAMPLE_MAX_ms = 500  # and a first or last sample that stands for as long as a board accepts


@dataclass(frozen=True, slots=True)
class TransferRecord:
    """`prx` 0: a ping, which has no receiver. Energies are what has been posted."""

    transfer_id: int
    ptx: int
    prx: int
    energy_max_mJ: int
    opened_ms: int
    state: str = OPEN
    sent_mJ: int = 0
    received_mJ: int = 0
    loss_mJ: int = 0
    ept_ptx: int | None = None
    ept_prx: int | None = None
    refused: bool = False

    @property
    def boards(self) -> tuple[int, ...]:
        return (self.ptx, self.prx) if self.prx else (self.ptx,)

    @property
    def is_closed(self) -> bool:
        return self.state not in {OPEN, ONE_SIDED}


def settlement(
    transfer: TransferRecord, sent: Receipt | None, received: Receipt | None
) -> list[kinds.Content]:
    """Return the rows that close a transfer by what the boards metered; [] if nothing changes.

    A missing receipt (None) books that side with nothing unless the other proves energy: what was
    received was at least sent. When the missing one arrives later, the difference is posted.
    """
    state = _closing_state(transfer, sent, received)
    received_mJ = received.energy_mJ if received else 0
    sent_mJ = sent.energy_mJ if sent else received_mJ
    ept_ptx = sent.ept if sent else None
    ept_prx = received.ept if received else None
    if (transfer.state, transfer.ept_ptx, transfer.ept_prx) == (state, ept_ptx, ept_prx):
        return []
    closing = kinds.State(transfer.transfer_id, state, ept_ptx, ept_prx)
    return [*_postings(transfer, sent_mJ, received_mJ), closing]


def _closing_state(
    transfer: TransferRecord, sent: Receipt | None, received: Receipt | None
) -> str:
    if not transfer.prx:
        return SETTLED if sent else VOID
    if sent is None or received is None:
        metered = sent or received
        return ONE_SIDED if metered and metered.energy_mJ else VOID
    contradicts = (
        received.energy_mJ > sent.energy_mJ + _tolerance_mJ(sent, received)
        or sent.peer != transfer.prx
        or received.peer != transfer.ptx
    )
    return DISPUTED if contradicts else SETTLED


def _tolerance_mJ(sent: Receipt, received: Receipt) -> int:
    """How much more may be seen received than sent, by honest meters."""
    sample_mJ = received.peak_mW * _SAMPLE_MAX_ms // 1000
    return sent.energy_mJ // _METERS_DIVISOR + sample_mJ


def _postings(transfer: TransferRecord, sent_mJ: int, received_mJ: int) -> Iterator[kinds.Entry]:
    """Double entry: what leaves one account arrives on the others; the amounts add up to zero."""
    amounts = {
        account_of(transfer.ptx): transfer.sent_mJ - sent_mJ,
        account_of(transfer.prx): received_mJ - transfer.received_mJ,
        LOSS: (sent_mJ - received_mJ) - transfer.loss_mJ,
    }
    for account, amount_mJ in amounts.items():
        if amount_mJ:
            yield kinds.Entry(transfer.transfer_id, account, amount_mJ)
