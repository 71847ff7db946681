# SPDX-License-Identifier: MIT
"""PURE: are the postings, the state and the credit of a transfer what its receipts say?

Every settlement is computed again from the receipts that stand before it, by the function that
made it. So no energy is booked without a receipt, no state or end code differs from them, and
nobody earns what the rule of the crowd does not give.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from crowdcharge.ledger import kinds
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.settlement import OPEN, TransferRecord


class Recount:
    """Sees every row before the book applies it.

    A settlement is postings, then a state, then the credit if the transfer earns one.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._postings: list[kinds.Entry] = []
        self._before: TransferRecord | None = None
        self._credit: kinds.Credit | None = None  # that the next row must be
        self._readings = 0
        self._receipted: dict[int, int] = {}  # unsettled: how many readings at the last receipt

    def see(self, content: kinds.Content) -> Iterator[str]:
        due, self._credit = self._credit, None
        yield from _miscredited(due, content)
        if isinstance(content, kinds.Entry):
            yield from self._entry(content)
        elif isinstance(content, kinds.State):
            yield from self._state(content)
        else:
            yield from self.end()
            self._remember(content)

    def end(self) -> Iterator[str]:
        """Find postings that no state follows, and a state that no credit follows."""
        yield from _miscredited(self._credit, None)
        self._credit = None
        if self._postings:
            yield f"transfer {self._postings[0].transfer_id}: no state follows its postings"
            self._postings, self._before = [], None

    def unsettled(self) -> Iterator[tuple[str, bool]]:
        """Find transfers whose receipts are not booked; and whether no killed host explains it."""
        for number, transfer in self._book.transfers.items():
            receipts = self._book.receipts(transfer)
            if any(receipts) and self._book.settlement(transfer):
                late = all(receipts) and self._readings > self._receipted.get(number, 0)
                yield f"transfer {number} is {transfer.state}, but its receipts are here", late
            elif transfer.state == OPEN:
                yield f"transfer {number} is open", False

    def _remember(self, content: kinds.Content) -> None:
        """Remember a board's state: a host reads it only after settling what the board told."""
        if isinstance(content, kinds.ReceiptRow | kinds.Passed):
            transfer = self._book.transfers.get(content.transfer_id)
            late = self._book.together(transfer) if transfer else []
            self._receipted[content.transfer_id] = self._readings
            self._receipted.update((each.transfer_id, self._readings) for each in late)
        elif isinstance(content, kinds.Reading):
            self._readings += 1

    def _entry(self, entry: kinds.Entry) -> Iterator[str]:
        if self._postings and self._postings[0].transfer_id != entry.transfer_id:
            yield from self.end()
        if not self._postings:
            self._before = self._book.transfers.get(entry.transfer_id)
        self._postings.append(entry)

    def _state(self, state: kinds.State) -> Iterator[str]:
        if self._postings and self._postings[0].transfer_id != state.transfer_id:
            yield from self.end()
        before = self._before or self._book.transfers.get(state.transfer_id)
        postings = self._postings
        self._postings, self._before = [], None
        self._receipted.pop(state.transfer_id, None)
        if before is None:
            return  # the book says so
        due = self._book.settlement(before)
        self._credit = next((each for each in due if isinstance(each, kinds.Credit)), None)
        for text in _differences(postings, state, due):
            yield f"transfer {before.transfer_id}: {text}"


def _differences(
    postings: list[kinds.Entry], state: kinds.State, due: list[kinds.Content]
) -> Iterator[str]:
    """Compare what was written with what is `due` by the receipts."""
    if not due:
        yield "is settled again, though its receipts say nothing new"
        return
    for stands in due:
        if isinstance(stands, kinds.State) and stands != state:
            yield f"{_words(state)}, but the receipts say {_words(stands)}"
    entries = [entry for entry in due if isinstance(entry, kinds.Entry)]
    if Counter(postings) != Counter(entries):
        yield f"books {_sum(postings)}, but the receipts say {_sum(entries)}"


def _miscredited(due: kinds.Content | None, stands: kinds.Content | None) -> Iterator[str]:
    """Compare what stands behind a state with the credit that belongs there, if any does."""
    given = [each for each in (stands, due) if isinstance(each, kinds.Credit)]
    if given and stands != due:
        yield (
            f"transfer {given[0].transfer_id}: {_credit_words(stands)}, "
            f"but the receipts say: {_credit_words(due)}"
        )


def _credit_words(row: kinds.Content | None) -> str:
    if not isinstance(row, kinds.Credit):
        return "no credit"
    return f"board {row.debtor} owes {row.creditor} {row.amount_mJ} mJ in crowd {row.crowd}"


def _words(state: kinds.State) -> str:
    return f"{state.state} (end codes {state.ept_ptx} and {state.ept_prx})"


def _sum(entries: Iterable[kinds.Entry]) -> str:
    return ", ".join(f"{each.account} {each.amount_mJ:+} mJ" for each in entries) or "nothing"
