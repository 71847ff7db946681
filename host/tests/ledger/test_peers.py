# SPDX-License-Identifier: MIT
"""Transfers that no host opened: collected from one board, then from the other."""

import hashlib

import pytest

from crowdcharge.boards.models import Receipt
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.kinds import Open
from crowdcharge.ledger.peers import is_peers, openings
from crowdcharge.ledger.rows import FIRST_HASH, chained
from crowdcharge.ledger.settlement import settlement
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
