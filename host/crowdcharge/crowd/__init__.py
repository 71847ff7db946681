# SPDX-License-Identifier: MIT
"""Crowd simulation: `simulate` for large closed crowds, `scenario` for described ones."""

from crowdcharge.crowd.engine import Result, simulate

__all__ = ["Result", "simulate"]
