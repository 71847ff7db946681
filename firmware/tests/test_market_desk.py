# SPDX-License-Identifier: MIT
"""A board's side of the market over frames: keys in slices, a round, a commitment, refusals."""

import gc
import hashlib

from support import KEY, NONCE, Host, make_board, make_limits
from wptcore import auth, ept, market, wire, x25519
from wptcore.attendance import ALWAYS_s
from wptcore.board import Board
from wptcore.fod import LossCurve
from wptcore.journal import Saved
from wptcore.market import FRACTION_BITS, Peer, Terms, signed
from wptcore.market_desk import PIN_SIZE, MarketDesk, Settings
from wptcore.persistence import POWER_ON

ONE = 1 << FRACTION_BITS
SESSION = bytes(range(16))
SECRET = bytes(range(1, 33))
A_u, B_u = 150_000_000, 30_000_000  # credits/Wh^2 and credits/Wh, in millionths
PRICE = 30 * ONE + ONE // 2


def random(size):
    return bytes(range(50, 50 + size))


def identity(**changes):
    stored = {
        "market": [A_u, B_u, 40, 80],
        "market_secret": SECRET.hex(),
        "market_key": x25519.public_key(SECRET).hex(),
    }
    stored.update(changes)
    return stored


class Trader:
    """A board with a desk, its host, and two partners that the test plays itself."""

    def __init__(self, soc_permille=600, stored=None):
        self.desk = MarketDesk(Settings(stored or identity()), KEY, hashlib.sha256, random)
        limits = make_limits()
        roles = wire.PTX | wire.PRX
        curve = LossCurve(250, 1350, 50, 400)
        self.board = Board(
            3, KEY, limits, roles, Saved(), hashlib.sha256, curve, POWER_ON, self.desk, ALWAYS_s
        )
        self.board.on_soc(soc_permille)
        for _ in range(12):
            self.board.on_sample(4000, 0, 250, 250, 20)
        self.host = Host(self.board).hello()
        self.partners = [x25519.KeyPair(bytes([i]) * 32) for i in (7, 8)]

    def ask(self, frame_type, *fields):
        """Asks; returns the fields of a reply, or the code of an Ack."""
        host = self.host
        self.board.on_command(host.link, host.frame(frame_type, *fields))
        _, reply = self.board.pop_reply()
        body = wire.unpack_body(reply)
        return body[1] if wire.unpack_header(reply)[1] == wire.ACK else body

    def open(self):
        return self.ask(wire.MARKET_OPEN, SESSION, 3, 0)

    def give_keys(self):
        for i in (1, 2):
            key = self.partners[i - 1].public_key
            assert self.ask(wire.MARKET_KEY, i, key, bytes([i]) * 16) == ept.NONE

    def seat(self, roster=7):
        passes = 0
        while self.ask(wire.MARKET_SEAT, roster) == ept.MARKET_WAIT:
            self.desk.step()
            passes += 1
        return passes

    def seated(self):
        self.public = self.open()
        self.give_keys()
        self.seat()
        return self

    def others(self):
        """Make the two partners peers of the same market."""
        key, nonce = self.public
        session = hashlib.sha256(SESSION + nonce + b"\1" * 16 + b"\2" * 16).digest()
        terms = Terms(150 * ONE, 32 * ONE, -ONE, 0)
        roster = [key] + [pair.public_key for pair in self.partners]
        peers = [
            Peer(hashlib.sha256, random, terms, session, None, pair) for pair in self.partners
        ]
        for peer in peers:
            peer.join(roster)
        return peers, roster

    def round(self, round_no, price):
        """Run a round; return the opened sum of all three."""
        peers, roster = self.others()
        packed = (0 if price is None else price).to_bytes(16, "little")
        answer = self.ask(wire.MARKET_ASK, round_no, 0 if price is None else 1, packed)
        words = [answer[1:]] + [_packed(peer.answer(round_no, price)) for peer in peers]
        opening = self.ask(wire.MARKET_PRESENT, round_no, 7)
        own = [opening[1:]] + [_packed(peer.open(round_no, roster)) for peer in peers]
        return [
            signed(sum(_word(words[i][k]) - _word(own[i][k]) for i in range(3))) for k in (0, 1)
        ]


