# SPDX-License-Identifier: MIT
"""Crowd simulation: `simulate` for large closed crowds, `scenario` for described ones.

Names load on use, so that a scenario can be read without the engines.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crowdcharge.simulation.engine import Result, simulate

__all__ = ["Result", "simulate"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from crowdcharge.simulation import engine  # noqa: PLC0415

    return getattr(engine, name)
