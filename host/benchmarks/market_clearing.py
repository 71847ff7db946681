# SPDX-License-Identifier: MIT
"""Clearing time against size: ours, 100 bisection steps in plain numpy, and Clarabel.

    python host/benchmarks/market_clearing.py

Times are the best of several runs in this process, one thread; judge by the ratios.
"""

import time

import clarabel
import numpy as np
from scipy import sparse

from crowdcharge.market import Market, clear

SIZES = (1_000, 10_000, 100_000, 1_000_000)
QP_MAX = 10_000


def make(n, tight):
    rng = np.random.default_rng(1)
    a = rng.uniform(0.13, 0.26, n)
    if tight:
        b, e_max = rng.uniform(20, 29, n), rng.uniform(1, 15, n)
        return Market(a, b, e_max, 0.045 / n, 29.5, -7.0 * n)
    return Market(a, rng.uniform(27.2, 29.1, n), np.full(n, 15.0), 0.045 / n, 30.0, -14.0 * n)


def closed_form(market):
    """(9)-(10) and nothing else: right only while no bound is met."""
    inverse = 1 / market.a
    price = (inverse @ market.b + market.lane_b / market.lane_a) / (
        inverse.sum() + 1 / market.lane_a
    )
    return price, (price - market.b) * (0.5 * inverse)


def bisection(market):
    low, high = 0.0, market.lane_b
    for _ in range(50):
        price = (low + high) / 2
        energies = np.clip((price - market.b) / (2 * market.a), 0, market.e_max)
        lane = max((price - market.lane_b) / (2 * market.lane_a), market.lane_e_min)
        low, high = (low, price) if energies.sum() + lane > 0 else (price, high)
    return price, energies


def qp(market):
    n = market.a.size
    rows = sparse.vstack((np.ones((1, n + 1)), sparse.identity(n + 1), -sparse.identity(n + 1)))
    low = np.append(market.low, market.lane_bounds[0])
    high = np.append(market.high, market.lane_bounds[1])
    options = clarabel.DefaultSettings()
    options.verbose = False
    solver = clarabel.DefaultSolver(
        sparse.diags(2 * np.append(market.a, market.lane_a), format="csc"),
        np.append(market.b, market.lane_b),
        rows.tocsc(),
        np.concatenate(([0.0], high, -low)),
        [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(2 * n + 2)],
        options,
    )
    return solver.solve()


def best_ms(function, market, repeats=7):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function(market)
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def main():
    print(
        f"{'EVs':>9} {'bounds':>7} {'ours ms':>9} {'closed form':>12} {'bisection':>10} {'QP':>8}"
    )
    for n in SIZES:
        for tight in (False, True):
            market = make(n, tight)
            ours = best_ms(clear, market)
            plain = f"{best_ms(closed_form, market) / ours:.2f}x" if not tight else "-"
            halving = f"{best_ms(bisection, market, 3) / ours:.1f}x"
            solver = f"{best_ms(qp, market, 1) / ours:.0f}x" if n <= QP_MAX else "-"
            bounds = "active" if tight else "none"
            print(f"{n:>9} {bounds:>7} {ours:>9.3f} {plain:>12} {halving:>10} {solver:>8}")


if __name__ == "__main__":
    main()
