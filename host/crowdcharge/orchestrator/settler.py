# SPDX-License-Identifier: MIT
"""Settles transfers, and pays for them, once their boards have told what they know."""

from collections.abc import Iterable

from crowdcharge.boards.models import Ack
from crowdcharge.clock import Clock
from crowdcharge.ledger.payments import payments_due
from crowdcharge.ledger.settlement import TransferRecord
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.events import Emit, Paid, Settled
from wptcore import wire


class Settler:
    """Remembers which boards have been heard out: they have no receipt that is not read yet."""

    def __init__(self, store: Store, clock: Clock, emit: Emit) -> None:
        self._store = store
        self._book = store.book
        self._clock = clock
        self._emit = emit
        self._heard_out: set[tuple[int, int]] = set()  # (transfer, board)

    def hear_out(self, board_id: int, ack: Ack) -> None:
        """Note that a board has told all about its transfers but the one that still runs."""
        self._heard_out |= {
            (unsettled.transfer_id, board_id)
            for unsettled in self._book.unsettled(board_id)
            if not ack.runs(unsettled.transfer_id)
        }

    def forget_closed(self) -> None:
        unsettled = {each.transfer_id for each in self._book.unsettled()}
        self._heard_out = {each for each in self._heard_out if each[0] in unsettled}

    def pending(self) -> set[int]:
        """Return the boards that still owe the ledger a receipt."""
        return {
            board_id
            for unsettled in self._book.unsettled()
            for board_id in unsettled.boards
            if (unsettled.transfer_id, board_id) not in self._heard_out
        }

    def settle(self, transfer_ids: Iterable[int]) -> None:
        """Settle those of these transfers, and of their groups, of which all is known.

        Numbers of transfers that were not opened here are left out.
        """
        book = self._book
        known = [book.transfers[each] for each in transfer_ids if each in book.transfers]
        for transfer_id in sorted({e.transfer_id for each in known for e in book.together(each)}):
            transfer = book.transfers[transfer_id]
            if all(map(self._is_known, book.together(transfer))):
                self._post(transfer)

    def settle_one_sided(self) -> None:
        """Settle what one board has receipted, whatever the other owes."""
        for unsettled in self._book.unsettled():
            if any(self._book.receipts(unsettled)):
                self._post(unsettled)

    def _is_known(self, transfer: TransferRecord) -> bool:
        """Tell whether each side has given its receipt, or has been heard out and has none."""
        return all(
            (transfer.transfer_id, board_id) in self._heard_out
            or self._book.receipt(transfer, role) is not None
            for board_id, role in zip(transfer.boards, (wire.PTX, wire.PRX), strict=False)
        )

    def _post(self, transfer: TransferRecord) -> None:
        rows = self._book.settlement(transfer)
        if not rows:
            return
        self._store.append(rows)
        self._pay()
        settled = self._book.transfers[transfer.transfer_id]
        energies_mJ = settled.sent_mJ, settled.received_mJ, settled.loss_mJ
        self._emit(Settled(self._clock.now_s(), settled.transfer_id, settled.state, *energies_mJ))

    def _pay(self) -> None:
        """Pay what is owed by now in markets. Calling again pays nothing twice."""
        due = payments_due(self._book)
        self._store.append(due)
        for payment in due:
            parties = (payment.transfer_id, payment.payer, payment.payee)
            self._emit(Paid(self._clock.now_s(), *parties, payment.amount_u))
