# SPDX-License-Identifier: MIT
"""The sums of a market from peers that show nobody their terms: masks agreed pair by pair.

Each party is a `wptcore.market.Peer`, the very code that runs on a board; here is what the relay
between them does (`negotiate`), and a driver that runs all parties in one process; another one in
`crowdcharge.trading` moves the same steps over the air. After Bonawitz et al., "Practical
Secure Aggregation" (CCS 2017), with a restart instead of secret-shared seeds when a peer vanishes.
"""

import math
from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from crowdcharge.errors import InputError, MarketVoidError, WptError
from crowdcharge.market.pricing import answers
from crowdcharge.market.problem import Market
from crowdcharge.market.search import Sums, price_search
from wptcore.market import FRACTION_BITS, PEERS_MIN, ROUNDS_MAX, Peer, Terms, signed
from wptcore.x25519 import KEY_SIZE

Words = tuple[int, int]
RandomBytes = Callable[[int], bytes]
LANE = 0


class HostKeyPair:
    """X25519 by a library in constant time; takes the place of wptcore.x25519's on a host."""

    def __init__(self, secret: bytes) -> None:
        self._secret = X25519PrivateKey.from_private_bytes(secret)
        self.public_key = self._secret.public_key().public_bytes_raw()

    def shared_secret(self, peer_public_key: bytes) -> bytes:
        """ValueError for a key of low order, as wptcore.x25519."""
        return self._secret.exchange(X25519PublicKey.from_public_bytes(peer_public_key))


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


_PRICE_MAX = 2.0**40
SEAT, ASK, PRESENT = "seat", "ask", "present"


@dataclass(frozen=True, slots=True)
class Step:
    """What the relay tells these peers, and what it wants of each: nothing to SEAT, but to have
    joined; a masked answer to ASK; the own mask to PRESENT. `price` has fraction bits."""

    kind: str
    to: tuple[int, ...]
    round_no: int = -1
    price: int | None = None


@dataclass(frozen=True, slots=True)
class Agreed:
    """`price` has fraction bits; `confirmed` is False if a member vanished after it was found."""

    price: int
    members: tuple[int, ...]
    confirmed: bool
    questions: int


Replies = Mapping[int, Words]
Steps = Generator[Step, Replies, Agreed]


def negotiate(relay: Relay) -> Steps:
    """The whole run, sans-IO: yields each step, takes what came back, returns the agreement.

    A peer that is not in the replies has vanished; to PRESENT, one may also have declined.
    """
    yield from _seat(relay)
    search = price_search()
    asked = next(search)
    questions = 0
    while True:
        question = None if asked is None else _question(asked)
        sums = yield from _round(relay, question)
        if sums is None and question is not None:
            return Agreed(question, tuple(relay.keys), False, questions)
        if sums is None:
            continue
        questions += 1
        try:
            asked = search.send(sums)
        except StopIteration as found:
            return Agreed(_question(found.value), tuple(relay.keys), True, questions)
        except WptError as error:
            raise MarketVoidError(str(error)) from None


def _question(price: float) -> int:
    """MarketVoidError for what only nonsense in the answers can lead to."""
    if not abs(price) < _PRICE_MAX:
        raise MarketVoidError(f"the answers lead to a price of {price:g}: somebody's are nonsense")
    return fixed(price)


def _seat(relay: Relay) -> Generator[Step, Replies, None]:
    """Until all of those who are left have joined one roster."""
    while True:
        joined = yield Step(SEAT, tuple(relay.keys))
        gone = [peer for peer in relay.keys if peer not in joined]
        if not gone:
            return
        relay.drop(gone)


def _round(relay: Relay, price: int | None) -> Generator[Step, Replies, Sums | None]:
    """None: somebody was missing; before any sum was opened, the rest have a new roster."""
    round_no = relay.ask()
    answers = yield Step(ASK, tuple(relay.keys), round_no, price)
    for peer, words in answers.items():
        relay.on_answer(peer, words)
    there = tuple(peer for peer in relay.keys if peer in answers)
    openings = yield Step(PRESENT, there, round_no)
    if not relay.missing:
        for peer, words in openings.items():
            relay.on_opening(peer, words)
        return relay.sums()
    if not relay.opened_any:
        relay.drop(relay.missing)
        yield from _seat(relay)
    return None


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
        steps = negotiate(self.relay)
        step, before = next(steps), ASK
        while True:
            if (before, step.kind) != (SEAT, ASK):  # roster and question go down together
                self._count(len(step.to))
            replies = self._perform(step)
            before = step.kind
            try:
                step = steps.send(replies)
            except StopIteration as found:
                return self._done(found.value)

    def _perform(self, step: Step) -> dict[int, Words]:
        if step.kind == SEAT:
            for i in step.to:
                self._peers[i].join(self.relay.roster)
            return dict.fromkeys(step.to, (0, 0))
        word = "answer" if step.kind == ASK else "open"
        heard = [i for i in step.to if not self._silent(i, step.round_no, word)]
        if step.kind == ASK:
            told = {i: self._peers[i].answer(step.round_no, step.price) for i in heard}
        else:
            present = self.relay.present
            opened = {i: self._peers[i].open(step.round_no, present) for i in heard}
            told = {i: words for i, words in opened.items() if words is not None}
        self._count(len(told))
        return told

    def _done(self, agreed: Agreed) -> Negotiated:
        self._count(len(agreed.members))  # the price, down
        return Negotiated(
            math.ldexp(agreed.price, -FRACTION_BITS),
            agreed.members,
            agreed.confirmed,
            agreed.questions,
            self._rounds,
            self._messages,
        )

    def _count(self, messages: int) -> None:
        self._rounds += 1
        self._messages += messages


def make_peers(market: Market, session: bytes, random: RandomBytes) -> dict[int, Peer]:
    """The lane as peer 0 and the EVs, each with its own terms and keys."""
    return {
        i: Peer(sha256, random, terms, session, None, HostKeyPair(random(KEY_SIZE)))
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
