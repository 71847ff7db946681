# SPDX-License-Identifier: MIT
"""Shared sums: exact, unmoved by peers that vanish, and silent about everybody."""

from hashlib import sha256

import numpy as np
import pytest

from crowdcharge.errors import InputError, MarketVoidError
from crowdcharge.market import Market, clear
from crowdcharge.market.pricing import answers
from crowdcharge.market.shared import (
    HostKeyPair,
    Negotiation,
    Relay,
    fixed,
    make_peers,
    resolution,
    terms_of,
)
from wptcore import x25519
from wptcore.market import ROUNDS_MAX, Peer, energy_mJ

from .markets import random_market
from .second_explanation import second_explanation


def negotiate(market, rng, silent=lambda *_: False):
    return Negotiation(make_peers(market, b"session", rng.bytes), silent).run()


def without(market, ev):
    keep = np.arange(market.a.size) != ev
    return Market(
        market.a[keep],
        market.b[keep],
        market.e_max[keep],
        market.lane_a,
        market.lane_b,
        market.lane_e_min,
        market.mode,
    )


@pytest.mark.parametrize("mode", ["charge", "discharge"])
@pytest.mark.parametrize("tight", [False, True])
def test_the_price_is_exact_to_its_fixed_point_bound(rng, mode, tight):
    for n in (2, 3, 8, 25):
        market = random_market(rng, n, mode, tight=tight)
        agreed = negotiate(market, rng)
        assert agreed.confirmed
        price = clear(market).price
        assert abs(agreed.price - price) <= resolution(market, price) < 1e-8


def test_rounds_and_messages_follow_from_the_questions(rng):
    market = random_market(rng, 8, tight=False)
    agreed = negotiate(market, rng)
    assert agreed.questions == 2
    assert agreed.rounds == 2 + 3 + 4 + 1  # keys and roster; answer, present, open; again; price
    assert agreed.messages == 9 * agreed.rounds


@pytest.mark.parametrize("gone", [1, 5])
def test_a_peer_that_vanishes_early_leaves_the_price_of_the_others(rng, gone):
    market = random_market(rng, 8, tight=False)
    agreed = negotiate(market, rng, lambda peer, *_: peer == gone)
    rest = without(market, gone - 1)
    assert gone not in agreed.members
    assert agreed.price == pytest.approx(clear(rest).price, abs=resolution(rest, agreed.price))


def test_a_peer_that_vanishes_after_the_price_does_not_move_it(rng):
    market = random_market(rng, 8, tight=False)
    agreed = negotiate(market, rng, lambda peer, round_no, _: peer == 3 and round_no >= 1)
    assert not agreed.confirmed
    assert agreed.price == pytest.approx(clear(market).price, abs=resolution(market, agreed.price))


def test_a_peer_that_answers_and_vanishes_ends_the_run(rng):
    market = random_market(rng, 8, tight=False)
    with pytest.raises(MarketVoidError, match="ev 2 answered and then vanished"):
        negotiate(market, rng, lambda peer, _, step: peer == 3 and step == "open")


def test_without_the_lane_or_with_too_few_there_is_no_market(rng):
    market = random_market(rng, 3, tight=False)
    with pytest.raises(MarketVoidError, match="and the lane"):
        negotiate(market, rng, lambda peer, *_: peer == 0)
    with pytest.raises(MarketVoidError, match="2 peers are left"):
        negotiate(market, rng, lambda peer, *_: peer in (1, 2))


def test_a_relay_that_hides_an_answer_gets_no_second_sum(rng):
    """It holds everybody's answers and calls one peer absent: that round stays shut for good."""
    peers = make_peers(random_market(rng, 4, tight=False), b"s", rng.bytes)
    roster = [peer.public_key for peer in peers.values()]
    for peer in peers.values():
        peer.join(roster)
        peer.answer(0, None)
    hidden = roster[:-1]
    assert all(peers[i].open(0, hidden) is None for i in range(4))
    for i in range(4):
        with pytest.raises(ValueError, match="no answer"):
            peers[i].open(0, roster)


