# SPDX-License-Identifier: MIT
"""The sums of a market from peers that show nobody their terms: masks agreed pair by pair.

Each party is a `wptcore.market.Peer`, the very code that runs on a board; here is the relay
between them and a driver that runs all parties in one process. After Bonawitz et al., "Practical
Secure Aggregation" (CCS 2017), with a restart instead of secret-shared seeds when a peer vanishes.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from wptcore.market import FRACTION_BITS, PEERS_MIN, ROUNDS_MAX, Peer, Terms, signed

from crowdcharge.errors import InputError, WptError
from crowdcharge.market.pricing import answers
from crowdcharge.market.problem import Market
from crowdcharge.market.search import Sums, price_search

Words = tuple[int, int]
RandomBytes = Callable[[int], bytes]
LANE = 0


class MarketVoidError(WptError):
    """The run ended without a price: nobody trades, and what was answered stays shut."""


class Agreement:
    """X25519 by a library in constant time; takes the place of wptcore.x25519 on a host."""

    @staticmethod
    def public_key(secret: bytes) -> bytes:
        return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()

    @staticmethod
    def shared_secret(secret: bytes, peer_public_key: bytes) -> bytes:
        """ValueError for a key of low order, as wptcore.x25519."""
        peer = X25519PublicKey.from_public_bytes(peer_public_key)
        return X25519PrivateKey.from_private_bytes(secret).exchange(peer)


class Relay:
    """What the untrusted middle does: it passes on, counts heads and adds up. It may be anybody.

    One round: `ask`, `on_answer` from each, `present` to each, `on_opening` from each, `sums`.
    """

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self.keys = dict(keys)
        self.round_no = -1
        self.opened_any = False
        self._answers: dict[int, Words] = {}
        self._openings: dict[int, Words] = {}

    @property
    def roster(self) -> list[bytes]:
        return list(self.keys.values())

    def ask(self) -> int:
        if self.round_no + 1 >= ROUNDS_MAX:
            raise MarketVoidError(f"no price within {ROUNDS_MAX} questions, all that peers answer")
        self.round_no += 1
        self._answers.clear()
        self._openings.clear()
        return self.round_no

    def on_answer(self, peer: int, words: Words) -> None:
        self._answers[peer] = words

    @property
    def missing(self) -> list[int]:
        return [peer for peer in self.keys if peer not in self._answers]

    @property
    def present(self) -> list[bytes]:
        return [self.keys[peer] for peer in self._answers]

    def on_opening(self, peer: int, words: Words) -> None:
        self._openings[peer] = words

    def drop(self, peers: Collection[int]) -> None:
        """Goes on with the rest; they must join the new roster. Refused once a sum was opened."""
        if self.opened_any:
            raise MarketVoidError("a sum was opened: the roster is final")
        for peer in peers:
            del self.keys[peer]
        if LANE not in self.keys or len(self.keys) < PEERS_MIN:
            raise MarketVoidError(
                f"{len(self.keys)} peers are left; it takes {PEERS_MIN} and the lane"
            )

    def sums(self) -> Sums:
        """(c, s) of the whole roster; MarketVoidError if an opening did not come."""
        silent = [peer for peer in self.keys if peer not in self._openings]
        if silent:
            raise MarketVoidError(
                f"{peer_name(silent[0])} answered and then vanished: no sum to open"
            )
        self.opened_any = True
        c, s = (
            signed(sum(self._answers[p][k] - self._openings[p][k] for p in self.keys))
            for k in (0, 1)
        )
        return math.ldexp(c, -FRACTION_BITS), math.ldexp(s, -FRACTION_BITS)


@dataclass(frozen=True, slots=True)
class Negotiated:
    """`members` answered to the end; `confirmed` is False if one vanished after the price."""

    price: float
    members: tuple[int, ...]
    confirmed: bool
    questions: int
    rounds: int
    messages: int


class Negotiation:
    """All parties of one market in one process, counting rounds and messages.

    `silent(peer, round_no, step)` says who has vanished; step is "answer" or "open".
    """

    def __init__(
        self,
        peers: Mapping[int, Peer],
        silent: Callable[[int, int, str], bool] = lambda *_: False,
    ) -> None:
        self._peers = peers
        self._silent = silent
        self.relay = Relay({i: peer.public_key for i, peer in peers.items()})
        self._rounds = self._messages = 0

    def run(self) -> Negotiated:
        self._count(len(self._peers))  # the keys, up
        self._seat()
        search = price_search()
        asked = next(search)
        questions = 0
        while True:
            sums = self._round(asked)
            if sums is None and asked is not None:
                return self._done(asked, questions, confirmed=False)
            if sums is None:
                continue
            questions += 1
            try:
                asked = search.send(sums)
            except StopIteration as found:
                return self._done(found.value, questions, confirmed=True)
            self._count(len(self.relay.keys))  # the next question, down

    def _seat(self) -> None:
        """Roster and first question go down together."""
        self._count(len(self.relay.keys))
        for i in self.relay.keys:
            self._peers[i].join(self.relay.roster)

    def _round(self, price: float | None) -> Sums | None:
        """None: somebody was missing; before any sum was opened, the rest have a new roster."""
        relay = self.relay
        round_no = relay.ask()
        question = None if price is None else fixed(price)
        for i in relay.keys:
            if not self._silent(i, round_no, "answer"):
                relay.on_answer(i, self._peers[i].answer(round_no, question))
        self._count(len(relay.present))
        self._count(len(relay.present))  # who is present, down
        for i in relay.keys:
            if i in relay.missing or self._silent(i, round_no, "open"):
                continue
            words = self._peers[i].open(round_no, relay.present)
            if words is not None:
                relay.on_opening(i, words)
        self._count(len(relay.present))
        if not relay.missing:
            return relay.sums()
        if not relay.opened_any:
            relay.drop(relay.missing)
            self._seat()
        return None

    def _done(self, price: float, questions: int, *, confirmed: bool) -> Negotiated:
        self._count(len(self.relay.keys))  # the price, down
        members = tuple(self.relay.keys)
        return Negotiated(price, members, confirmed, questions, self._rounds, self._messages)

    def _count(self, messages: int) -> None:
        self._rounds += 1
        self._messages += messages


def make_peers(market: Market, session: bytes, random: RandomBytes) -> dict[int, Peer]:
    """The lane as peer 0 and the EVs, each with its own terms and keys."""
    return {
        i: Peer(sha256, random, terms, session, None, Agreement)
        for i, terms in enumerate(terms_of(market))
    }


def terms_of(market: Market) -> list[Terms]:
    """Fixed-point terms, the lane first; InputError where a number does not fit."""
    lane_low, lane_high = market.lane_bounds
    rows = [(market.lane_a, market.lane_b, lane_low, lane_high)]
    rows += zip(
        market.a.tolist(),
        market.b.tolist(),
        market.low.tolist(),
        market.high.tolist(),
        strict=True,
    )
    for i, (a, b, _, _) in enumerate(rows):
        if not (_fits(a) and _fits(b) and _fits(1 / a) and _fits(b / a)):
            raise InputError(
                f"{peer_name(i)}: a = {a:g} with b = {b:g} does not fit {FRACTION_BITS} "
                "fraction bits; choose other units of energy or price"
            )
    return [Terms(fixed(a), fixed(b), fixed(low), fixed(high)) for a, b, low, high in rows]


def fixed(value: float) -> int:
    """To integers with wptcore.market's fraction bits, to the nearest."""
    return round(math.ldexp(value, FRACTION_BITS))


def peer_name(peer: int) -> str:
    return "lane" if peer == LANE else f"ev {peer - 1}"


def resolution(market: Market, price: float) -> float:
    """Bound on the price error that rounding terms and answers to fixed point can make."""
    half = math.ldexp(0.5, -FRACTION_BITS)
    table = answers(market, price)
    c, s = abs(table[:, 0]), table[:, 1]
    error_s = half * (1 + s * s)
    error_c = half * (1 + s + c * s)
    spread = float((error_c + price * error_s).sum() / s.sum()) if s.any() else 0.0
    return spread + 8 * math.ulp(price)


def _fits(value: float) -> bool:
    return 2.0**-24 <= value < 2.0**64
