# SPDX-License-Identifier: MIT
"""PURE: two published battery ageing models, side by side.

They differ about twofold in calendar loss, so only ratios between two runs of the same crowd
should be claimed. A trace is the state of charge (0..1) at the ends of equal steps; the
temperature is constant. `counted` passes the cycles of a trace that were counted already. The
currents, the resistance and the temperature rise of a transfer are not modelled.
"""

from collections.abc import Callable, Sequence
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray

Trace = NDArray[np.float64]
DAY_s = 86_400.0
KELVIN = 273.15
SOC_DIGITS = 12  # that cycles are counted in: two steps are multiplied, which of tiny ones gives 0

Cycle = tuple[float, float, float]


def cycles(soc: Trace) -> list[Cycle]:
    """Count rainflow cycles (ASTM E1049-85): depth, mean state of charge, and 0.5 or 1 each."""
    import rainflow  # noqa: PLC0415 - belongs to an extra

    soc = np.round(soc, SOC_DIGITS)
    if np.ptp(soc) == 0:
        return []  # the package takes a flat series for an empty one
    return [(depth, mean, count) for depth, mean, count, _, _ in rainflow.extract_cycles(soc)]


def xu_soc_stress(soc: float) -> float:
    """Return S_sigma of Xu et al. 2018, which is 1 at half charge."""
    return exp(1.04 * (soc - 0.5))


def xu_temperature_stress(cell_C: float) -> float:
    """Return S_T of Xu et al. 2018, which is 1 at 25 C."""
    return exp(6.93e-2 * (cell_C - 25) * (25 + KELVIN) / (cell_C + KELVIN))


def xu_depth_stress(depth: float) -> float:
    """Return S_delta of Xu et al. 2018 for one full cycle of this depth (0..1]."""
    return 1 / (1.40e5 * float(depth**-0.501) - 1.23e5)


XU_TIME_per_s = 4.14e-10


def xu_capacity_loss(
    soc: Trace, step_s: float, cell_C: float = 25.0, counted: Sequence[Cycle] | None = None
) -> float:
    """Compute the fraction of capacity lost by the model of Xu et al.

    After Xu, Oudalov, Ulbig, Andersson, Kirschen, IEEE Trans. Smart Grid 9(2), 2018, with the
    constants as replicated by others; fitted on LMO cells.
    """
    time_s = step_s * (len(soc) - 1)
    rate = XU_TIME_per_s * time_s * xu_soc_stress(float(np.mean(soc)))
    for depth, mean, count in cycles(soc) if counted is None else counted:
        rate += count * xu_depth_stress(depth) * xu_soc_stress(mean)
    rate *= xu_temperature_stress(cell_C)
    sei = 5.75e-2  # share of the fast film-forming loss
    return 1 - sei * exp(-121 * rate) - (1 - sei) * exp(-rate)


# Open-circuit voltage of the Sanyo UR18650E at these states of charge, after Ecker et al. 2014
# and fig. 1 of Schmalstieg et al. 2014.
OCV_SOC = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
OCV_V = (3.331, 3.419, 3.491, 3.544, 3.581, 3.627, 3.655, 3.697, 3.778, 3.869, 3.964, 4.072, 4.162)
SCHMALSTIEG_CELL_Ah = 2.15


def schmalstieg_capacity_loss(
    soc: Trace, step_s: float, cell_C: float = 25.0, counted: Sequence[Cycle] | None = None
) -> float:
    """Compute the fraction of capacity lost by the model of Schmalstieg et al.

    After Schmalstieg, Käbitz, Ecker, Sauer, J. Power Sources 257, 2014, for the Sanyo UR18650E
    (NMC); cycling was measured at 35 C and 1C only.
    """
    voltage_V = np.interp(soc, OCV_SOC, OCV_V)
    time_days = step_s * (len(soc) - 1) / DAY_s
    alpha = (7.543 * float(np.mean(voltage_V)) - 23.75) * 1e6 * exp(-6976 / (cell_C + KELVIN))
    return alpha * float(time_days**0.75) + schmalstieg_cycle_loss(soc, voltage_V, counted)


def schmalstieg_cycle_loss(
    soc: Trace, voltage_V: Trace, counted: Sequence[Cycle] | None = None
) -> float:
    """Let each rainflow cycle add its charge to the square-root law at its own rate beta.

    This is a reconstruction for irregular traces: loss**2 grows by beta**2 x Ah of every cycle.
    """
    beta_V = 7.348e-3 * (sqrt(float(np.mean(voltage_V**2))) - 3.667) ** 2
    squares = 0.0
    for depth, _mean, count in cycles(soc) if counted is None else counted:
        beta = beta_V + 7.6e-4 + 4.081e-3 * depth
        squares += beta**2 * 2 * count * depth * SCHMALSTIEG_CELL_Ah
    return sqrt(squares)


MODELS: dict[str, Callable[[Trace, float, float, Sequence[Cycle]], float]] = {
    "xu-2018": xu_capacity_loss,
    "schmalstieg-2014": schmalstieg_capacity_loss,
}


def capacity_losses(
    traces: Sequence[Trace], step_s: float, cell_C: float = 25.0
) -> dict[str, NDArray[np.float64]]:
    """Map each model to the fraction of capacity lost by each trace, an array (traces,)."""
    counted = [cycles(trace) for trace in traces]
    return {
        name: np.array(
            [
                model(trace, step_s, cell_C, found)
                for trace, found in zip(traces, counted, strict=True)
            ]
        )
        for name, model in MODELS.items()
    }