def test_a_relay_that_asks_without_end_is_stopped_by_its_own_rule_and_by_the_peers(rng):
    """Each opened sum is one more point of the common demand curve."""
    relay = Relay({})
    for _ in range(ROUNDS_MAX):
        relay.ask()
    with pytest.raises(MarketVoidError, match="questions"):
        relay.ask()


class Recorder(Relay):
    """A relay that keeps all it sees."""

    def __init__(self, keys):
        super().__init__(keys)
        self.view = [dict(keys)]

    def on_answer(self, peer, words):
        self.view.append((self.round_no, "answer", peer, words))
        super().on_answer(peer, words)

    def on_opening(self, peer, words):
        self.view.append((self.round_no, "open", peer, words))
        super().on_opening(peer, words)


class OtherWorld(Peer):
    """A peer whose mask with one partner happens to be another number."""

    shift = (0, 0)

    def _pair_masks(self, round_no, price):
        c, s = super()._pair_masks(round_no, price)
        return c + self.shift[0], s + self.shift[1]


def record(terms, seed, kind=Peer, shifts=None):
    rng = np.random.default_rng(seed)
    peers = {
        i: kind(sha256, rng.bytes, t, b"s", None, HostKeyPair(rng.bytes(32)))
        for i, t in enumerate(terms)
    }
    for i, shift in (shifts or {}).items():
        peers[i].shift = shift
    run = Negotiation(peers)
    run.relay = Recorder(run.relay.keys)
    return run.run(), run.relay.view


def test_lane_relay_and_all_but_two_evs_together_cannot_tell_two_worlds_apart(rng):
    """The same messages, price and energies, bit for bit, from other terms of the two."""
    market = random_market(rng, 8, tight=False)
    terms = terms_of(market)
    agreed, view = record(terms, 7)
    price = fixed(agreed.price)

    u, v = 3, 6
    other = list(terms)
    other[u], other[v] = second_explanation(terms[u], terms[v], price)
    for i in (u, v):
        assert abs(other[i].a / terms[i].a - 1) > 0.1
        assert abs(other[i].b - terms[i].b) > 1 << 40
        assert energy_mJ(other[i].energy(price)) == energy_mJ(terms[i].energy(price))
    shifts = {
        i: tuple(x - y for x, y in zip(terms[i].answer(None), other[i].answer(None), strict=True))
        for i in (u, v)
    }
    assert [x + y for x, y in zip(shifts[u], shifts[v], strict=True)] == [0, 0]  # one mask

    again, second_view = record(other, 7, OtherWorld, shifts)
    assert second_view == view
    assert again == agreed


def test_an_answer_looks_like_noise_to_the_attack_that_breaks_the_masked_star(rng):
    """What the lane can form of one EV, answer minus opening, has nothing of its secret."""
    market = random_market(rng, 12, tight=False)
    terms = terms_of(market)
    _, view = record(terms, 11)
    answered = {peer: words for r, what, peer, words in view[1:] if r == 0 and what == "answer"}
    opened = {peer: words for r, what, peer, words in view[1:] if r == 0 and what == "open"}
    secrets = answers(market, None)
    stolen = np.array(
        [[((answered[i][k] - opened[i][k]) % 2**128) / 2**128 for k in (0, 1)] for i in answered]
    )
    assert (np.abs(stolen * 2**80 - secrets) > 2**60).all()
    assert 0.2 < stolen.mean() < 0.8


def test_the_host_s_agreement_and_the_board_s_are_the_same_function(rng):
    mine, yours = rng.bytes(32), rng.bytes(32)
    pair = HostKeyPair(mine)
    assert pair.public_key == x25519.KeyPair(mine).public_key
    public = x25519.public_key(yours)
    assert pair.shared_secret(public) == x25519.shared_secret(mine, public)
    with pytest.raises(ValueError, match="shared key"):
        pair.shared_secret(bytes(32))


def test_numbers_that_fit_no_fixed_point_are_refused():
    market = Market(np.array([1e-9, 1]), np.array([20.0, 21]), np.ones(2), 1.0, 30.0, -2.0)
    with pytest.raises(InputError, match="ev 0: a = 1e-09"):
        terms_of(market)
