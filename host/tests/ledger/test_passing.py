# SPDX-License-Identifier: MIT
"""Whoever verifies forgets transfers that are over, and still finds what comes a second time."""

from collections.abc import Callable, Iterator

import pytest

from crowdcharge.boards.models import Receipt
from crowdcharge.ledger import kinds
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.passing import LATE, PassingBook
from crowdcharge.ledger.payments import Accounts
from crowdcharge.ledger.rows import FIRST_HASH, Row, chained, passed_row, receipt_row
from crowdcharge.ledger.settlement import TransferRecord
from crowdcharge.ledger.verify import judge
from wptcore import ept, wire
from wptcore.market import FRACTION_BITS

from .conftest import KEYS, opening, reading, sign

SENT_mJ, RECEIVED_mJ = 1000, 600
COUNT = LATE + 20


def chain(contents: list[kinds.Content]) -> list[Row]:
    rows: list[Row] = []
    for seq, content in enumerate(contents, 1):
        rows.append(chained(seq, rows[-1].hash if rows else FIRST_HASH, content))
    return rows


def story(second: Callable[[int, Receipt], list[kinds.Content]]) -> Iterator[kinds.Content]:
    """Transfers 1 to COUNT between boards 1 and 2, settled; `second`: what 2 told."""
    book = Book()

    def applied(content: kinds.Content) -> kinds.Content:
        book.apply(Row(0, kinds.kind_of(content), "", ""), content)
        return content

    for number in range(1, COUNT + 1):
        sent = sign(1, number, wire.PTX, SENT_mJ, odometer_mJ=SENT_mJ * number)
        received = sign(2, number, wire.PRX, RECEIVED_mJ, odometer_mJ=RECEIVED_mJ * number)
        told = [opening(number), receipt_row(sent), *second(number, received)]
        yield from map(applied, told)
        yield from map(applied, book.settlement(book.transfers[number]))
    yield reading(1, 500, sent_mJ=SENT_mJ * COUNT)
    yield reading(2, 500, received_mJ=RECEIVED_mJ * COUNT)


@pytest.fixture(scope="module")
def contents() -> list[kinds.Content]:
    return list(story(lambda _, receipt: [receipt_row(receipt)]))


def test_an_honest_ledger_is_forgotten_but_for_its_end(contents: list[kinds.Content]) -> None:
    rows = chain(contents)
    verdict = judge(rows, KEYS)
    assert verdict.findings == []
    assert verdict.signatures == 2 * COUNT
    whole, passing = Book.of(rows), PassingBook.of(rows)
    assert len(whole.transfers) == COUNT
    assert len(passing.transfers) == len(passing._raw) / 2 == len(passing.seen_ids) == LATE
    assert passing.balances_mJ == whole.balances_mJ


@pytest.mark.parametrize("told", [lambda _: [], lambda receipt: [passed_row(receipt, "south")]])
def test_a_transfer_that_may_change_is_remembered(
    told: Callable[[Receipt], list[kinds.Content]],
) -> None:
    """One that lacks a receipt, and one whose receipt another site has read from the board."""
    rows = chain(
        [*story(lambda number, receipt: told(receipt) if number == 1 else [receipt_row(receipt)])]
    )
    assert set(PassingBook.of(rows).transfers) == {1, *range(COUNT - LATE + 1, COUNT + 1)}


@pytest.mark.parametrize(
    ("again", "words"),
    [
        (opening(1), "(open) makes no sense"),
        (opening(1, ptx=7, prx=8), "(open) makes no sense"),
        (receipt_row(sign(1, 1, wire.PTX, SENT_mJ)), "(receipt) makes no sense"),
        (receipt_row(sign(2, 1, wire.PRX, RECEIVED_mJ)), "(receipt) makes no sense"),
        (kinds.Entry(1, "board:1", -SENT_mJ), "(entry) makes no sense"),
        (kinds.State(1, "settled", 1, 2), "(state) makes no sense"),
        (kinds.Refusal(1, 3, ept.FLOOR, "FLOOR", 1), "board 3, which has no part"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_comes_a_second_time_is_found(
    contents: list[kinds.Content], again: kinds.Content, words: str
) -> None:
    findings = judge(chain([*contents, again]), KEYS).findings
    assert any(each.wrong and words in str(each) for each in findings), findings


def test_what_may_come_late_is_no_fault(contents: list[kinds.Content]) -> None:
    """A refusal that crossed a receipt, and another board's receipt of the same number."""
    refusal = kinds.Refusal(1, 2, ept.FLOOR, "FLOOR", 1)
    stranger = receipt_row(sign(3, 1, wire.PTX, 5, key=bytes(32), peer=9))
    findings = judge(chain([*contents, refusal, stranger]), KEYS | {3: bytes(32)}).findings
    assert [str(each).split(") ")[1] for each in findings if each.wrong] == []
    assert "which is between 1 and 2" in str(findings[0])


def test_a_payment_is_judged_by_its_own_transfer_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a ledger of many markets takes a time that grows with their square."""
    asked: list[int] = []
    unpaid_u = Accounts.unpaid_u

    def counted(self: Accounts, bargain: kinds.Bargain, transfer: TransferRecord) -> int:
        asked.append(transfer.transfer_id)
        return unpaid_u(self, bargain, transfer)

    monkeypatch.setattr(Accounts, "unpaid_u", counted)
    price, markets = 2 << FRACTION_BITS, range(1, 31)
    rows: list[kinds.Content] = []
    for number in markets:
        rows.append(kinds.MarketRow(number, "", 1, price, True, (), "", 1))
        rows += [opening(number), kinds.Bargain(number, number, 1, 2, price, 5)]
        rows.append(kinds.Payment(number, 2, 1, 0, 1))
    judge(chain(rows), KEYS)
    assert sorted(asked) == sorted([*markets, *markets])  # with its payment, and at the end
