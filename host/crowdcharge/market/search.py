# SPDX-License-Identifier: MIT
"""PURE: price search by Newton steps on a rising, piecewise linear net energy, in brackets.

After Cominetti, Mascarenhas and Silva, "A Newton's method for the continuous quadratic knapsack
problem" (Math. Prog. Comp. 6, 2014). A generator, so that one search serves sums made in memory
and sums that peers negotiate over the air.
"""

from collections.abc import Callable, Generator

import numpy as np

from crowdcharge.errors import WptError

# (c, s): near the price p that was asked, twice the net energy of all peers is p s - c.
Sums = tuple[float, float]
PriceSearch = Generator[float | None, Sums, float]

_STEPS_MAX = 200
_ULPS = 8


def price_search(tolerance: float = 0.0, start: float | None = None) -> PriceSearch:
    """Yield each price to ask, take the sums there, and return the last price asked.

    The first question is `start`. None asks for the sums as if no bound were met; their ratio is
    the closed form (9). With exact sums the search ends after finitely many pieces. Raises
    WptError if no price balances the sums.
    """
    low, high = -np.inf, np.inf
    asked = start
    for _ in range(_STEPS_MAX):
        c, s = yield asked
        if asked is None:
            if s <= 0:
                break
            asked = c / s
            continue
        excess = asked * s - c
        newton = c / s if s > 0 else None
        close = max(tolerance, _ULPS * np.finfo(float).eps * abs(asked))
        if excess == 0 or (newton is not None and abs(newton - asked) <= close):
            return asked
        low, high = (low, asked) if excess > 0 else (asked, high)
        asked = _next_price(newton, low, high)
    raise WptError("no price balances the sums: they do not belong to one market")


def find_price(sums: Callable[[float | None], Sums], search: PriceSearch) -> float:
    """Run a search against a function that gives the sums at a price."""
    asked = next(search)
    try:
        while True:
            asked = search.send(sums(asked))
    except StopIteration as found:
        return float(found.value)


def _next_price(newton: float | None, low: float, high: float) -> float:
    if newton is not None and low < newton < high:
        return newton
    if np.isinf(high):
        return 2 * abs(low) + 1
    if np.isinf(low):
        return high - 2 * abs(high) - 1
    return (low + high) / 2
