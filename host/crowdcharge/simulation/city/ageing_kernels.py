# SPDX-License-Identifier: MIT
"""The ageing models of `policy.ageing` over all boards of a run, compiled.

Cycles are counted in one pass over a board's samples (ASTM E1049-85, as the `rainflow` package
does) and go straight into the models' sums, so nothing is kept of them.
"""

from math import exp, sqrt
from typing import Any

import numpy as np

from crowdcharge.policy.ageing import (
    DAY_s,
    KELVIN,
    OCV_SOC,
    OCV_V,
    SCHMALSTIEG_CELL_Ah,
    XU_TIME_per_s,
)
from crowdcharge.simulation.city.jit import jit

OCV_AT, OCV = np.array(OCV_SOC), np.array(OCV_V)
XU, SCHMALSTIEG = range(2)


@jit
def capacity_losses(energy_J: Any, capacity_J: Any, step_s: Any, cell_C: Any) -> Any:
    """Return the lost share of capacity by both models (2, boards) from samples (k, boards).

    NaN stands for a board that is away; a board that never was there is taken to be empty.
    """
    samples, n = energy_J.shape
    losses = np.zeros((2, n))
    soc, points = np.zeros(max(samples, 1)), np.zeros(samples + 1)
    for b in range(n):
        k = 0
        for row in range(samples):
            if energy_J[row, b] == energy_J[row, b]:
                soc[k] = energy_J[row, b] / capacity_J[b]
                k += 1
        if k == 0:
            soc[0], k = 0.0, 1
        losses[XU, b], losses[SCHMALSTIEG, b] = losses_of(soc[:k], points, step_s, cell_C)
    return losses


@jit
def losses_of(soc: Any, points: Any, step_s: Any, cell_C: Any) -> Any:
    mean_soc, mean_V, square_V = 0.0, 0.0, 0.0
    for value in soc:
        volts = np.interp(value, OCV_AT, OCV)
        mean_soc += value / len(soc)
        mean_V += volts / len(soc)
        square_V += volts * volts / len(soc)
    time_s = step_s * (len(soc) - 1)
    sums = np.zeros(2)
    sums[XU] = XU_TIME_per_s * time_s * exp(1.04 * (mean_soc - 0.5))
    beta_V = 7.348e-3 * (sqrt(square_V) - 3.667) ** 2
    count_cycles(soc, points, beta_V, sums)
    kelvin = cell_C + KELVIN
    rate = sums[XU] * exp(6.93e-2 * (cell_C - 25) * (25 + KELVIN) / kelvin)
    xu = 1 - 5.75e-2 * exp(-121 * rate) - (1 - 5.75e-2) * exp(-rate)
    alpha = (7.543 * mean_V - 23.75) * 1e6 * exp(-6976 / kelvin)
    return xu, alpha * (time_s / DAY_s) ** 0.75 + sqrt(sums[SCHMALSTIEG])


@jit
def count_cycles(soc: Any, points: Any, beta_V: Any, sums: Any) -> None:
    """Add every cycle to the models' sums; `points` is room for the open reversals."""
    if len(soc) < 3 or soc.min() == soc.max():
        return
    points[0], size = soc[0], 1
    here, slope = soc[1], soc[1] - soc[0]
    for k in range(2, len(soc)):
        if soc[k] == here:
            continue
        rise = soc[k] - here
        if slope * rise < 0:
            size = close(points, size, here, beta_V, sums)
        here, slope = soc[k], rise
    size = close(points, size, soc[-1], beta_V, sums)
    for k in range(size - 1):
        add(points[k], points[k + 1], 0.5, beta_V, sums)


@jit
def close(points: Any, size: Any, point: Any, beta_V: Any, sums: Any) -> Any:
    """Append a reversal and close the cycles that it ends; return how many points are open."""
    points[size] = point
    size += 1
    while size >= 3:
        first, second, third = points[size - 3], points[size - 2], points[size - 1]
        if abs(third - second) < abs(second - first):
            break
        if size == 3:
            add(first, second, 0.5, beta_V, sums)
            points[0], points[1] = second, third
            size = 2
        else:
            add(first, second, 1.0, beta_V, sums)
            points[size - 3] = third
            size -= 2
    return size


@jit
def add(low: Any, high: Any, count: Any, beta_V: Any, sums: Any) -> None:
    depth, mean = abs(high - low), (low + high) / 2
    if depth == 0:
        return
    sums[XU] += count / (1.40e5 * depth**-0.501 - 1.23e5) * exp(1.04 * (mean - 0.5))
    beta = beta_V + 7.6e-4 + 4.081e-3 * depth
    sums[SCHMALSTIEG] += beta * beta * 2 * count * depth * SCHMALSTIEG_CELL_Ah
