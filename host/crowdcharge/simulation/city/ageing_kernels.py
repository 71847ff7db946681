# SPDX-License-Identifier: MIT
"""The ageing models of `policy.ageing` over all boards of a run, compiled.

Cycles are counted in one pass over a board's samples (ASTM E1049-85, as the `rainflow` package
does) and go straight into the models' sums, so nothing is kept of them.
"""

from math import exp, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdcharge.policy.ageing import (
    KELVIN,
    OCV_SOC,
    OCV_V,
    SOC_DIGITS,
    DAY_s,
    SCHMALSTIEG_CELL_Ah,
    XU_TIME_per_s,
)
from crowdcharge.simulation.city.jit import jit

OCV_AT, OCV = np.array(OCV_SOC), np.array(OCV_V)
STEPS = 10.0**SOC_DIGITS
Values = NDArray[np.float64]


def capacity_losses(
    energy_J: Values, capacity_J: Values, step_s: float, cell_C: float
) -> tuple[Values, Values]:
    """Return the lost share of capacity by Xu's and by Schmalstieg's model, each (boards,).

    `energy_J` is (samples, boards), NaN while a board is away; a board that never was there is
    taken to be empty.
    """
    samples, boards = energy_J.shape
    room = np.zeros(samples), np.zeros(samples + 1), np.zeros(2)
    xu, schmalstieg = np.zeros(boards), np.zeros(boards)
    all_losses(energy_J, capacity_J, step_s, cell_C, room, xu, schmalstieg)
    return xu, schmalstieg


@jit
def all_losses(
    energy_J: Any, capacity_J: Any, step_s: Any, cell_C: Any, room: Any, xu: Any, schmalstieg: Any
) -> None:
    soc = room[0]
    for b in range(len(xu)):
        size = 0
        for row in range(len(energy_J)):
            if not np.isnan(energy_J[row, b]):
                soc[size] = energy_J[row, b] / capacity_J[b]
                size += 1
        if size == 0:
            soc[0], size = 0.0, 1
        xu[b], schmalstieg[b] = losses_of(soc, size, step_s, cell_C, room)


@jit
def voltage(soc: Any) -> Any:
    k = 1
    while k < len(OCV_AT) - 1 and OCV_AT[k] < soc:
        k += 1
    part = (soc - OCV_AT[k - 1]) / (OCV_AT[k] - OCV_AT[k - 1])
    return OCV[k - 1] + (OCV[k] - OCV[k - 1]) * min(max(part, 0.0), 1.0)


@jit
def losses_of(soc: Any, size: Any, step_s: Any, cell_C: Any, room: Any) -> Any:
    mean_soc, mean_V, square_V = 0.0, 0.0, 0.0
    for k in range(size):
        volts = voltage(soc[k])
        mean_soc += soc[k] / size
        mean_V += volts / size
        square_V += volts * volts / size
    time_s = step_s * (size - 1)
    _, points, sums = room
    beta_V = 7.348e-3 * (sqrt(square_V) - 3.667) ** 2
    sums[0], sums[1] = XU_TIME_per_s * time_s * exp(1.04 * (mean_soc - 0.5)), 0.0
    count_cycles(soc, size, points, beta_V, sums)
    kelvin = cell_C + KELVIN
    rate = sums[0] * exp(6.93e-2 * (cell_C - 25) * (25 + KELVIN) / kelvin)
    xu = 1 - 5.75e-2 * exp(-121 * rate) - (1 - 5.75e-2) * exp(-rate)
    alpha = (7.543 * mean_V - 23.75) * 1e6 * exp(-6976 / kelvin)
    return xu, alpha * (time_s / DAY_s) ** 0.75 + sqrt(sums[1])


@jit
def count_cycles(soc: Any, count: Any, points: Any, beta_V: Any, sums: Any) -> None:
    """Add every cycle to the models' sums; `points` is room for the open reversals.

    Rounds `soc`.
    """
    if count < 3:
        return
    for k in range(count):
        soc[k] = np.rint(soc[k] * STEPS) / STEPS
    points[0], size = soc[0], 1
    here, slope = soc[1], soc[1] - soc[0]
    for k in range(2, count):
        if soc[k] == here:
            continue
        rise = soc[k] - here
        if slope * rise < 0:
            size = close(points, size, here, beta_V, sums)
        here, slope = soc[k], rise
    size = close(points, size, soc[count - 1], beta_V, sums)
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
    sums[0] += count / (1.40e5 * depth**-0.501 - 1.23e5) * exp(1.04 * (mean - 0.5))
    beta = beta_V + 7.6e-4 + 4.081e-3 * depth
    sums[1] += beta * beta * 2 * count * depth * SCHMALSTIEG_CELL_Ah
