# SPDX-License-Identifier: MIT
"""Conversions at the borders: the core counts mJ, policies think in J, people read Wh and %."""

J_PER_Wh = 3600.0


def mJ_to_J(energy_mJ: int) -> float:
    return energy_mJ / 1000


def J_to_mJ(energy_J: float) -> int:
    """Convert, rounded down, so that a budget is never exceeded by rounding."""
    return int(energy_J * 1000)


def permille_to_pct(soc_permille: int) -> float:
    return soc_permille / 10
