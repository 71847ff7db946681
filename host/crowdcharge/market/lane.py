# SPDX-License-Identifier: MIT
"""PURE: the charging lane at road scale: energy of a pass, cost parameters, Algorithm 1.

After Nguyen, "Electric Vehicle - Wireless Charging-Discharging Lane Decentralized Peer-to-Peer
Energy Trading". Corrected here: the sums of (17) and (19) run over x_j; the first line of (27)
means the sum of 1/a; and the bound (28) is positive for the paper's numbers, not negative.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.market.consensus import metropolis_rounds
from crowdcharge.market.graph import metropolis, star
from crowdcharge.market.masking import Masking, masked_rounds
from crowdcharge.market.pricing import Clearing, answers, clearing_at
from crowdcharge.market.problem import Array, Market, Mode


def energy_per_pass_kWh(
    power_kW: float,
    sender_efficiency: float,
    receiver_efficiency: float,
    segments: int,
    segment_km: float,
    speed_km_h: float,
) -> float:
    """Compute the energy of one pass over the lane's segments: (1) charging, (2) discharging.

    `power_kW` is the sender's: the segment's in (1), the EV's in (2).
    """
    hours = segments * segment_km / speed_km_h
    return power_kW * sender_efficiency * receiver_efficiency * hours


@dataclass(frozen=True, slots=True)
class PriceRange:
    low: float
    high: float

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2

    @property
    def width(self) -> float:
        return self.high - self.low


def smallest_ev_a(prices: PriceRange, e_max: Array) -> Array:
    """Return the a (n,) of (24): with a at or above it, no EV reaches its e_max."""
    with np.errstate(over="ignore", divide="ignore"):  # `check_market` refuses an infinite a
        return prices.width / (2 * e_max)


def lane_a_range(
    prices: PriceRange, lane_b: float, e_max: Array, lane_e_min: float
) -> tuple[float, float]:
    """Return the bounds of (28) and (25) on the lane's a.

    Between them every EV trades and the lane stays inside e_min. InputError if the range is empty.
    In a discharging market lane_b lies below the middle.
    """
    total = float(e_max.sum())
    above = abs(lane_b - prices.middle) / total
    below = prices.width / 2 * (-1 / lane_e_min - 1 / total)
    if below >= above:
        raise InputError(
            f"lane: no a lies between {below:g} (28) and {above:g} (25); "
            "give the lane a wider e_min or a b further from the middle of the price range"
        )
    return max(below, 0.0), above


@dataclass(frozen=True, slots=True)
class Wishes:
    """The peers' inputs to Algorithm 1; `ranges` of prices is (n + 1, 2), the lane's first."""

    ranges: Array
    e_max: Array
    lane_e_min: float
    mode: Mode = "charge"


@dataclass(frozen=True, slots=True)
class PricingRun:
    """Algorithm 1 step by step; the states of each round are (n + 1, 2)."""

    range_rounds: list[Array]
    prices: PriceRange
    market: Market
    price_rounds: list[Array]
    clearing: Clearing


def algorithm_1(
    wishes: Wishes, rng: np.random.Generator, *, epsilon: float = 1e-4, max_iter: int = 100_000
) -> PricingRun:
    """Run the paper's Algorithm 1 with its own stop rule, |x(k+1) - x(k)| <= epsilon.

    That rule leaves an error of about n epsilon; `consensus.run` has one with a true bound.
    """
    n = wishes.e_max.size
    weights = metropolis(star(n))
    ranges = metropolis_rounds(weights, wishes.ranges)
    range_rounds = _until_still(wishes.ranges, ranges, epsilon, max_iter)
    prices = PriceRange(*range_rounds[-1][0].tolist())
    market = choose_parameters(wishes, prices, rng)
    values = answers(market, None)
    masked = masked_rounds(weights, values, Masking.draw(values, rng), rng)
    price_rounds = _until_still(values, (each.states for each in masked), epsilon, max_iter)
    c, s = price_rounds[-1][0]
    return PricingRun(range_rounds, prices, market, price_rounds, clearing_at(market, c / s))


def choose_parameters(wishes: Wishes, prices: PriceRange, rng: np.random.Generator) -> Market:
    """Draw EVs inside (20) and (24), and put the lane in the middle of (20), (25) and (28)."""
    n = wishes.e_max.size
    lower = rng.uniform(prices.low, prices.middle, n)
    lane_b = (prices.middle + prices.high) / 2
    a = smallest_ev_a(prices, wishes.e_max) * rng.uniform(1, 2, n)
    below, above = lane_a_range(prices, lane_b, wishes.e_max, wishes.lane_e_min)
    lane_a = (below + above) / 2
    b = lower
    if wishes.mode == "discharge":  # mirrored at the middle of the range
        b, lane_b = 2 * prices.middle - lower, 2 * prices.middle - lane_b
    return Market(a, b, wishes.e_max, lane_a, lane_b, wishes.lane_e_min, wishes.mode)


def _until_still(
    start: Array, rounds: Iterator[Array], epsilon: float, max_iter: int
) -> list[Array]:
    """Collect states until each peer's step is within epsilon in the norm of line 19.

    The norm is over both columns of a peer, so it is no looser than that of line 7.
    """
    states = [start]
    for after in islice(rounds, max_iter):
        step = np.linalg.norm(after - states[-1], axis=1).max()
        states.append(after)
        if step <= epsilon:
            break
    return states
