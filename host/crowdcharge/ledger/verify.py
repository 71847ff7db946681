# SPDX-License-Identifier: MIT
"""PURE: does a ledger still say what was written, and does it add up?

A hash chain shows that a row was altered, inserted or taken out. It cannot show that someone wrote
the whole chain anew; then the boards' signatures on the receipts remain, and everything that
follows from them is computed again. What follows from no signature is counted, so that the
verdict claims no more than was checked.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from crowdcharge.boards.fleet import odometer_rise_mJ
from crowdcharge.errors import LedgerError
from crowdcharge.ledger import audit, kinds
from crowdcharge.ledger.odometers import Odometers
from crowdcharge.ledger.passing import PassingBook
from crowdcharge.ledger.payments import Accounts
from crowdcharge.ledger.plausible import contradictions, oddities, out_of_range
from crowdcharge.ledger.recount import Recount
from crowdcharge.ledger.rows import (
    FIRST_HASH,
    Row,
    passed_row,
    receipt_row,
    row_hash,
    unpacked,
)
from crowdcharge.ledger.signers import Signers
from crowdcharge.ledger.verdict import Finding, Verdict

# Kinds that follow from nothing that a board signed; so does a void market.
_UNSIGNED = {
    "run",
    "reading",
    "open",
    "refusal",
    "sample",
    "fault",
    "gap",
    "claim",
    "member",
    "site",
    "reward",
}


def verify(
    rows: Iterable[Row],
    keys: Mapping[int, bytes],
    retired: Mapping[int, Sequence[bytes]] | None = None,
) -> list[Finding]:
    """All findings in order; see `judge`."""
    return judge(rows, keys, retired).findings


def judge(
    rows: Iterable[Row],
    keys: Mapping[int, bytes],
    retired: Mapping[int, Sequence[bytes]] | None = None,
) -> Verdict:
    """Check a ledger; the chain is checked up to the first row that breaks it.

    `retired`: keys that a board had before its one in `keys`, oldest first.
    """
    verifier = _Verifier(Signers(keys, retired))
    verifier.verdict.findings.extend(verifier.run(rows))
    return verifier.verdict


class _Verifier:
    def __init__(self, signers: Signers) -> None:
        self.verdict = Verdict(unchecked=signers.unchecked)
        self._signers = signers
        self._book = PassingBook()
        self._odometers = Odometers(self._book)
        self._recount = Recount(self._book)
        self._accounts = Accounts()

    def run(self, rows: Iterable[Row]) -> Iterator[Finding]:
        previous, seq = FIRST_HASH, 0
        for row in rows:
            seq += 1
            if row.seq != seq:
                yield Finding(seq, f"is missing; row {row.seq} follows")
                return
            if row_hash(previous, row.seq, row.kind, row.body) != row.hash:
                yield Finding(seq, f"({row.kind}) was altered: its hash does not fit")
                return
            yield from self._check(row)
            previous = row.hash
        self.verdict.rows, self.verdict.signatures = seq, self._signers.asked
        yield from self._end(seq)

    def _end(self, seq: int) -> Iterator[Finding]:
        """Find what is wrong with the whole ledger, after its last row."""
        for text in self._recount.end():
            yield Finding(seq, text)
        for text, wrong in self._recount.unsettled():
            self.verdict.unsettled += 1
            yield Finding(seq, text, wrong)
        for text in (*audit.unpaid(self._book, self._accounts), *self._odometers.end()):
            yield Finding(seq, text, wrong=False)
        for text in self._conservation():
            yield Finding(seq, text)

    def _check(self, row: Row) -> Iterator[Finding]:
        try:
            content = row.content()
            if row.kind in _UNSIGNED or (isinstance(content, kinds.MarketRow) and content.void):
                self.verdict.unsigned[row.kind] += 1
            for text in (*self._before(content), *self._receipt(content)):
                yield Finding(row.seq, f"({row.kind}) {text}")
            self._book.apply(row, content)
            for text in self._applied(content):
                yield Finding(row.seq, f"({row.kind}) {text}")
            for text in self._notes(content):
                yield Finding(row.seq, f"({row.kind}) {text}", wrong=False)
        except LedgerError as error:
            yield Finding(row.seq, str(error).removeprefix(f"row {row.seq} "))

    def _before(self, content: kinds.Content) -> Iterator[str]:
        """Find what the rows before do not allow."""
        yield from out_of_range(content)
        yield from self._odometers.see(content)
        yield from self._recount.see(content)
        yield from contradictions(self._book, content)

    def _receipt(self, shown: kinds.Content) -> Iterator[str]:
        """Compare a receipt with what was signed."""
        if not isinstance(shown, kinds.ReceiptRow | kinds.Passed):
            return
        try:
            receipt = unpacked(shown.raw)
        except ValueError:
            return  # the book says so when the row is applied
        signed = (
            passed_row(receipt, shown.finder)
            if isinstance(shown, kinds.Passed)
            else receipt_row(receipt)
        )
        if shown != signed:
            yield "shows other values than were signed"
        if not self._signers.accept(receipt.board_id, receipt.signed_with):
            yield f"is not signed by board {receipt.board_id}"

    def _applied(self, content: kinds.Content) -> Iterable[str]:
        """Find what is wrong in a row that the book has already applied."""
        match content:
            case kinds.MarketRow():
                return audit.market_faults(content, self._signers)
            case kinds.Bargain():
                return audit.bargain_faults(self._book, content)
            case kinds.Payment():
                self._accounts.append(content)
                return audit.payment_faults(self._book, self._accounts, content)
        return ()

    def _notes(self, content: kinds.Content) -> Iterator[str]:
        if isinstance(content, kinds.Gap):
            energy_mJ = odometer_rise_mJ(content.from_mJ, content.to_mJ)
            yield f"board {content.board_id}: {energy_mJ} mJ are on no receipt of this ledger"
        if isinstance(content, kinds.Claim):
            self.verdict.claimed += 1
            yield from self._false_claim(content)
        yield from oddities(self._book, content)

    def _false_claim(self, claim: kinds.Claim) -> Iterator[str]:
        """Find a claim that the board never signed, if its key is known by now."""
        signed_with = unpacked(claim.raw).signed_with
        board_id = claim.board_id
        if self._signers.knows(board_id) and not self._signers.accept(board_id, signed_with):
            yield f"claims what board {board_id} has not signed"

    def _conservation(self) -> Iterator[str]:
        credits_u = sum(self._accounts.balances_u().values())
        if credits_u:
            yield f"the markets' accounts add up to {credits_u} micro-credits, not 0"
        total_mJ = sum(self._book.balances_mJ.values())
        if total_mJ:
            yield f"the accounts add up to {total_mJ} mJ instead of 0"
