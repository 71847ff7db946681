# SPDX-License-Identifier: MIT
"""The sums of a market from peers that show nobody their terms: masks agreed pair by pair.

Each party is a `wptcore.market.Peer`, the very code that runs on a board, and `relay` is what goes
on between them. This module makes the peers of a market and drives them all in one process;
`orchestrator.negotiator` drives the same steps over the air.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from crowdcharge.errors import InputError
from crowdcharge.market.pricing import answers
from crowdcharge.market.problem import Market
from crowdcharge.market.relay import (
    ASK,
    SEAT,
    Agreed,
    Relay,
    Step,
    Words,
    fixed,
    negotiate,
    peer_name,
)
from wptcore.market import FRACTION_BITS, Peer, Terms
from wptcore.x25519 import KEY_SIZE

RandomBytes = Callable[[int], bytes]


class HostKeyPair:
    """X25519 keys from a library that works in constant time, in place of wptcore.x25519's."""

    def __init__(self, secret: bytes) -> None:
        self._secret = X25519PrivateKey.from_private_bytes(secret)
        self.public_key = self._secret.public_key().public_bytes_raw()

    def shared_secret(self, peer_public_key: bytes) -> bytes:
        """Agree on a secret; ValueError for a key of low order, as in wptcore.x25519."""
        return self._secret.exchange(X25519PublicKey.from_public_bytes(peer_public_key))


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
    """Drives all parties of one market in one process and counts rounds and messages.

    `silent(peer, round_no, step)` is true for a peer that has vanished; `step` is "answer" or
    "open".
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
    """Make the lane, which is peer 0, and the EVs, each with its own terms and keys."""
    return {
        i: Peer(sha256, random, terms, session, None, HostKeyPair(random(KEY_SIZE)))
        for i, terms in enumerate(terms_of(market))
    }


def terms_of(market: Market) -> list[Terms]:
    """Convert to fixed-point terms, the lane first; InputError if a number does not fit."""
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


def resolution(market: Market, price: float) -> float:
    """Bound the price error that rounding terms and answers to fixed point can make."""
    half = math.ldexp(0.5, -FRACTION_BITS)
    table = answers(market, price)
    c, s = abs(table[:, 0]), table[:, 1]
    error_s = half * (1 + s * s)
    error_c = half * (1 + s + c * s)
    spread = float((error_c + price * error_s).sum() / s.sum()) if s.any() else 0.0
    return spread + 8 * math.ulp(price)


def _fits(value: float) -> bool:
    return 2.0**-24 <= value < 2.0**64
