# SPDX-License-Identifier: MIT
"""Markets with boards that vanish, receive less, or lie, and with a host that is killed."""

import asyncio
import random

import pytest

from crowdcharge.errors import LedgerError, MarketVoidError
from crowdcharge.ledger.kinds import Bargain
from crowdcharge.ledger.payments import NOTHING, PAID, SHORT
from crowdcharge.ledger.settlement import SETTLED
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify
from crowdcharge.orchestrator.events import Paid, Progress
from wptcore import wire
from wptcore.market import Terms

from ..orchestrator.world import run_world
from .world import HUB, OWNERS, MarketWorld, clearing_price

ALL = set(OWNERS)


@pytest.fixture
def world(tmp_path):
    return MarketWorld(tmp_path)


def outcomes(world):
    """Return what became of each board's bargain with the hub: the last try counts."""
    found = {}
    for bargain in world.summary_market()["bargains"]:
        board_id = bargain["seller"] if bargain["buyer"] == HUB else bargain["buyer"]
        found[board_id] = bargain["outcome"]
    return found


def test_boards_agree_transfer_and_pay(world):
    run_world(world, world.trade())
    market = world.summary_market()
    assert market["price_per_Wh"] == pytest.approx(clearing_price(ALL), rel=1e-12)
    assert market["confirmed"]
    assert outcomes(world) == {2: PAID, 3: PAID, 4: PAID, 5: PAID}
    balances_u = world.check_accounts()
    assert balances_u[2] > 0 > balances_u[3]
    for bargain in market["bargains"]:
        owed = market["price_per_Wh"] * bargain["received_mJ"] / 3_600_000
        assert bargain["paid"] == pytest.approx(owed, abs=1e-6)


def test_fewer_connections_than_boards_are_enough(world):
    world.slots = 3
    run_world(world, world.trade())
    assert outcomes(world) == {2: PAID, 3: PAID, 4: PAID, 5: PAID}


def test_a_board_that_is_never_there_is_left_out(world):
    world.vanish(4)
    run_world(world, world.trade())
    market = world.summary_market()
    assert market["price_per_Wh"] == pytest.approx(clearing_price(ALL - {4}), rel=1e-12)
    assert outcomes(world) == {2: PAID, 3: PAID, 5: PAID}


@pytest.mark.parametrize("frame", [wire.MARKET_KEY, wire.MARKET_SEAT, wire.MARKET_ASK])
def test_one_that_vanishes_before_it_answers_leaves_the_price_of_the_others(world, frame):
    world.on_frame = lambda board, kind: world.vanish(4) if (board, kind) == (4, frame) else None
    run_world(world, world.trade())
    market = world.summary_market()
    assert market["confirmed"]
    assert market["price_per_Wh"] == pytest.approx(clearing_price(ALL - {4}), rel=1e-12)
    assert outcomes(world) == {2: PAID, 3: PAID, 5: PAID}


def test_one_that_answers_and_vanishes_voids_the_market_and_the_rest_may_begin_anew(world):
    def vanish(board, kind):
        if (board, kind) == (4, wire.MARKET_PRESENT):
            world.vanish(4)

    async def story():
        with pytest.raises(MarketVoidError, match="answered and then vanished"):
            await world.trade()
        assert "vanished" in world.summary_market()["void"]
        assert world.check_accounts() == {}
        await world.trade(2, 3, 5)

    world.on_frame = vanish
    run_world(world, story())
    assert outcomes(world) == {2: PAID, 3: PAID, 5: PAID}


def test_one_that_vanishes_after_the_price_trades_nothing_and_moves_nothing(world):
    def vanish(board, kind):
        if (board, kind) == (4, wire.MARKET_PRICE):
            world.vanish(4)

    world.on_frame = vanish
    run_world(world, world.trade())
    market = world.summary_market()
    assert not market["confirmed"]
    assert market["price_per_Wh"] == pytest.approx(clearing_price(ALL), rel=1e-12)
    assert outcomes(world) == {2: PAID, 3: PAID, 5: PAID}
    world.check_accounts()


def test_without_the_lane_nobody_trades(world):
    def vanish(board, kind):
        if (board, kind) == (HUB, wire.MARKET_PRICE):
            world.vanish(HUB)

    async def story():
        with pytest.raises(MarketVoidError, match="the lane vanished"):
            await world.trade()

    world.on_frame = vanish
    run_world(world, story())
    assert world.summary_market()["bargains"] == []


def test_one_that_drops_out_after_committing_owes_and_gets_nothing(world):
    def vanish(board, kind):
        if (board, kind) == (4, wire.GRANT):
            world.vanish(4)

    world.on_frame = vanish
    run_world(world, world.trade())
    assert outcomes(world) == {2: PAID, 3: PAID, 4: NOTHING, 5: PAID}
    assert 4 not in world.check_accounts()


