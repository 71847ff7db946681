# SPDX-License-Identifier: MIT
"""The ways to agree on a price: all give the same answer, but each shows different things.

All run on the star of the lane paper. A round is one step in which peers may send; the closed
form, two-round, shared and homomorphic schemes use single directions, consensus both at once.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.market import shared
from crowdcharge.market.consensus import (
    Consensus,
    ErrorBound,
    metropolis_rounds,
    ratio_spread,
    run,
    two_round,
)
from crowdcharge.market.graph import metropolis, star
from crowdcharge.market.masking import Masking, masked_ratio_bound, masked_rounds
from crowdcharge.market.pricing import Clearing, answers, clear, clearing_at
from crowdcharge.market.privacy import contained
from crowdcharge.market.problem import Array, Market, refuse_without_trade
from crowdcharge.market.relay import fixed, peer_name
from crowdcharge.market.search import Sums, find_price, price_search

_RESOLUTION = 1e-12  # relative, of the price, after thousands of rounds of rounding
_FAR = 1e6  # a Newton step to this many times the lane's b leaves every bracket
_IDLE = 1e-10  # share of the lane's bound that counts as no energy


@dataclass(frozen=True, slots=True)
class Means:
    """What a scheme may use: a bound on the price error, and where its randomness comes from."""

    tolerance: float
    rng: np.random.Generator
    random_bytes: shared.RandomBytes


@dataclass(frozen=True, slots=True)
class Deal:
    """`price_bound` is a true bound on the error; `exposed` names peers whose a and b got out."""

    clearing: Clearing
    price_bound: float
    rounds: int
    messages: int
    exposed: tuple[str, ...]


def trade(market: Market, scheme: str, means: Means) -> Deal:
    """Negotiate the market by one of `SCHEMES`; InputError if it or the tolerance is unusable."""
    refuse_without_trade(market)
    least = _RESOLUTION * market.lane_b
    if not least <= means.tolerance < math.inf:
        raise InputError(
            f"tolerance: must be finite and, for floats to carry it, at least {least:.0e}, "
            f"not {means.tolerance:g}"
        )
    return SCHEMES[scheme](market, means)


def _closed_form(market: Market, _means: Means) -> Deal:
    """Let every peer tell the lane everything, bounds included, and the lane compute."""
    n = market.a.size
    clearing = clear(market)
    return Deal(clearing, 8 * float(np.spacing(clearing.price)), 2, 2 * n, _evs(n))


class _Averaging:
    """Sums that are averages which the peers reach among themselves.

    A peer that hears a price speaks again only if its answer has changed; if nobody does, the
    sums stand and the price is final.
    """

    def __init__(self, market: Market, average: Callable[[Array], Consensus]) -> None:
        self._market = market
        self._average = average
        self._values = np.empty((0, 2))
        self._sums: Sums = (0.0, 0.0)
        self.bound = 0.0
        self.rounds = self.messages = 0

    def sums(self, price: float | None) -> Sums:
        values = answers(self._market, price)
        if np.array_equal(values, self._values):
            return self._sums
        if price is not None:  # those who changed say so, the lane tells all its price
            self.rounds += 2
            self.messages += int((values != self._values).any(axis=1).sum()) + len(values) - 1
        reached = self._average(values)
        self.rounds += reached.rounds
        self.messages += reached.messages
        self.bound = reached.bound
        c, s = (reached.states[0] * len(values)).tolist()
        self._values, self._sums = values, _settled(self._market, c, s)
        return self._sums


def _or_flat(
    market: Market,
    bound: ErrorBound,
    left: Callable[[int], Array] = lambda _: np.zeros(2),
) -> ErrorBound:
    """Extend a bound to markets in which (nearly) all peers sit on their bounds.

    There is no ratio to wait for then; it is enough to know the sign of the net energy, or that
    there is none.
    """

    def stop(states: Array, rounds: int) -> float:
        left_c, left_s = left(rounds).tolist()
        c, slope = states[:, 0], float(np.abs(states[:, 1]).max()) + left_s
        clear_sign = float(max(c.min(), -c.max())) - left_c > _FAR * market.lane_b * slope
        idle = _idle_energy(market) / len(states)
        nothing = float(np.abs(c).max()) + left_c + market.lane_b * slope < idle
        return 0.0 if clear_sign or nothing else bound(states, rounds)

    return stop


def _settled(market: Market, c: float, s: float) -> Sums:
    """Clean the sums for the price search: noise around a flat or balanced market becomes 0."""
    if abs(c) + market.lane_b * abs(s) < _idle_energy(market):
        return 0.0, 0.0
    return (c, 0.0) if abs(c) > _FAR / 2 * market.lane_b * abs(s) else (c, s)


def _idle_energy(market: Market) -> float:
    return -_IDLE * market.lane_e_min


def _averaged(
    market: Market,
    step: float,
    average: Callable[[Array], Consensus],
    exposed: tuple[str, ...],
) -> Deal:
    """Search with averaged sums.

    The last price asked is within 2 steps of its Newton step, which is within its own bound.
    """
    averaging = _Averaging(market, average)
    price = find_price(averaging.sums, price_search(2 * step))
    bound = averaging.bound + 2 * step + 8 * float(np.spacing(price))
    return Deal(clearing_at(market, price), bound, averaging.rounds, averaging.messages, exposed)


def _consensus(market: Market, means: Means) -> Deal:
    graph = star(market.a.size)
    weights = metropolis(graph)
    step = means.tolerance / 3

    def average(values: Array) -> Consensus:
        rounds = metropolis_rounds(weights, values)
        return run(graph, values, rounds, _or_flat(market, ratio_spread), step)

    return _averaged(market, step, average, ("lane", *_evs(market.a.size)))


def _masked(market: Market, means: Means) -> Deal:
    graph = star(market.a.size)
    weights = metropolis(graph)
    masking = Masking.draw(answers(market, None), means.rng)
    step = means.tolerance / 3

    def average(values: Array) -> Consensus:
        rounds: Iterator[Array] = (
            each.states for each in masked_rounds(weights, values, masking, means.rng)
        )
        bound = _or_flat(market, masked_ratio_bound(masking), masking.left)
        return run(graph, values, rounds, bound, step)

    seen = {i for observer in graph for i in contained(graph, (observer,))}
    exposed = tuple(peer_name(i) for i in sorted(seen))
    return _averaged(market, step, average, exposed)


def _two_round(market: Market, _means: Means) -> Deal:
    return _averaged(market, 0.0, two_round, _evs(market.a.size))


def _shared(market: Market, means: Means) -> Deal:
    _refuse_single(market, "shared")
    peers = shared.make_peers(market, means.random_bytes(16), means.random_bytes)
    agreed = shared.Negotiation(peers).run()
    return Deal(
        clearing_at(market, agreed.price),
        shared.resolution(market, agreed.price),
        agreed.rounds,
        agreed.messages,
        (),
    )


def _homomorphic(market: Market, _means: Means) -> Deal:
    """Let a relay that is not the lane add ciphertexts: key out, answers in, sum on, price out."""
    from crowdcharge.market import homomorphic  # noqa: PLC0415  # only this one needs the extra

    _refuse_single(market, "homomorphic")
    terms = shared.terms_of(market)
    holder = homomorphic.KeyHolder()
    questions = 0

    def sums(price: float | None) -> Sums:
        nonlocal questions
        questions += 1
        asked = None if price is None else fixed(price)
        answered = [homomorphic.encrypted_answer(holder.public, each, asked) for each in terms]
        return holder.sums(homomorphic.add_encrypted(holder.public, answered))

    price = find_price(sums, price_search())
    peers = market.a.size + 1
    rounds, messages = 3 * questions + 1, questions * (2 * peers + 1) + peers
    return Deal(clearing_at(market, price), shared.resolution(market, price), rounds, messages, ())


SCHEMES: dict[str, Callable[[Market, Means], Deal]] = {
    "closed-form": _closed_form,
    "consensus": _consensus,
    "masked": _masked,
    "two-round": _two_round,
    "shared": _shared,
    "homomorphic": _homomorphic,
}


def _evs(n: int) -> tuple[str, ...]:
    return tuple(f"ev {i}" for i in range(n))


def _refuse_single(market: Market, scheme: str) -> None:
    if market.a.size < 2:
        raise InputError(
            f"evs: the {scheme} scheme takes two or more; of a single one the lane learns "
            "everything from the sum"
        )
