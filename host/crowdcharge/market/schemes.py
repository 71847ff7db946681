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
_STEPS = 3  # a price is within so many errors of a ratio
_ROUNDING = 1e-14  # relative, of an average of numbers of one size
NO_MASKS = np.zeros(2)
_SAME = 1e-9  # relative, of energies where any price between two clears the market


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
    if not 0 < means.tolerance < math.inf:
        raise InputError(f"tolerance: must be finite and above 0, not {means.tolerance:g}")
    deal = SCHEMES[scheme](market, means)
    if scheme != "closed-form":  # by which the others are judged
        _refuse_wrong(market, scheme, deal)
    return deal


def _refuse_wrong(market: Market, scheme: str, deal: Deal) -> None:
    """Raise InputError for an answer outside of its bound: rounding is not in every bound."""
    exact, energies = clear(market), deal.clearing.energies
    near = abs(deal.clearing.price - exact.price) <= deal.price_bound
    size = float(np.abs(exact.energies).max())
    if not near and not np.allclose(energies, exact.energies, rtol=_SAME, atol=_SAME * size):
        raise InputError(
            f"{scheme}: the peers' numbers lie too far apart for its arithmetic; "
            "the closed-form scheme carries them"
        )


def _closed_form(market: Market, _means: Means) -> Deal:
    """Let every peer tell the lane everything, bounds included, and the lane compute."""
    n = market.a.size
    clearing = clear(market)
    return Deal(clearing, 8 * float(np.spacing(clearing.price)), 2, 2 * n, _evs(n))


class _Averaging:
    """Sums that are averages which the peers reach among themselves.

    A peer that hears a price speaks again only if its answer has changed; if nobody does, the
    sums stand and the price is final. `masks` (2,) bounds what masks add to an answer, which
    rounding leaves a little of.
    """

    def __init__(
        self, market: Market, average: Callable[[Array], Consensus], masks: Array = NO_MASKS
    ) -> None:
        self._market = market
        self._average = average
        self._masks = masks
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
        mean_c, mean_s = reached.states[0].tolist()
        self.bound = reached.bound
        if _flat(values):
            mean_s = 0.0
            if abs(mean_c) <= 2 * _noise(values, self._masks):
                mean_c = 0.0
        else:
            self.bound += _rounding(values, self._masks)
        self._values, self._sums = values, (mean_c * len(values), mean_s * len(values))
        return self._sums


def _flat(values: Array) -> bool:
    """Tell whether all peers sit on their bounds, which they can flood as one bit."""
    return not values[:, 1].any()


def _noise(values: Array, masks: Array) -> float:
    """Return the average energy that rounding makes of none."""
    return _ROUNDING * float(np.abs(values[:, 0]).max() + masks[0])


def _rounding(values: Array, masks: Array) -> float:
    """Bound what rounding makes of the ratio of the averages."""
    mean_c, mean_s = values.mean(axis=0).tolist()
    size_c, size_s = (np.abs(values).mean(axis=0) + masks).tolist()
    return float(_ROUNDING * (size_c + abs(mean_c / mean_s) * size_s) / mean_s)


def _dearest(market: Market) -> float:
    """Return a price that the clearing price does not exceed."""
    return market.lane_b if market.mode == "charge" else float(market.b.max())


def _step(market: Market, means: Means) -> float:
    """Return the error that each ratio may have; InputError if floats cannot carry it."""
    _refuse_finer(means.tolerance, _RESOLUTION * _dearest(market))
    return means.tolerance / _STEPS


def _refuse_finer(tolerance: float, least: float) -> None:
    if tolerance < least:
        raise InputError(
            f"tolerance: must be, for floats to carry these numbers, at least {least:.1e}, "
            f"not {tolerance:g}; the closed-form scheme needs none"
        )


def _known(
    market: Market,
    values: Array,
    step: float,
    bound: ErrorBound,
    left: Callable[[int], Array] = lambda _: NO_MASKS,
) -> ErrorBound:
    """Make the bound on what states tell of these answers; `left` is what masks may still add.

    A ratio beyond every clearing price only says where to ask next, so its bound is relative. If
    all peers sit on their bounds there is no ratio to wait for: it is enough to know the sign of
    the net energy, or that there is none. InputError if rounding alone is more than the bound.
    """
    dearest, masks = _dearest(market), left(0)
    noise = _noise(values, masks)

    def flat(states: Array, rounds: int) -> float:
        c, more = states[:, 0], float(left(rounds)[0])
        clear_sign = float(max(c.min(), -c.max())) - more > noise
        nothing = float(np.abs(c).max()) + more <= 2 * noise
        return 0.0 if clear_sign or nothing else math.inf

    def beyond(ratio: Array) -> float:
        return max(1.0, float(np.abs(ratio).min()) / dearest)

    def relative(states: Array, rounds: int) -> float:
        error = bound(states, rounds)
        return error if error == math.inf else error / beyond(states[:, 0] / states[:, 1])

    if _flat(values):
        return flat
    mean_c, mean_s = values.mean(axis=0)
    least = _STEPS * _rounding(values, masks) / beyond(mean_c / mean_s)
    _refuse_finer(_STEPS * step, least)
    return relative


def _averaged(
    market: Market,
    step: float,
    average: Callable[[Array], Consensus],
    exposed: tuple[str, ...],
    masks: Array = NO_MASKS,
) -> Deal:
    """Search with averaged sums.

    The last price asked is within 2 steps of its Newton step, which is within its own bound.
    """
    averaging = _Averaging(market, average, masks)
    price = find_price(averaging.sums, price_search(2 * step))
    bound = averaging.bound + 2 * step + 8 * float(np.spacing(price))
    return Deal(clearing_at(market, price), bound, averaging.rounds, averaging.messages, exposed)


def _consensus(market: Market, means: Means) -> Deal:
    graph = star(market.a.size)
    weights = metropolis(graph)
    step = _step(market, means)

    def average(values: Array) -> Consensus:
        rounds = metropolis_rounds(weights, values)
        return run(graph, values, rounds, _known(market, values, step, ratio_spread), step)

    return _averaged(market, step, average, ("lane", *_evs(market.a.size)))


def _masked(market: Market, means: Means) -> Deal:
    graph = star(market.a.size)
    weights = metropolis(graph)
    masking = Masking.draw(answers(market, None), means.rng)
    step = _step(market, means)

    def average(values: Array) -> Consensus:
        rounds: Iterator[Array] = (
            each.states for each in masked_rounds(weights, values, masking, means.rng)
        )
        bound = _known(market, values, step, masked_ratio_bound(masking), masking.left)
        return run(graph, values, rounds, bound, step)

    seen = {i for observer in graph for i in contained(graph, (observer,))}
    exposed = tuple(peer_name(i) for i in sorted(seen))
    return _averaged(market, step, average, exposed, masking.left(0))


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
