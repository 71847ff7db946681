# SPDX-License-Identifier: MIT
"""PURE: what each agent remembers of the levels it has met."""

from crowdcharge.policy.rule import Keeps


def add_level(keeps: Keeps, own: float, other: float) -> None:
    """Add the level that the agent has met; its own at its first meeting is its first sample."""
    if keeps.met == 0:
        keeps.met, keeps.total = 1, own
    keeps.met += 1
    keeps.total += other
