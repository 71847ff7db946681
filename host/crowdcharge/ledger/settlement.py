# SPDX-License-Identifier: MIT
"""PURE: how a transfer is settled by the two receipts of its boards."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crowdcharge.boards.models import Receipt
from crowdcharge.ledger import kinds
from crowdcharge.ledger.rows import LOSS, account_of
from wptcore import ept
from wptcore.shares import apportion

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
    received_mJ = received.energy_mJ if received else 0
    sent_mJ = sent.energy_mJ if sent else received_mJ
    state = _closing_state(transfer, sent, received)
    return _rows(transfer, state, sent_mJ, sent, received)


def member_settlement(
    transfer: TransferRecord,
    place: int,
    group_id: int,
    sent: Receipt | None,
    received: Sequence[Receipt | None],
) -> list[kinds.Content]:
    """Return the rows that close one transfer of a group, the one at `place`; [] if none.

    `sent`: the transmitter's receipt for all of them; `received`: each receiver's. What was sent
    is apportioned by what each received, so that the parts add up to it exactly. No meter tells
    which part of the loss is whose.
    """
    energies_mJ = [each.energy_mJ if each else 0 for each in received]
    sent_mJ = apportion(sent.energy_mJ, energies_mJ) if sent else energies_mJ
    if sent and all(received):
        contradicts = _contradicts(transfer.ptx, group_id, sent, [*filter(None, received)])
        state = DISPUTED if contradicts else SETTLED
    else:
        state = ONE_SIDED if any(sent_mJ) else VOID
    return _rows(transfer, state, sent_mJ[place], sent, received[place])


def _contradicts(ptx: int, group_id: int, sent: Receipt, received: Sequence[Receipt]) -> bool:
    """Tell whether the receipts of a group are not of this group, or give more than was sent."""
    energy_mJ = sum(each.energy_mJ for each in received)
    return (
        energy_mJ > sent.energy_mJ + _tolerance_mJ(sent, received)
        or sent.peer != len(received)
        or any(each.peer != ptx for each in received)
        or any(each.group != _group_of(each, group_id) for each in (sent, *received))
    )


def _group_of(receipt: Receipt, group_id: int) -> int:
    """Return the group that a receipt must name: after a power cut a board knows of none."""
    return 0 if receipt.ept == ept.REBOOTED else group_id


def _rows(
    transfer: TransferRecord,
    state: str,
    sent_mJ: int,
    sent: Receipt | None,
    received: Receipt | None,
) -> list[kinds.Content]:
    received_mJ = received.energy_mJ if received else 0
    closing = kinds.State(
        transfer.transfer_id,
        state,
        sent.ept if sent else None,
        received.ept if received else None,
    )
    stands = kinds.State(transfer.transfer_id, transfer.state, transfer.ept_ptx, transfer.ept_prx)
    postings = list(_postings(transfer, sent_mJ, received_mJ))
    return [*postings, closing] if postings or closing != stands else []


def _closing_state(
    transfer: TransferRecord, sent: Receipt | None, received: Receipt | None
) -> str:
    if not transfer.prx:
        return SETTLED if sent else VOID
    if sent is None or received is None:
        metered = sent or received
        return ONE_SIDED if metered and metered.energy_mJ else VOID
    contradicts = (
        received.energy_mJ > sent.energy_mJ + _tolerance_mJ(sent, [received])
        or sent.peer != transfer.prx
        or received.peer != transfer.ptx
    )
    return DISPUTED if contradicts else SETTLED


def _tolerance_mJ(sent: Receipt, received: Sequence[Receipt]) -> int:
    """How much more may be seen received than sent, by honest meters."""
    samples_mJ = sum(each.peak_mW * _SAMPLE_MAX_ms // 1000 for each in received)
    return sent.energy_mJ // _METERS_DIVISOR + samples_mJ


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
