# SPDX-License-Identifier: MIT
"""PURE: the capacity that remains, from what the board gave and the charge that this took.

The charge that a transfer took is a constant plus the energy that left the cell over the capacity.
The constant takes up what is the same in every transfer, such as a gauge that reads low at its
end, still under load. What the meter does not see is added: the heat in cell and shunt, and what
the board itself draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

import numpy as np

from crowdcharge.passport.fitting import GAINS, Array, RECENT_s, ages, fit
from crowdcharge.passport.history import Discharge, Quiet
from crowdcharge.passport.resistance import USUAL, Path
from crowdcharge.passport.values import ESTIMATED, Figure, missing, within

UNIT = "mJ"
_DISCHARGES_MIN = 8
_SPREAD_MIN = 0.05  # between the largest and the smallest charge taken
_QUIET_MIN_s = 4 * 3600.0  # in all; in less, the steps of the gauge are all that is seen
_QUIET_EACH_s = 600.0
_RISE_MAX = 0.0015  # of the charge between them; more than a step of the gauge is a cable
_VOLTS_SHARE = 0.02  # how far the voltage under load is from its line over the charge
# A board awake draws some 40 mA (docs/reference/current-budget.md): 0.15 W, at most twice that.
_IDLE_USUAL_W, _IDLE_HALF_W = 0.15, 0.15


@dataclass(frozen=True, slots=True)
class Idle:
    """What the board draws by itself, as a share of its charge a second; None: not seen."""

    per_s: float | None
    half_per_s: float


def idle_of(quiet: Sequence[Quiet]) -> Idle:
    """See it between transfers; where the charge rose, a cable was in."""
    taken = [
        each for each in quiet if each.duration_s >= _QUIET_EACH_s and each.swing >= -_RISE_MAX
    ]
    total_s = sum(each.duration_s for each in taken)
    if total_s < _QUIET_MIN_s:
        return Idle(None, 0.0)
    rates = np.array([each.swing / each.duration_s for each in taken])
    weights = np.array([each.duration_s for each in taken])
    mean = float(np.average(rates, weights=weights))
    off = float(np.average((rates - mean) ** 2, weights=weights))
    step = 0.001 * len(taken) ** 0.5 / total_s  # each pair is known to a step of the gauge
    return Idle(mean, 2 * hypot((off / len(taken)) ** 0.5, step))


def capacity_of(
    discharges: Sequence[Discharge], quiet: Sequence[Quiet], path: Path | None, end_s: float
) -> Figure:
    recent = [each for each in discharges if each.time_s >= end_s - RECENT_s]
    if len(recent) < _DISCHARGES_MIN:
        return missing(
            UNIT,
            f"too few transfers that gave, with the charge before and after: {len(recent)} in the "
            f"last half year, where {_DISCHARGES_MIN} are needed",
        )
    swing = np.array([each.before - each.after for each in recent])
    if np.ptp(swing) < _SPREAD_MIN:
        return missing(
            UNIT,
            f"the transfers took too like amounts of charge, within {np.ptp(swing):.1%} of the "
            f"cell; {_SPREAD_MIN:.0%} are needed",
        )
    idle = idle_of([each for each in quiet if each.time_s >= end_s - RECENT_s])
    return _fitted(recent, swing, idle, path or USUAL, end_s)


def _fitted(
    discharges: Sequence[Discharge], swing: Array, idle: Idle, path: Path, end_s: float
) -> Figure:
    energy_J, duration_s, times_s, before = (
        np.array([getattr(each, name) for each in discharges])
        for name in ("energy_J", "duration_s", "time_s", "before")
    )
    power_W = float(energy_J.sum() / duration_s.sum())
    volts = path.volts(before - swing / 2)
    heats = energy_J / duration_s / volts**2  # for each ohm, a share of the energy metered
    left_J = energy_J * (1 + heats * path.ohm)
    if idle.per_s is None:
        left_J = left_J + _IDLE_USUAL_W * duration_s
        wanted, idle_share = swing, _IDLE_HALF_W / power_W
    else:
        wanted, idle_share = swing - idle.per_s * duration_s, 0.0
    age = ages(times_s, end_s)
    drift = [] if age is None else [left_J * age]
    fitted = fit(np.column_stack([left_J, *drift, np.ones(len(swing))]), wanted)
    if fitted is None or fitted.values[0] <= 0:
        return missing(UNIT, "energy and charge do not go together: was a cable in?")
    capacity_J = 1 / float(fitted.values[0])
    if idle.per_s is not None:
        idle_share = idle.half_per_s * capacity_J / power_W
    scatter = float(fitted.half[0]) * capacity_J
    heat_Ohm = hypot(path.half_Ohm, 2 * _VOLTS_SHARE * path.ohm)
    share = scatter + GAINS + float(heats.mean()) * heat_Ohm + idle_share
    how = _how(fitted.used, fitted.left_out, idle, path, scatter)
    return within(capacity_J * 1000, share * capacity_J * 1000, UNIT, ESTIMATED, how)


def _how(used: int, left_out: int, idle: Idle, path: Path, scatter: float) -> str:
    heat = "the resistance found here" if path.measured else "a usual resistance"
    own = "seen between transfers" if idle.per_s is not None else "taken as usual"
    without = f", {left_out} left out" if left_out else ""
    return (
        f"energy over charge of {used} transfers that gave{without}; heat by {heat}, the board's "
        f"own draw {own}; meters as made ± {GAINS:.1%}, scatter ± {scatter:.1%}"
    )
