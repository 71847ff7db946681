# SPDX-License-Identifier: MIT
"""PURE: what an untrusted relay does to find a price from masked answers.

After Bonawitz et al., "Practical Secure Aggregation" (CCS 2017), with a restart in place of
secret-shared seeds when a peer vanishes. The peers are `wptcore.market.Peer`, on boards or in one
process; nothing here needs cryptography.
"""

import math
from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass

from crowdcharge.errors import InputError, MarketVoidError, WptError
from crowdcharge.market.search import Sums, price_search
from wptcore.market import FRACTION_BITS, PEERS_MIN, ROUNDS_MAX, signed

Words = tuple[int, int]
LANE = 0


class Relay:
    """Passes frames on, counts the peers and adds up what it hears; it need not be trusted.

    One round is `ask`, `on_answer` from each peer, `present` to each, `on_opening` from each, and
    then `sums`.
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
        """Go on without these peers; the rest must join the new roster.

        MarketVoidError if a sum was opened already, or if too few peers are left.
        """
        if self.opened_any:
            raise MarketVoidError("a sum was opened: the roster is final")
        for peer in peers:
            del self.keys[peer]
        if LANE not in self.keys or len(self.keys) < PEERS_MIN:
            raise MarketVoidError(
                f"{len(self.keys)} peers are left; it takes {PEERS_MIN} and the lane"
            )

    def sums(self) -> Sums:
        """Return (c, s) of the whole roster; MarketVoidError if an opening did not come."""
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
    """What the relay tells these peers, and what it wants of each.

    A peer replies to SEAT by joining the roster, to ASK with its masked answer, and to PRESENT
    with its own mask. `price` has fraction bits.
    """

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
    """Run a whole negotiation, sans-IO: yield each step, take the replies, return the agreement.

    A peer that is not in the replies has vanished; to PRESENT it may also have declined.
    MarketVoidError if the run ends without a price.
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
    """Convert a price to fixed point; MarketVoidError if only nonsense answers can lead to it."""
    if not abs(price) < _PRICE_MAX:
        raise MarketVoidError(f"the answers lead to a price of {price:g}: somebody's are nonsense")
    return fixed(price)


def _seat(relay: Relay) -> Generator[Step, Replies, None]:
    """Ask all to join the roster, without those who do not, until everybody left has joined."""
    while True:
        joined = yield Step(SEAT, tuple(relay.keys))
        gone = [peer for peer in relay.keys if peer not in joined]
        if not gone:
            return
        relay.drop(gone)


def _round(relay: Relay, price: int | None) -> Generator[Step, Replies, Sums | None]:
    """Ask one question; None if somebody was missing.

    If no sum was opened before, the rest then have a new roster.
    """
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


def fixed(value: float) -> int:
    """Round to the nearest integer with the fraction bits of `wptcore.market`."""
    try:
        return round(math.ldexp(value, FRACTION_BITS))
    except OverflowError:
        raise InputError(
            f"{value:g} is too large; choose other units of energy or price"
        ) from None


def peer_name(peer: int) -> str:
    return "lane" if peer == LANE else f"ev {peer - 1}"