def test_one_that_receives_less_pays_for_what_it_received(world):
    def take_apart(event):
        if isinstance(event, Progress) and event.prx == 3 and event.received_mJ > 300:
            world.lay()

    world.on_event = take_apart
    run_world(world, world.trade())
    assert outcomes(world) == {2: PAID, 3: SHORT, 4: PAID, 5: PAID}
    world.check_accounts()
    market = world.summary_market()
    (bargain,) = [each for each in market["bargains"] if each["buyer"] == 3]
    assert 0 < bargain["received_mJ"] < bargain["energy_mJ"]
    owed = market["price_per_Wh"] * bargain["received_mJ"] / 3_600_000
    assert bargain["paid"] == pytest.approx(owed, abs=1e-6)


LIES = {
    "twice": lambda c, s: (2 * c, 2 * s),
    "other price": lambda c, s: (c + (s >> 3), s),
    "huge": lambda c, s: (c + (1 << 120), s),
    "upside down": lambda c, s: (-c, -(1 << 100)),
    "flat": lambda c, s: (c, 1 - s),
    "noise": lambda c, s: (random.getrandbits(127), random.getrandbits(127)),
}


class Liar(Terms):
    """Answers as if it were another than it trades as."""

    lie = ""

    def answer(self, price):
        c, s = LIES[self.lie](*super().answer(price))
        return c, s


@pytest.mark.parametrize("lie", LIES)
def test_one_that_lies_in_a_round_voids_the_market_and_nobody_pays(world, lie):
    Liar.lie = lie
    settings = world.boards[3].desk._settings
    honest = settings.terms

    def lying(*arguments):
        terms = honest(*arguments)
        return Liar(terms.a, terms.b, terms.low, terms.high)

    settings.terms = lying

    async def story():
        with pytest.raises(MarketVoidError):
            await world.trade()

    run_world(world, story())
    assert world.summary_market()["void"]
    assert world.summary_market()["bargains"] == []
    assert world.check_accounts() == {}


def test_a_commitment_that_its_board_did_not_sign_voids_the_market(world):
    world.boards[4].desk._key = bytes(32)

    async def story():
        with pytest.raises(MarketVoidError, match="not signed by board 4"):
            await world.trade()

    run_world(world, story())
    assert world.summary_market()["bargains"] == []
    assert world.check_accounts() == {}


def test_too_little_to_be_worth_its_start_up_is_not_moved(world):
    settings = world.boards[4].desk._settings
    settings.b_u = round(1e6 * (clearing_price(ALL - {4}) - 0.05))
    run_world(world, world.trade())
    market = world.summary_market()
    assert 0 < market["energies_mJ"]["4"] < 200
    assert outcomes(world) == {2: PAID, 3: PAID, 5: PAID}
    world.check_accounts()


def test_lost_answers_are_asked_for_again(world):
    lost = iter(range(10_000))
    world.mute = lambda frame: next(lost) % 7 == 3
    run_world(world, world.trade())
    market = world.summary_market()
    assert market["price_per_Wh"] == pytest.approx(clearing_price(ALL), rel=1e-12)
    assert set(outcomes(world)) == {2, 3, 4, 5}
    world.check_accounts()


@pytest.fixture(scope="module")
def edges(tmp_path_factory):
    """How often a host touches the outside in one whole market."""
    world = MarketWorld(tmp_path_factory.mktemp("whole"))
    run_world(world, world.trade())
    return world.edges


@pytest.mark.parametrize("share", [0.3, 0.6, 0.8, 0.95])
def test_a_killed_host_leaves_accounts_that_the_next_one_completes(world, edges, share):
    async def story():
        world.kill_at = round(edges * share)
        world._host = asyncio.create_task(world.trade())
        with pytest.raises(asyncio.CancelledError):
            await world._host
        await asyncio.sleep(10)
        for board in world.boards.values():
            for link in list(board.links.values()):
                link.drop()
        world.listeners.clear()
        world.dead, world.kill_at = False, None
        await world.trade()

    run_world(world, story())
    world.check_accounts()
    with world.store() as store:
        book = store.book
        assert {transfer.state for transfer in book.transfers.values()} >= {SETTLED}
        assert not book.unsettled()
        notes = [str(each) for each in verify(store.rows(), world.keys)]
        assert not [note for note in notes if "owed" in note]


def test_an_altered_payment_or_market_is_found(world):
    run_world(world, world.trade())
    assert world.of(Paid)
    with world.store() as store:
        rows = list(store.rows())
    assert verify(rows, world.keys) == []
    forged = dict.fromkeys(world.keys, bytes(32))
    texts = [each.text for each in verify(rows, forged)]
    assert any("its energy is not signed by board 2" in text for text in texts)


def test_a_bargain_needs_its_market_and_its_transfer(tmp_path):
    world = MarketWorld(tmp_path)
    with (
        Store.create(world.ledger) as store,
        pytest.raises(LedgerError, match="makes no sense"),
    ):
        store.append([Bargain(1, 1, seller=1, buyer=2, price=1, energy_mJ=1)])
