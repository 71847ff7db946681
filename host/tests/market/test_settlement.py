# SPDX-License-Identifier: MIT
"""Accounts: paid for what was received, zero in sum, never changed."""

from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.errors import LedgerError, MarketVoidError
from crowdcharge.ledger.kinds import Bargain
from crowdcharge.ledger.payments import Accounts, bargains, due_u
from crowdcharge.ledger.settlement import DISPUTED, ONE_SIDED, OPEN, SETTLED, VOID, TransferRecord
from crowdcharge.market.shared import Negotiation, fixed, make_peers, terms_of
from wptcore.market import energy_mJ

from .markets import random_market

HUB, BOARD = 1, 2
PRICE = 30 << 48  # credits/Wh
BARGAIN = Bargain(1, 7, HUB, BOARD, PRICE, 3_600_000)  # 1 Wh
OPENED = TransferRecord(7, HUB, BOARD, 5_000_000, 0)


def closed(sent_mJ, received_mJ, state=SETTLED):
    return replace(
        OPENED,
        state=state,
        sent_mJ=sent_mJ,
        received_mJ=received_mJ,
        loss_mJ=sent_mJ - received_mJ,
        ept_ptx=1,
        ept_prx=1,
    )


def test_a_watt_hour_at_30_costs_30_credits():
    assert due_u(BARGAIN, 3_600_000) == 30_000_000
    assert due_u(BARGAIN, 1) == 8  # 8.33 micro-credits


def test_the_buyer_pays_and_the_seller_gets_for_what_was_received():
    accounts = Accounts(0.3)
    assert accounts.settle(BARGAIN, closed(4_500_000, 3_600_000))[0] == "paid"
    assert accounts.balances_u() == {BOARD: -30_000_000, HUB: 30_000_000}


def test_who_receives_less_than_it_bought_pays_for_less():
    accounts = Accounts(0.3)
    found, payment = accounts.settle(BARGAIN, closed(2_000_000, 1_500_000))
    assert found == "short"
    assert payment.amount_u == accounts.balance_u(HUB) == due_u(BARGAIN, 1_500_000)


@pytest.mark.parametrize(
    ("transfer", "expected"),
    [
        (OPENED, "waiting"),
        (replace(closed(2_000_000, 0, ONE_SIDED), ept_prx=None), "waiting"),
        (closed(0, 0, VOID), "nothing"),
        (closed(0, 0), "nothing"),
        (closed(1_000_000, 2_000_000, DISPUTED), "held"),
        (closed(4_000_000, 500_000), "held"),  # a receiver that meters too little
        (closed(4_000_000, 0), "held"),
    ],
)
def test_nothing_is_paid_on_what_is_not_proved(transfer, expected):
    accounts = Accounts(0.3)
    assert accounts.settle(BARGAIN, transfer) == (expected, None)
    assert accounts.balances_u() == {}


def test_the_receiver_s_own_receipt_is_enough_to_pay():
    """It admits what it got; the sender's receipt may come later and changes nothing."""
    accounts = Accounts(0.3)
    alone = replace(closed(3_600_000, 3_600_000, ONE_SIDED), ept_ptx=None)
    assert accounts.settle(BARGAIN, alone)[0] == "paid"
    assert accounts.settle(BARGAIN, closed(4_400_000, 3_600_000)) == ("paid", None)
    assert accounts.balance_u(BOARD) == -30_000_000


def test_a_late_receipt_that_contradicts_takes_the_payment_back_by_a_new_line():
    accounts = Accounts(0.3)
    accounts.settle(BARGAIN, replace(closed(3_600_000, 3_600_000, ONE_SIDED), ept_ptx=None))
    found, payment = accounts.settle(BARGAIN, closed(1_000_000, 3_600_000, DISPUTED))
    assert (found, payment.amount_u) == ("held", -30_000_000)
    assert accounts.balance_u(HUB) == accounts.balance_u(BOARD) == 0


