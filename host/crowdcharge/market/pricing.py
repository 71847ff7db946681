# SPDX-License-Identifier: MIT
"""PURE: the clearing price and the energies, with every bound honoured.

Without active bounds this is the closed form (9)-(10) of Nguyen's lane paper. With them it is a
continuous quadratic knapsack problem, which the paper leaves open.
"""

from dataclasses import dataclass

import numpy as np

from crowdcharge.market.problem import Array, Market, refuse_without_trade
from crowdcharge.market.search import Sums, find_price, price_search

_BLOCK = 32768  # EVs whose temporaries stay in the cache during one pass
_STRIDE = 16


@dataclass(frozen=True, slots=True)
class Clearing:
    """A price and the signed energies that the peers trade at it."""

    price: float
    energies: Array
    lane_energy: float


def clear(market: Market) -> Clearing:
    """Find the optimum of (5) with its bounds; InputError if no price makes any EV trade."""
    refuse_without_trade(market)
    price, energies = _solve(market)
    return Clearing(price, energies, lane_energy(market, price))


def clearing_at(market: Market, price: float) -> Clearing:
    """Compute what every peer takes at a given price: (10), clipped to its bounds."""
    passes = _Passes(market)
    passes.sums(price)
    return Clearing(price, passes.signed_energies(), lane_energy(market, price))


def lane_energy(market: Market, price: float) -> float:
    low, high = market.lane_bounds
    return min(max((price - market.lane_b) / (2 * market.lane_a), low), high)


def bounds_hit(market: Market, clearing: Clearing) -> list[tuple[str, str]]:
    """List (peer, bound) of every active bound; `zero` is a peer that the price leaves out."""
    taken = np.abs(clearing.energies)
    limits = (("zero", taken == 0), ("e_max", (taken == market.e_max) & (taken > 0)))
    hits = [(f"ev {i}", name) for name, mask in limits for i in np.flatnonzero(mask)]
    if abs(clearing.lane_energy) == -market.lane_e_min:
        hits.append(("lane", "e_min"))
    return hits


def answers(market: Market, price: float | None) -> Array:
    """Return each peer's (c, s) as `Terms.answer` does on a board: (n + 1, 2), the lane first."""
    a = np.concatenate(([market.lane_a], market.a))
    b = np.concatenate(([market.lane_b], market.b))
    if price is None:
        return np.column_stack((b / a, 1 / a))
    lane_low, lane_high = market.lane_bounds
    low = np.concatenate(([lane_low], market.low))
    high = np.concatenate(([lane_high], market.high))
    energy = np.clip((price - b) / (2 * a), low, high)
    free = (energy > low) & (energy < high)
    return np.column_stack((np.where(free, b / a, -2 * energy), np.where(free, 1 / a, 0.0)))


def _solve(market: Market) -> tuple[float, Array]:
    """Find the price; one from a sixteenth of many EVs leaves two or three full passes to do."""
    start = None
    if market.a.size > _BLOCK:
        sample = _sample(market)
        price, energies = _solve(sample)
        taken = np.abs(energies)
        if np.any((taken == 0) | (taken == sample.e_max)):
            start = price
    passes = _Passes(market)
    price = find_price(passes.sums, price_search(start=start))
    return price, passes.signed_energies()


def _sample(market: Market) -> Market:
    """Take every sixteenth EV, and a lane scaled to that share."""
    ev = slice(None, None, _STRIDE)
    return Market(
        market.a[ev].copy(),
        market.b[ev].copy(),
        market.e_max[ev].copy(),
        market.lane_a * _STRIDE,
        market.lane_b,
        market.lane_e_min / _STRIDE,
        market.mode,
    )


class _Passes:
    """Answers a price by one pass over all EVs, which also leaves their energies.

    It works on magnitudes: a discharging market is a charging one with price and b negated.
    """

    def __init__(self, market: Market) -> None:
        self._market = market
        self._sign = 1.0 if market.mode == "charge" else -1.0
        self._energies = np.empty_like(market.a)
        self._scratch = np.empty((2, min(_BLOCK, market.a.size)))

    def signed_energies(self) -> Array:
        if self._sign < 0:
            np.negative(self._energies, out=self._energies)
        return self._energies

    def sums(self, price: float | None) -> Sums:
        market = self._market
        if price is None:
            inverse = 1 / market.a
            c = float(inverse @ market.b) + market.lane_b / market.lane_a
            return c, float(inverse.sum()) + 1 / market.lane_a
        energy = lane_energy(market, price)
        low, high = market.lane_bounds
        half_s = 0.5 / market.lane_a if low < energy < high else 0.0
        for first in range(0, market.a.size, _BLOCK):
            block_energy, block_half_s = self._block(slice(first, first + _BLOCK), price)
            energy += self._sign * block_energy
            half_s += block_half_s
        return 2 * (price * half_s - energy), 2 * half_s

    def _block(self, block: slice, price: float) -> tuple[float, float]:
        """Sum the energy and half the slope of these EVs; writing in place halves the time."""
        a, b, e_max = self._market.a[block], self._market.b[block], self._market.e_max[block]
        taken = self._energies[block]
        inverse, free = self._scratch[:, : a.size]
        np.divide(0.5 * self._sign, a, out=inverse)
        np.subtract(price, b, out=free)
        np.multiply(free, inverse, out=free)
        np.maximum(free, 0.0, out=taken)
        np.minimum(taken, e_max, out=taken)
        np.multiply(inverse, taken == free, out=inverse)
        return float(taken.sum()), self._sign * float(inverse.sum())
