# SPDX-License-Identifier: MIT
"""Calibrate a board: its meters against a reference, its loss curve from metered transfers."""

import math
import statistics
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crowdcharge.errors import InputError, LineError
from crowdcharge.flash import fit
from crowdcharge.flash.fit import Correction, Curve, Point
from crowdcharge.flash.records import Records
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.flash.steady import steady_pairs
from crowdcharge.flash.tree import board_kind
from crowdcharge.ledger.place import Place
from wptcore.calibration import GAIN_MAX_ppm, OFFSET_MAX_uA, current_uA

SAMPLES = 100
_REST_mA = 20.0
_SAME = 5.0  # mA or mV: a reference that near replaces the older point
_INSTRUMENT_s = 60.0


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a meter is calibrated in: the console's suffix of its side, unit, least span.

    `step_uV` is what each meter resolves: an INA219 at PGA / 8 80 of the shunt and 4000 of the
    bus, an INA228 what the console prints of it. A steady load may repeat one value, so its spread
    says nothing of that.
    """

    suffix: str
    unit: str
    span_min: float
    step_uV: Mapping[str, float]


QUANTITIES = {
    "current": Quantity("", "mA", fit.SPAN_MIN_mA, {"ina219": 80.0, "ina228": 1.0}),
    "bus": Quantity("-bus", "mV", 500.0, {"ina219": 4000.0, "ina228": 1000.0}),
}


def measure(
    line: SerialLine,
    side: str,
    pins: Mapping[str, Any],
    reference: float,
    quantity: str = "current",
) -> Point:
    """Sample one steady load with the board's raw meter. The board must be in maintenance.

    `pins`: of the board's kind.
    """
    shunt_uOhm = pins["SHUNT_uOhm"]
    streamed = line.stream("meter", side, SAMPLES)
    if quantity == "bus":
        raw = [float(pairs["bus_mV"]) for pairs in streamed]
    else:
        raw = [current_uA(int(pairs["shunt_uV"]), shunt_uOhm) / 1000 for pairs in streamed]
    if len(raw) < SAMPLES // 2:
        raise LineError(f"{line.port}: {len(raw)} of {SAMPLES} samples arrived; try again")
    mean, spread = statistics.mean(raw), statistics.stdev(raw)
    if spread > 5.0 + 0.02 * abs(mean):
        unit = QUANTITIES[quantity].unit
        raise InputError(f"the load is not steady: {mean:.1f} {unit} +- {spread:.1f}")
    step = QUANTITIES[quantity].step_uV[pins["METER"]] / 1000  # mV
    if quantity == "current":
        step *= 1e6 / shunt_uOhm  # mA
    return Point(reference, mean, math.hypot(spread / len(raw) ** 0.5, step / 12**0.5))


def calibrate_meter(
    line: SerialLine,
    side: str,
    references: Iterable[float],
    reference_ppm: float,
    path: Path,
    restart: bool,
    quantity: str = "current",
) -> tuple[list[Point], Correction | None]:
    """Add one point for each reference; once two differ enough, store the correction.

    The next value of `references` is taken when its load is to be set. The board stays in
    maintenance between points and while a load flows: outside, that would be a stuck switch.
    """
    board = line.hello()["board"]
    pins = board_kind(board).pins
    board_id = int(line.ask("identity")["board_id"])
    if not board_id:
        raise InputError(f"{line.port}: the board has no id: crowdcharge provision comes first")
    entry, span_min = side + QUANTITIES[quantity].suffix, QUANTITIES[quantity].span_min
    records = Records(path)
    points = [] if restart else records.points(board_id, entry)
    line.maintain(True)
    for reference in references:
        if not math.isfinite(reference):
            raise InputError(f"the reference is no finite number: {reference}")
        point = measure(line, side, pins, reference, quantity)
        points = [old for old in points if abs(old.reference - reference) > _SAME]
        points.append(point)
    enough = _span(points) >= span_min
    found = fit.correction(points, reference_ppm, span_min) if enough else None
    if found:
        _check(found, QUANTITIES[quantity].unit)
        line.ask("calibrate", entry, found.gain_ppm, found.offset)
    records.set_meter(board_id, entry, points, found)
    records.save()
    if found and abs(measure(line, side, pins, 0.0).raw) < _REST_mA:
        line.maintain(False)
    return points, found


def from_instrument(command: str, count: int) -> Iterable[float]:
    """Run a program for each point, with the point's number; it sets the load and prints mA."""
    for number in range(count):
        try:
            done = subprocess.run(
                f"{command} {number}",
                shell=True,
                capture_output=True,
                text=True,
                timeout=_INSTRUMENT_s,
                check=True,
            )
            yield float(done.stdout)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            raise InputError(
                f"the instrument {command!r} gave no current: {error}; the board waits in"
                " maintenance"
            ) from None


def calibrate_curve(
    line: SerialLine, ledgers: list[Place], path: Path, receiver: int | None = None
) -> tuple[Curve, str]:
    """Fit the loss curve from transfers with this board as donor; store it on the board.

    With a `receiver` it is the curve of this pair of boards, from the transfers between them.
    """
    line.hello()
    board_id = int(line.ask("identity")["board_id"])
    pairs = [pair for ledger in ledgers for pair in steady_pairs(ledger, board_id, receiver)]
    curve = fit.loss_curve([sent for sent, _ in pairs], [received for _, received in pairs])
    records = Records(path)
    with line.maintenance():
        curve_hash = line.ask("calibrate", *_entry(receiver), *curve.values)["curve_hash"]
    sources = [str(ledger) for ledger in ledgers]
    records.set_curve(board_id, curve, curve_hash, sources, receiver)
    records.save()
    return curve, curve_hash


def _entry(receiver: int | None) -> tuple[str | int, ...]:
    return ("curve",) if receiver is None else ("pair", receiver)


def _span(points: list[Point]) -> float:
    references = [point.reference for point in points]
    return max(references) - min(references) if points else 0.0


def _check(found: Correction, unit: str) -> None:
    if abs(found.gain_ppm) > GAIN_MAX_ppm or abs(found.offset) > OFFSET_MAX_uA:
        raise InputError(
            f"meter and reference differ by {found.gain_ppm / 1e4:.1f} % and"
            f" {found.offset / 1000:.1f} {unit}: look at the wiring, the shunt and the reference"
        )
