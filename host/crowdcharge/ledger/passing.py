# SPDX-License-Identifier: MIT
"""PURE: a book for one pass over millions of rows, which forgets what is over.

A service remembers every transfer; who verifies needs those that may still change. What a receipt
or a posting may not do a second time must be found for ever, so of a forgotten transfer its number
and its two boards are kept: four bytes.
"""

from array import array
from collections import deque

from crowdcharge.ledger import kinds
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.settlement import TransferRecord
from wptcore import wire

LATE = 256  # a transfer is forgotten once so many others were closed after it
_ROLES = (wire.PTX, wire.PRX)
_BLOCK_BITS = 6
_BOARD_BITS = 16
_BOARD_MAX = (1 << _BOARD_BITS) - 1


class PassingBook(Book):
    """Forgets closed transfers that both boards have told of; those of groups and markets stay.

    A row of a forgotten transfer makes no sense any more, as it would have by what it repeats.
    """

    def __init__(self) -> None:
        super().__init__()
        self._closed: deque[int] = deque()
        self._over = _Pairs()

    def boards_of(self, transfer_id: int) -> tuple[int, ...]:
        return super().boards_of(transfer_id) or self._over.of(transfer_id)

    def _apply_open(self, opened: kinds.Open) -> None:
        if self._over.of(opened.transfer_id):
            raise ValueError
        super()._apply_open(opened)

    def _apply_refusal(self, refusal: kinds.Refusal) -> None:
        if self._over.of(refusal.transfer_id):
            self.refusals += 1
        else:
            super()._apply_refusal(refusal)

    def _apply_receipt(self, shown: kinds.ReceiptRow) -> None:
        boards = dict(zip(_ROLES, self._over.of(shown.transfer_id), strict=False))
        if shown.board_id == boards.get(shown.role):
            raise ValueError
        super()._apply_receipt(shown)

    def _apply_state(self, stands: kinds.State) -> None:
        super()._apply_state(stands)
        self._closed.append(stands.transfer_id)
        if len(self._closed) > LATE:
            self._forget(self._closed.popleft())

    def _forget(self, number: int) -> None:
        transfer = self.transfers.get(number)
        if transfer is None or not self._is_over(transfer):
            return
        for key in _receipts_of(transfer):
            del self._raw[key]
        del self.transfers[number]
        self.seen_ids.discard(number)
        self._over.add(transfer)

    def _is_over(self, transfer: TransferRecord) -> bool:
        """Tell whether no row can follow, not even a receipt that only another site has read."""
        number = transfer.transfer_id
        told = all(key in self._raw and key not in self._passed for key in _receipts_of(transfer))
        is_more = number in self.members or number in self.bargains
        is_pair = 1 <= transfer.ptx <= _BOARD_MAX and 0 <= transfer.prx <= _BOARD_MAX
        return transfer.is_closed and told and is_pair and not is_more


def _receipts_of(transfer: TransferRecord) -> list[tuple[int, int, int]]:
    """Return the keys of a single transfer's receipts."""
    number = transfer.transfer_id
    sides = zip(transfer.boards, _ROLES, strict=False)
    return [(board_id, number, role) for board_id, role in sides]


class _Pairs:
    """The two boards of each transfer by its number, in blocks of consecutive numbers."""

    def __init__(self) -> None:
        self._blocks: dict[int, array[int]] = {}

    def add(self, transfer: TransferRecord) -> None:
        block, place = divmod(transfer.transfer_id, 1 << _BLOCK_BITS)
        if block not in self._blocks:
            self._blocks[block] = array("I", bytes(4 << _BLOCK_BITS))
        self._blocks[block][place] = transfer.ptx << _BOARD_BITS | transfer.prx

    def of(self, number: int) -> tuple[int, ...]:
        """Return who sent and who received, if anybody; () for a number that is not here."""
        block, place = divmod(number, 1 << _BLOCK_BITS)
        pair = self._blocks[block][place] if block in self._blocks else 0
        return tuple(filter(None, (pair >> _BOARD_BITS, pair & _BOARD_MAX)))