def _packed(words):
    return [word.to_bytes(16, "little") for word in words]


def _word(data):
    return int.from_bytes(data, "little")


def price_bytes(price=PRICE):
    return price.to_bytes(16, "little")


def test_the_sums_of_three_peers_of_which_one_speaks_frames():
    trader = Trader().seated()
    own = Terms(150 * ONE, 30 * ONE, -5 * ONE, 5 * ONE).answer(None)
    other = Terms(150 * ONE, 32 * ONE, -ONE, 0).answer(None)
    assert trader.round(0, None) == [own[k] + 2 * other[k] for k in (0, 1)]


def test_keys_are_agreed_in_slices_that_end():
    trader = Trader()
    trader.open()
    trader.give_keys()
    assert trader.desk.is_working
    passes = trader.seat()
    assert not trader.desk.is_working
    assert 30 < passes < 60  # 319 steps a partner, 16 a pass


def test_partners_of_an_earlier_market_cost_nothing_again():
    trader = Trader().seated()
    assert len(trader.ask(wire.MARKET_OPEN, bytes(16), 3, 0)) == 2
    trader.give_keys()
    assert not trader.desk.is_working
    assert trader.seat() == 0


def test_a_lost_answer_is_given_again_and_a_round_is_not():
    trader = Trader().seated()
    assert trader.open() == trader.public
    question = (wire.MARKET_ASK, 0, 0, bytes(16))
    answer = trader.ask(*question)
    assert trader.ask(*question) == answer
    assert trader.ask(wire.MARKET_ASK, 0, 1, price_bytes()) == ept.MARKET_RULES
    opening = trader.ask(wire.MARKET_PRESENT, 0, 7)
    assert trader.ask(wire.MARKET_PRESENT, 0, 7) == opening
    assert trader.ask(wire.MARKET_PRESENT, 0, 3) == ept.MARKET_RULES
    assert trader.ask(*question) == ept.MARKET_RULES


def test_a_round_in_which_one_is_missing_stays_shut():
    trader = Trader().seated()
    trader.ask(wire.MARKET_ASK, 0, 0, bytes(16))
    assert trader.ask(wire.MARKET_PRESENT, 0, 3) == ept.NONE
    assert trader.ask(wire.MARKET_PRESENT, 0, 7) == ept.MARKET_RULES


def test_the_commitment_is_at_the_price_asked_last_and_signed():
    trader = Trader().seated()
    assert trader.ask(wire.MARKET_PRICE, price_bytes()) == ept.MARKET_RULES
    trader.round(0, None)
    trader.round(1, PRICE)
    assert trader.ask(wire.MARKET_PRICE, price_bytes(PRICE + 1)) == ept.MARKET_RULES
    take_mJ, tag = trader.ask(wire.MARKET_PRICE, price_bytes())
    assert take_mJ == 3_600_000 // 600  # (30.5 - 30) / 2a Wh
    body = wire.pack_take(3, SESSION, price_bytes(), take_mJ)
    assert tag == auth.take_tag(hashlib.sha256, KEY, body)
    assert trader.ask(wire.MARKET_PRICE, price_bytes()) == (take_mJ, tag)
    assert trader.ask(wire.MARKET_ASK, 2, 1, price_bytes()) == ept.MARKET_RULES


