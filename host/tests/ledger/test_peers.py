# SPDX-License-Identifier: MIT
"""Transfers that no host opened: collected from one board, then from the other."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace

import pytest

from crowdcharge.boards.models import Receipt
from crowdcharge.errors import LedgerError
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.kinds import Content, Open
from crowdcharge.ledger.peers import claims, doubtful, is_peers, openings
from crowdcharge.ledger.rows import FIRST_HASH, Row, chained
from crowdcharge.ledger.settlement import settlement
from crowdcharge.ledger.verify import judge
from wptcore import auth, ept, wire

KEYS = {1: bytes([1]) * 32, 2: bytes([2]) * 32}


def receipt(board: int, role: int, energy_mJ: int, flags: int = wire.GRANTED_BY_PEER) -> Receipt:
    peer = 3 - board
    odometer_mJ = energy_mJ
    body = wire.pack_receipt(
        board, 1, 77, role, peer, energy_mJ, 9000, 900, 250, ept.PEER_ENDED, 500, 480,
        odometer_mJ, 0, 2, flags,
    )  # fmt: skip
    return Receipt.unpack(body + auth.receipt_tag(hashlib.sha256, KEYS[board], body))


@pytest.mark.parametrize("first", [1, 2])
def test_whoever_is_collected_first_opens_it_once(first: int) -> None:
    told = {1: receipt(1, wire.PTX, 8000), 2: receipt(2, wire.PRX, 5000)}
    book, previous, number = Book(), FIRST_HASH, 0
    states = []
    for board in (first, 3 - first):
        collected = [told[board]]
        for content in (*openings(book, collected, 5), *book.admit(collected)):
            number += 1
            row = chained(number, previous, content)
            book.apply(row)
            previous = row.hash
        transfer = book.transfers[77]
        assert (transfer.ptx, transfer.prx) == (1, 2)
        sent, received = (book.receipt(transfer, role) for role in (wire.PTX, wire.PRX))
        states.append(settlement(transfer, sent, received)[-1].state)
    assert states == ["one-sided", "settled"]
    assert not openings(book, list(told.values()), 9)


def test_what_a_host_granted_is_not_opened_so() -> None:
    own = receipt(1, wire.PTX, 8000, flags=0)
    assert not is_peers(own) and not openings(Book(), [own], 5)


def test_an_opening_has_the_bounds_that_a_receipt_shows() -> None:
    (opened,) = openings(Book(), [receipt(2, wire.PRX, 0)], 5)
    assert isinstance(opened, Open)
    assert (opened.energy_max_mJ, opened.power_max_mW, opened.t_ms) == (1, 1000, 5)


def one_sided_with_a_claim(claimed: Receipt) -> tuple[Book, list[Row]]:
    """Board 1 is ours and was collected; what board 2 shows is only claimed."""
    book, rows = Book(), []

    def write(contents: Iterable[Content]) -> None:
        for content in contents:
            previous = rows[-1].hash if rows else FIRST_HASH
            rows.append(chained(len(rows) + 1, previous, content))
            book.apply(rows[-1])

    sent = receipt(1, wire.PTX, 8000)
    write(openings(book, [sent], 5))
    write(book.admit([sent]))
    write(settlement(book.transfers[77], sent, None))
    assert doubtful(book, {1: KEYS[1]}) == {2: {77}} and not doubtful(book, KEYS)
    write(claims([claimed, receipt(1, wire.PTX, 1)], 2, {77}, 9))
    assert not doubtful(book, {1: KEYS[1]})
    return book, rows


def test_a_claim_settles_nothing_and_is_counted() -> None:
    book, rows = one_sided_with_a_claim(receipt(2, wire.PRX, 5000))
    assert book.transfers[77].state == "one-sided" and book.balances_mJ == {
        "board:1": -8000,
        "loss": 8000,
    }
    verdict = judge(rows, {1: KEYS[1]})
    assert verdict.claimed == 1 and not verdict.is_wrong
    assert "only claimed: 1" in str(verdict) and not verdict.unchecked
    known = judge(rows, KEYS)  # its owner joins us later: the claim is true
    assert not any("claims" in finding.text for finding in known.findings)


def test_a_false_claim_shows_once_the_key_is_known() -> None:
    true = receipt(2, wire.PRX, 5000)
    forged = Receipt.unpack(true.raw[:-1] + bytes([true.raw[-1] ^ 1]))
    _, rows = one_sided_with_a_claim(forged)
    assert not judge(rows, {1: KEYS[1]}).is_wrong
    (note,) = (each for each in judge(rows, KEYS).findings if "claims" in each.text)
    assert "board 2 has not signed" in note.text


def test_a_claim_of_a_stranger_or_with_other_figures_is_found() -> None:
    book, _ = one_sided_with_a_claim(receipt(2, wire.PRX, 5000))
    claim = next(iter(book.claims.values()))
    for wrong in (claim, replace(claim, board_id=3), replace(claim, energy_mJ=1)):
        with pytest.raises(LedgerError):
            book.apply(chained(9, FIRST_HASH, wrong))
