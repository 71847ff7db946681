# SPDX-License-Identifier: MIT
"""PURE: the resistance of cell and leads, from voltages under load and at rest.

The voltage at the meter is a smooth curve of the charge, less current times resistance. Curve,
resistance and the resistance's drift are fitted at once, so no curve of a certain cell is assumed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crowdcharge.passport.fitting import (
    GAINS,
    Array,
    RECENT_s,
    SHUNT_HALF_Ohm,
    SHUNT_Ohm,
    ages,
    fit,
)
from crowdcharge.passport.history import Terminal
from crowdcharge.passport.values import ESTIMATED, Figure, missing, within

UNIT = "uOhm"
LOAD_A = 0.1  # from here on it counts as a load
_LOADS_MIN, _RESTS_MIN = 5, 5
_DEGREE = 4  # of the curve


@dataclass(frozen=True, slots=True)
class Path:
    """From the cell to behind the meter's shunt; under load it shows `load_V` at charge `soc`."""

    ohm: float
    half_Ohm: float
    load_V: float
    soc: float
    slope_V: float  # over the whole charge
    measured: bool

    def volts(self, soc: Array) -> Array:
        """Return what the meter shows under load at other charges, near enough."""
        shown: Array = self.load_V + self.slope_V * (soc - self.soc)
        return shown


USUAL = Path(0.25, 0.15, 3.7, 0.5, 0.8, measured=False)  # where the rows carry no voltages


def path_of(terminals: Sequence[Terminal], end_s: float) -> tuple[Path | None, Figure]:
    """Return the whole path and the figure of cell and leads; no path if there is none."""
    recent = [each for each in terminals if each.time_s >= end_s - RECENT_s]
    discharging = [each for each in recent if each.current_A >= LOAD_A]
    resting = [each for each in recent if abs(each.current_A) < LOAD_A]
    if len(discharging) < _LOADS_MIN or len(resting) < _RESTS_MIN:
        return None, missing(
            UNIT,
            f"too few voltages: {len(discharging)} under load and {len(resting)} at rest in the "
            f"last half year, where {_LOADS_MIN} of each are needed",
        )
    found = _fitted(discharging + resting, end_s)
    if found is None:
        return None, missing(UNIT, "the voltages do not determine it: too alike in charge")
    path, words = found
    half_Ohm = path.half_Ohm + SHUNT_HALF_Ohm
    how = (
        f"voltage at the meter over charge and current, {words}; the meter's shunt of "
        f"{SHUNT_Ohm * 1000:g} mOhm is taken off, leads and switch are in it"
    )
    return path, within((path.ohm - SHUNT_Ohm) * 1e6, half_Ohm * 1e6, UNIT, ESTIMATED, how)


def _fitted(moments: Sequence[Terminal], end_s: float) -> tuple[Path, str] | None:
    soc, bus_V, current_A, times_s = (
        np.array([getattr(each, name) for each in moments])
        for name in ("soc", "bus_V", "current_A", "time_s")
    )
    centred = soc - soc.mean()
    age = ages(times_s, end_s)
    drift = [] if age is None else [-current_A * age]
    curve = [centred**power for power in range(_DEGREE + 1)]
    fitted = fit(np.column_stack([-current_A, *drift, *curve]), bus_V)
    if fitted is None:
        return None
    ohm = float(fitted.values[0])
    half_Ohm = float(fitted.half[0]) + GAINS * ohm
    loaded = current_A >= LOAD_A
    load_V, load_soc = float(bus_V[loaded].mean()), float(soc[loaded].mean())
    slope_V = float(fitted.values[len(drift) + 2])
    path = Path(ohm, half_Ohm, load_V, load_soc, slope_V, measured=True)
    left_out = f", {fitted.left_out} left out" if fitted.left_out else ""
    return path, f"{int(loaded.sum())} loads and {int((~loaded).sum())} rests{left_out}"