def test_bounds_follow_charge_floor_and_the_owner():
    settings = Settings(identity())
    capacity_mJ = make_limits().capacity_mJ
    for soc_permille, sell_permille, buy_permille in (
        (600, 200, 200),  # keeps 40 %, wants 80 %
        (400, 0, 400),
        (900, 500, 0),
        (220, 0, 580),
    ):
        board = make_board(soc_permille=soc_permille)
        terms = settings.terms(board.limits, soc_permille)
        sell_mJ = capacity_mJ * sell_permille * market.EFFICIENCY_MIN_permille // 1_000_000
        assert market.energy_mJ(terms.high) == sell_mJ
        assert market.energy_mJ(terms.low) == -capacity_mJ * buy_permille // 1000
    low = Settings(identity(market=[A_u, B_u, 0, 100]))
    board = make_board(soc_permille=300)
    terms = low.terms(board.limits, 300)  # the floor of 20 % stands above the owner's 0
    assert market.energy_mJ(terms.high) == capacity_mJ * 100 * 400 // 1_000_000
    board = make_board(roles=wire.PRX)
    assert settings.terms(board.limits, 600).high == 0


def test_no_market_without_terms_or_charge():
    assert Trader(soc_permille=wire.SOC_UNKNOWN_permille).open() == ept.NO_TERMS
    host = Host(make_board()).hello()
    assert host.send(wire.MARKET_OPEN, SESSION, 3, 0) == ept.NO_TERMS


def test_no_market_while_a_transfer_runs_or_a_fault_stands():
    trader = Trader()
    trader.host.grant(lease_ms=100)
    assert trader.open() == ept.BUSY
    trader.board.on_elapsed(200)
    assert trader.open() == ept.LATCHED


def test_what_breaks_the_rules_is_refused():
    trader = Trader()
    assert trader.ask(wire.MARKET_SEAT, 7) == ept.MARKET_RULES
    for peers, index in ((2, 0), (65, 0), (3, 3)):
        assert trader.ask(wire.MARKET_OPEN, SESSION, peers, index) == ept.OUT_OF_RANGE
    assert trader.ask(wire.MARKET_ASK, 0, 0, bytes(16)) == ept.MARKET_RULES
    trader.open()
    assert trader.ask(wire.MARKET_SEAT, 7) == ept.MARKET_RULES  # keys are missing
    assert trader.ask(wire.MARKET_KEY, 0, bytes(32), bytes(16)) == ept.MARKET_RULES
    assert trader.ask(wire.MARKET_KEY, 3, bytes(32), bytes(16)) == ept.MARKET_RULES
    trader.give_keys()
    assert trader.ask(wire.MARKET_KEY, 1, bytes(32), bytes([1]) * 16) == ept.MARKET_RULES
    while trader.desk.is_working:
        trader.desk.step()
    for roster in (3, 6, 8, 15):
        assert trader.ask(wire.MARKET_SEAT, roster) == ept.MARKET_RULES


def test_a_key_of_low_order_takes_no_seat():
    trader = Trader()
    trader.open()
    trader.ask(wire.MARKET_KEY, 1, bytes(32), bytes(16))
    trader.ask(wire.MARKET_KEY, 2, trader.partners[1].public_key, bytes(16))
    while trader.desk.is_working:
        trader.desk.step()
    assert trader.ask(wire.MARKET_SEAT, 7) == ept.MARKET_RULES


def test_pinned_partners_only():
    pins = [x25519.public_key(bytes([i]) * 32)[:PIN_SIZE].hex() for i in (7, 8)]
    trader = Trader(stored=identity(market_trusted=pins)).seated()
    trader.round(0, None)
    stranger = Trader(stored=identity(market_trusted=pins[:1]))
    stranger.open()
    key = stranger.partners[1].public_key
    assert stranger.ask(wire.MARKET_KEY, 2, key, NONCE) == ept.MARKET_RULES


if hasattr(gc, "mem_alloc"):

    def test_a_desk_without_work_allocates_no_byte():
        desk = Trader().desk
        desk.step()
        gc.collect()
        gc.disable()
        before = gc.mem_alloc()
        for _ in range(100):
            desk.step()
        after = gc.mem_alloc()
        gc.enable()
        assert after == before
