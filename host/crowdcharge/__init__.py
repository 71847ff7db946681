# SPDX-License-Identifier: MIT
"""crowdcharge: peer-to-peer reverse wireless charging.

The names below are loaded when they are first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crowdcharge.api import (
        BoardRecord,
        RunRecord,
        VirtualBench,
        clear_market,
        open_bench,
        open_ledger,
        plan_problem,
    )
    from crowdcharge.errors import InputError, WptError
    from crowdcharge.ledger.settlement import TransferRecord
    from crowdcharge.market.pricing import Clearing
    from crowdcharge.market.problem import Market
    from crowdcharge.planner.problem import Plan, Problem
    from crowdcharge.policy.base import AgentView, Encounter, Offer, Policy
    from crowdcharge.simulation.engine import Result, simulate

__version__ = "0.1.0"

_HOMES = {
    "api": "BoardRecord RunRecord VirtualBench clear_market open_bench open_ledger plan_problem",
    "errors": "InputError WptError",
    "ledger.settlement": "TransferRecord",
    "market.pricing": "Clearing",
    "market.problem": "Market",
    "planner.problem": "Plan Problem",
    "policy.base": "AgentView Encounter Offer Policy",
    "simulation.engine": "Result simulate",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "AgentView",
    "BoardRecord",
    "Clearing",
    "Encounter",
    "InputError",
    "Market",
    "Offer",
    "Plan",
    "Policy",
    "Problem",
    "Result",
    "RunRecord",
    "TransferRecord",
    "VirtualBench",
    "WptError",
    "clear_market",
    "open_bench",
    "open_ledger",
    "plan_problem",
    "simulate",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
