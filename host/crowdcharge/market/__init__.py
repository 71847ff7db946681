# SPDX-License-Identifier: MIT
"""The market: peers and a lane agree on a price and on energies.

`clear` is the optimum, `SCHEMES` the ways to negotiate it, `exposure` says what a way gives away.
"""

from crowdcharge.market.consensus import Consensus, consensus
from crowdcharge.market.pricing import Clearing, bounds_hit, clear
from crowdcharge.market.privacy import Exposure, exposure
from crowdcharge.market.problem import Market, parse_market
from crowdcharge.market.schemes import SCHEMES, Deal, Means, trade

__all__ = [
    "SCHEMES",
    "Clearing",
    "Consensus",
    "Deal",
    "Exposure",
    "Market",
    "Means",
    "bounds_hit",
    "clear",
    "consensus",
    "exposure",
    "parse_market",
    "trade",
]
