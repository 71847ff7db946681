# SPDX-License-Identifier: MIT
"""How a transfer is closed: by both receipts, by one, by none, and corrected later."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.boards.models import Receipt
from crowdcharge.ledger import kinds
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.rows import FIRST_HASH, chained
from crowdcharge.ledger.settlement import (
    DISPUTED,
    ONE_SIDED,
    OPEN,
    SETTLED,
    VOID,
    TransferRecord,
    settlement,
)
from crowdcharge.report.summary import summarise, unsettled_words
from wptcore import wire

TRANSFER = TransferRecord(5, 1, 2, 5000, 0)
SETTINGS = settings(derandomize=True, deadline=None, max_examples=100)


class Chain:
    """A book in memory."""

    def __init__(self, *drafts):
        self.book = Book()
        self.seq, self.hash = 0, FIRST_HASH
        self.add(drafts)

    def add(self, drafts):
        for draft in drafts:
            self.seq += 1
            row = chained(self.seq, self.hash, draft)
            self.hash = row.hash
            self.book.apply(row)

    def settle(self, sent, received, transfer_id=5):
        self.add(settlement(self.book.transfers[transfer_id], sent, received))
        return self.book.transfers[transfer_id]


def test_both_receipts_settle(open_row, signed):
    chain = Chain(open_row(5))
    assert chain.book.transfers[5].state == OPEN
    done = chain.settle(signed(1, 5, wire.PTX, 1000), signed(2, 5, wire.PRX, 600))
    assert (done.state, done.sent_mJ, done.received_mJ, done.loss_mJ) == (SETTLED, 1000, 600, 400)
    assert chain.book.balances_mJ == {"board:1": -1000, "board:2": 600, "loss": 400}
    assert chain.book.unsettled() == []


def test_nothing_new_writes_nothing(open_row, signed):
    chain = Chain(open_row(5))
    pair = signed(1, 5, wire.PTX, 1000), signed(2, 5, wire.PRX, 600)
    done = chain.settle(*pair)
    assert settlement(done, *pair) == []


def test_only_the_donor_has_metered(open_row, signed):
    chain = Chain(open_row(5))
    half = chain.settle(signed(1, 5, wire.PTX, 1000), None)
    assert (half.state, half.sent_mJ, half.received_mJ, half.loss_mJ) == (ONE_SIDED, 1000, 0, 1000)
    whole = chain.settle(signed(1, 5, wire.PTX, 1000), signed(2, 5, wire.PRX, 600))
    assert (whole.state, whole.received_mJ, whole.loss_mJ) == (SETTLED, 600, 400)
    assert chain.book.balances_mJ == {"board:1": -1000, "board:2": 600, "loss": 400}


def test_only_the_receiver_has_metered(open_row, signed):
    chain = Chain(open_row(5))
    half = chain.settle(None, signed(2, 5, wire.PRX, 600))
    assert (half.state, half.sent_mJ, half.received_mJ, half.loss_mJ) == (ONE_SIDED, 600, 600, 0)
    whole = chain.settle(signed(1, 5, wire.PTX, 1000), signed(2, 5, wire.PRX, 600))
    assert (whole.state, whole.sent_mJ, whole.loss_mJ) == (SETTLED, 1000, 400)


def test_no_energy_before_a_refusal_is_void(open_row, signed):
    assert Chain(open_row(5)).settle(None, signed(2, 5, wire.PRX, 0)).state == VOID
    assert Chain(open_row(5)).settle(None, None).state == VOID


def test_a_ping_is_settled_by_its_donor_alone(open_row, signed):
    done = Chain(open_row(5, prx=0)).settle(signed(1, 5, wire.PTX, 40, peer=0), None)
    assert (done.state, done.sent_mJ, done.received_mJ, done.loss_mJ) == (SETTLED, 40, 0, 40)


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ({"energy_mJ": 1000}, {"energy_mJ": 1000 + 20 + 1250 + 1}),
        ({"energy_mJ": 1000, "peer": 9}, {"energy_mJ": 600}),
        ({"energy_mJ": 1000}, {"energy_mJ": 600, "peer": 9}),
    ],
)
def test_contradictions_are_disputed_and_booked_as_metered(open_row, signed, sent, received):
    chain = Chain(open_row(5))
    done = chain.settle(signed(1, 5, wire.PTX, **sent), signed(2, 5, wire.PRX, **received))
    assert done.state == DISPUTED
    assert (done.sent_mJ, done.received_mJ) == (sent["energy_mJ"], received["energy_mJ"])
    assert sum(chain.book.balances_mJ.values()) == 0


def test_only_settled_transfers_count_in_the_efficiency(open_row, signed):
    chain = Chain(open_row(5), open_row(6), open_row(7))
    chain.settle(signed(1, 5, wire.PTX, 1000), signed(2, 5, wire.PRX, 600))
    chain.settle(signed(1, 6, wire.PTX, 0), signed(2, 6, wire.PRX, 36_000), transfer_id=6)
    chain.settle(signed(1, 7, wire.PTX, 500), None, transfer_id=7)
    summary = summarise(chain.book)
    assert summary["efficiency"] == 0.6
    assert summary["unsettled"] == {
        "states": {DISPUTED: 1, ONE_SIDED: 1},
        "sent_mJ": 500,
        "received_mJ": 36_000,
    }
    assert "1 disputed, 1 one-sided: 500 mJ sent, 36000 received" in unsettled_words(summary)


def test_two_meters_may_differ_by_their_tolerance(open_row, signed):
    done = Chain(open_row(5)).settle(signed(1, 5, wire.PTX, 1000), signed(2, 5, wire.PRX, 2270))
    assert (done.state, done.loss_mJ) == (SETTLED, -1270)


energies = st.integers(0, 2**32 - 1)


@SETTINGS
@given(st.permutations(["none", "sent", "received", "both"]), energies, energies)
def test_in_whatever_order_receipts_come_the_end_is_the_same(order, sent_mJ, received_mJ):
    from_donor = _receipt(1, wire.PTX, sent_mJ)
    from_receiver = _receipt(2, wire.PRX, received_mJ)
    chain = Chain(kinds.Open(5, 1, 2, energy_max_mJ=1, power_max_mW=0, t_ms=0))
    have: set[str] = set()
    for step in [*order, "both"]:
        have |= {"sent", "received"} if step == "both" else {step}
        done = chain.settle(
            from_donor if "sent" in have else None,
            from_receiver if "received" in have else None,
        )
        assert done.sent_mJ - done.received_mJ == done.loss_mJ
        assert sum(chain.book.balances_mJ.values()) == 0
    assert (done.sent_mJ, done.received_mJ) == (sent_mJ, received_mJ)
    assert done.state in {SETTLED, DISPUTED}


def _receipt(board_id, role, energy_mJ):
    fields = (board_id, 1, 5, role, 3 - board_id, energy_mJ, 1, 1, 1, 1, None, None, energy_mJ)
    return Receipt(*fields, raw=b"")
