# SPDX-License-Identifier: MIT
"""PURE: what a battery went through: energy, full cycles, heat, and what went wrong."""

from collections.abc import Iterator
from itertools import groupby, pairwise

import numpy as np

from crowdcharge.passport.fitting import GAINS
from crowdcharge.passport.history import CoilMoment, History
from crowdcharge.passport.values import ESTIMATED, MEASURED, Figure, missing, within
from crowdcharge.policy.ageing import cycles

HOT_C = 45.0  # of a coil; a cell beside one should not get warmer
DEEP = 0.05  # share of the charge
_OFFSET_W = 0.002 * 5.0  # 2 mA (0.2 mV on 0.1 Ohm) at a receiver's 5 V
_THERMISTOR_C = 2.0  # 10 kOhm 1 %, B 1 %, and a reading of 1 % of the divider
_GAUGE = 0.01  # of the cell, for each turn of the charge
_SAMPLE_MAX_s = 60.0  # a sample stands for no longer than this
_EVENTS = {
    "deep_discharge_faults": ("UNDER_VOLTAGE",),
    "over_temperature_faults": ("OVER_TEMPERATURE", "BATTERY_TEMPERATURE"),
}


def energy(metered_mJ: int, duration_s: float, what: str) -> Figure:
    half_mJ = GAINS * metered_mJ + 1000 * _OFFSET_W * duration_s
    return within(metered_mJ, half_mJ, "mJ", MEASURED, f"sum of the board's receipts for {what}")


def full_cycles(charges: list[float]) -> Figure:
    """Add up the depths of all rainflow cycles, in thousandths of a full one."""
    if len(charges) < 3:
        return missing("1/1000", "fewer than three charges are known")
    found = np.array([(depth, count) for depth, _, count in cycles(np.array(charges))])
    if not len(found):
        return missing("1/1000", "the charge never changed")
    depths, counts = found.T
    real = depths > _GAUGE  # smaller ones may be the gauge's own
    low, value, high = (
        round(1000 * float(counts[real] @ np.maximum(depths[real] + off, 0)))
        for off in (-_GAUGE, 0.0, _GAUGE)
    )
    how = (
        "rainflow cycles (ASTM E1049-85) of the charge, their depths added up; those of less than "
        f"{_GAUGE:.0%} are left out. What happened outside of this ledger's runs is not in it"
    )
    return Figure(value, "1/1000", ESTIMATED, how, low, high)


def coil_extremes(history: History) -> tuple[Figure, Figure]:
    """Return the coldest and the hottest that the coil was in a transfer."""
    seen = [each.coil_C for each in history.coil]
    if not seen and not history.peaks_C:
        none = missing("dC", "no transfer was sampled")
        return none, none
    coldest = _coil(min(seen), "samples") if seen else missing("dC", "no transfer was sampled")
    return coldest, _coil(max(seen + history.peaks_C), "samples and receipts")


def _coil(coil_C: float, source: str) -> Figure:
    value, half = round(10 * coil_C), round(10 * _THERMISTOR_C)
    how = f"coil thermistor, {source} of transfers"
    return Figure(value, "dC", MEASURED, how, value - half, value + half)


def hot_time(coil: list[CoilMoment]) -> Figure:
    if not coil:
        return missing("s", "no transfer was sampled")
    low, value, high = (
        round(sum(_above_s(coil, HOT_C + off))) for off in (_THERMISTOR_C, 0.0, -_THERMISTOR_C)
    )
    how = f"time of samples above {HOT_C:g} C, each until the next of its transfer"
    return Figure(value, "s", MEASURED, how, low, high)


def _above_s(coil: list[CoilMoment], limit_C: float) -> Iterator[float]:
    for _, group in groupby(coil, key=lambda each: each.transfer_id):
        for moment, following in pairwise(group):
            if moment.coil_C > limit_C:
                yield min(max(following.time_s - moment.time_s, 0.0), _SAMPLE_MAX_s)


def events(history: History) -> dict[str, Figure]:
    """Count faults as the board raised them, and how often its charge went very low."""
    how = "times that the board raised it, as the host noted"
    counted = {
        name: Figure(sum(history.faults[fault] for fault in faults), "1", MEASURED, how)
        for name, faults in _EVENTS.items()
    }
    others = set(history.faults) - {each for faults in _EVENTS.values() for each in faults}
    counted["other_faults"] = Figure(
        sum(history.faults[each] for each in others), "1", MEASURED, _named(history, others)
    )
    counted["deep_discharges"] = _deep(history.charges)
    return counted


def _named(history: History, names: set[str]) -> str:
    told = ", ".join(f"{name} {history.faults[name]}" for name in sorted(names))
    return told or "no other fault was noted"


def _deep(charges: list[float]) -> Figure:
    if not charges:
        return missing("1", "no charge is known")
    low = [charge <= DEEP for charge in charges]
    falls = low[0] + sum(now and not before for before, now in pairwise(low))
    return Figure(falls, "1", MEASURED, f"times that the charge fell to {DEEP:.0%} or below")
