# SPDX-License-Identifier: MIT
"""Whatever a host with the board's key asks, in any order: what a board gives away is bounded."""

from hashlib import sha256
from typing import ClassVar

from hypothesis import example, given, settings
from hypothesis import strategies as st

from wptcore import ept, wire, x25519
from wptcore.board import Board
from wptcore.journal import Saved
from wptcore.limits import Limits
from wptcore.market import FRACTION_BITS
from wptcore.market_desk import MarketDesk, Settings, new_keys

ONE = 1 << FRACTION_BITS
RANDOM = iter(sha256(str(i).encode()).digest() * 2 for i in range(10**9))
SECRET, PUBLIC = new_keys(lambda n: bytes(range(n)))
IDENTITY = {
    "market": [150_000_000, 30_000_000, 40, 80],
    "market_secret": SECRET,
    "market_key": PUBLIC,
}
PARTNERS = [x25519.public_key(bytes([i]) * 32) for i in (7, 8)]
WORDS = st.sampled_from([bytes(16), (30 * ONE).to_bytes(16, "little"), b"\xff" * 16])
ROUNDS = st.sampled_from([0, 1, 2, 3, 31, 32, 40])
BITS = st.sampled_from([7, 7, 3, 5, 15, 0])
QUESTIONS = st.one_of(
    st.tuples(st.just(wire.MARKET_OPEN), WORDS, st.integers(2, 4), st.just(0)),
    st.tuples(
        st.just(wire.MARKET_KEY),
        st.integers(0, 3),
        st.sampled_from([*PARTNERS, bytes(32)]),
        WORDS,
    ),
    st.tuples(st.just(wire.MARKET_SEAT), BITS),
    st.tuples(st.just(wire.MARKET_ASK), ROUNDS, st.integers(0, 2), WORDS),
    st.tuples(st.just(wire.MARKET_PRESENT), ROUNDS, BITS),
    st.tuples(st.just(wire.MARKET_PRICE), WORDS),
)
SEATED = [
    (wire.MARKET_OPEN, bytes(16), 3, 0),
    (wire.MARKET_KEY, 1, PARTNERS[0], bytes(16)),
    (wire.MARKET_KEY, 2, PARTNERS[1], bytes(16)),
    (wire.MARKET_SEAT, 7),
    (wire.MARKET_SEAT, 7),  # the keys are computed
    (wire.MARKET_ASK, 0, 1, (30 * ONE).to_bytes(16, "little")),
    (wire.MARKET_PRESENT, 0, 7),
]


class Asked:
    """A board with a desk, and all that it has told in the market that is open."""

    shared: ClassVar[dict] = {}  # X25519 of the same few keys is done once for all examples

    def __init__(self):
        self.desk = MarketDesk(Settings(IDENTITY), bytes(32), sha256, lambda n: next(RANDOM)[:n])
        self.desk._shared = dict(self.shared)
        limits = Limits(3000, 5500, 3000, 12000, 600, -100, 450, 100_000)
        self.board = Board(3, bytes(32), limits, 3, Saved(), sha256, market=self.desk)
        self.board.on_soc(600)
        self.told = []

    def ask(self, question):
        answer = self.desk.on_frame(self.board, question[0], question[1:])
        while self.desk.is_working:
            self.desk.step()
        type(self).shared = dict(self.desk._shared)
        if isinstance(answer, tuple):
            wire.pack_frame(answer[0], 1, 0, *answer[1:])
            if answer[0] == wire.MARKET_PUBLIC and question not in [each for each, _ in self.told]:
                self.told.clear()  # a new market, with another nonce and so with other masks
            self.told.append((question, answer))
        else:
            assert 0 <= answer <= ept.NO_TERMS
        return answer

    def answers(self, kind):
        return {answer for _, answer in self.told if answer[0] == kind}


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.sampled_from([0, 3, 5, 6, 7]), st.lists(QUESTIONS, max_size=25))
@example(7, [(wire.MARKET_PRICE, bytes(16)), (wire.MARKET_PRICE, b"\xff" * 16)])
@example(
    7, [(wire.MARKET_PRICE, (30 * ONE).to_bytes(16, "little")), (wire.MARKET_PRICE, bytes(16))]
)
def test_one_answer_and_one_opening_a_round_and_one_energy_a_market(seated, questions):
    asked = Asked()
    for question in SEATED[:seated]:
        asked.ask(question)
    assert len(asked.told) == (0, 1, 1, 1, 1, 1, 2, 3)[seated]
    for question in questions:
        asked.ask(question)
        for kind in (wire.MARKET_ANSWER, wire.MARKET_OPENING):
            rounds = [answer[1] for answer in asked.answers(kind)]
            assert len(rounds) == len(set(rounds)) <= 32
        assert len(asked.answers(wire.MARKET_TAKE)) <= 1
        assert len(asked.answers(wire.MARKET_PUBLIC)) <= 1
        if asked.answers(wire.MARKET_TAKE):
            assert asked.answers(wire.MARKET_OPENING)