def test_a_transfer_of_others_is_refused():
    with pytest.raises(LedgerError, match="not what market 1 agreed: 2 to 1, not 1 to 2"):
        Accounts(0.3).settle(BARGAIN, replace(OPENED, ptx=BOARD, prx=HUB))


def cleared(rng, liar=None):
    """Eight boards that buy from a hub, negotiated by the code that runs on boards."""
    market = random_market(rng, 8, "discharge", tight=True)
    peers = make_peers(market, b"s", rng.bytes)
    if liar is not None:
        peers[liar].answer = partial(_lie, peers[liar].answer)
    agreed = Negotiation(peers).run()
    price = fixed(agreed.price)
    takes_mJ = [energy_mJ(terms.energy(price)) for terms in terms_of(market)]
    return agreed, price, takes_mJ


def _lie(answer, round_no, price):
    c, s = answer(round_no, price)
    return (c + (5 << 48)) % 2**128, s


def test_a_cleared_market_becomes_bargains_that_the_hub_can_serve(rng):
    agreed, price, (hub_mJ, *takes_mJ) = cleared(rng)
    found = bargains(1, price, (HUB, hub_mJ), dict(enumerate(takes_mJ, 10)), 100)
    assert agreed.confirmed
    assert {bargain.seller for bargain in found} == {HUB}
    assert sum(bargain.energy_mJ for bargain in found) == pytest.approx(hub_mJ, abs=9)
    assert [b.transfer_id for b in found] == list(range(100, 100 + len(found)))
    assert len(found) == sum(take_mJ != 0 for take_mJ in takes_mJ)


def test_a_board_that_sells_is_the_seller():
    found = bargains(1, PRICE, (HUB, -70), {2: 30, 3: 0, 4: 40}, 5)
    assert [(b.seller, b.buyer, b.energy_mJ) for b in found] == [(2, HUB, 30), (4, HUB, 40)]


def test_a_peer_that_lies_in_a_round_voids_the_market(rng):
    """Its masked answer cannot be told from noise, but then the energies do not add up."""
    _, price, (hub_mJ, *takes_mJ) = cleared(rng, liar=3)
    with pytest.raises(MarketVoidError, match=r"market 1 is void: .* out of balance"):
        bargains(1, price, (HUB, hub_mJ), dict(enumerate(takes_mJ, 10)), 100)


def test_without_a_vanished_peer_the_lane_serves_the_others():
    found = bargains(1, PRICE, (HUB, 100), {2: -30, 4: -40}, 5, confirmed=False)
    assert sum(bargain.energy_mJ for bargain in found) == 70


states = st.sampled_from([OPEN, SETTLED, ONE_SIDED, DISPUTED, VOID])
events = st.lists(
    st.tuples(st.integers(0, 5), states, st.integers(0, 10**7), st.integers(0, 10**7)),
    max_size=40,
)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(events=events, price=st.integers(1, 100 << 48))
def test_accounts_add_up_to_zero_and_only_grow(events, price):
    """Whatever the transfers turn into and in whatever order they are settled and re-settled."""
    accounts = Accounts(0.3)
    payments = []
    last = {}
    for transfer_id, state, sent_mJ, received_mJ in events:
        bargain = Bargain(1, transfer_id, HUB, 10 + transfer_id, price, 10**6)
        transfer = replace(
            closed(sent_mJ, received_mJ, state), transfer_id=transfer_id, prx=10 + transfer_id
        )
        found, payment = accounts.settle(bargain, transfer)
        payments += [payment] if payment else []
        assert accounts.settle(bargain, transfer) == (found, None)
        pays = found in {"paid", "short"}
        last[transfer_id] = due_u(bargain, received_mJ) if pays else 0
        assert sum(accounts.balances_u().values()) == 0
    assert accounts.balance_u(HUB) == sum(last.values())

    copy = Accounts(0.3)
    for payment in payments:
        copy.append(payment)
    assert copy.balances_u() == accounts.balances_u()
