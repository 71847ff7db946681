# SPDX-License-Identifier: MIT
"""The market: peers and a lane agree on a price and on energies.

`clear` is the optimum, `SCHEMES` the ways to negotiate it, `exposure` says what a way gives away.
Names load on use, so that the orchestrator can take the relay without any cryptography.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crowdcharge.market.pricing import Clearing, bounds_hit, clear
    from crowdcharge.market.privacy import Exposure, exposure
    from crowdcharge.market.problem import Market, parse_market
    from crowdcharge.market.schemes import SCHEMES, Deal, Means, trade

__all__ = [
    "SCHEMES",
    "Clearing",
    "Deal",
    "Exposure",
    "Market",
    "Means",
    "bounds_hit",
    "clear",
    "exposure",
    "parse_market",
    "trade",
]

_MODULES = {
    "Clearing": "pricing",
    "bounds_hit": "pricing",
    "clear": "pricing",
    "Exposure": "privacy",
    "exposure": "privacy",
    "Market": "problem",
    "parse_market": "problem",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_MODULES.get(name, 'schemes')}")
    return getattr(module, name)
