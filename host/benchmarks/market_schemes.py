# SPDX-License-Identifier: MIT
"""Every scheme against the number of EVs: rounds, messages, time with all parties in one process.

python host/benchmarks/market_schemes.py
"""

import secrets
import time

import numpy as np

from crowdcharge.market import Means, clear, trade
from crowdcharge.market.consensus import star_rounds_law
from crowdcharge.market.lane import PriceRange, Wishes, choose_parameters

SIZES = (10, 50, 100, 200)
SCHEMES = ("closed-form", "two-round", "consensus", "masked", "shared")
TOLERANCE = 1e-6


def main():
    print(f"{'EVs':>5} {'scheme':>12} {'rounds':>8} {'messages':>9} {'ms':>8} {'price error':>12}")
    for n in SIZES:
        rng = np.random.default_rng(1)
        wishes = Wishes(np.empty((0, 2)), np.full(n, 15.0), -14.0 * n)
        market = choose_parameters(wishes, PriceRange(27.2, 31.04), rng)
        exact = clear(market).price
        for scheme in SCHEMES:
            start = time.perf_counter()
            deal = trade(market, scheme, Means(TOLERANCE, rng, secrets.token_bytes))
            ms = 1e3 * (time.perf_counter() - start)
            error = abs(deal.clearing.price - exact)
            cost = f"{deal.rounds:>8} {deal.messages:>9} {ms:>8.1f}"
            print(f"{n:>5} {scheme:>12} {cost} {error:>12.1e}")
        law = star_rounds_law(n, float(np.ptp(market.b)), TOLERANCE / 3)
        print(f"{n:>5} {'law':>12} {law:>8.0f} {2 * n * law:>9.0f}")


if __name__ == "__main__":
    main()
