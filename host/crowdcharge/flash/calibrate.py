# SPDX-License-Identifier: MIT
"""Calibrate a board: its meters against a reference, its loss curve from metered transfers."""

import statistics
import subprocess
from collections.abc import Iterable
from pathlib import Path

from crowdcharge.errors import InputError, LineError
from crowdcharge.flash import fit
from crowdcharge.flash.fit import Correction, Curve, Point
from crowdcharge.flash.records import Records
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.flash.steady import steady_pairs
from crowdcharge.flash.tree import board_kind
from wptcore.calibration import GAIN_MAX_ppm, OFFSET_MAX_uA, current_uA

SAMPLES = 100
_REST_mA = 20.0
_SAME_mA = 5.0
_INSTRUMENT_s = 60.0


def measure(line: SerialLine, side: str, shunt_uOhm: int, reference_mA: float) -> Point:
    """Samples one steady load with the board's raw meter. The board must be in maintenance."""
    raw_mA = [
        current_uA(int(pairs["shunt_uV"]), shunt_uOhm) / 1000
        for pairs in line.stream("meter", side, SAMPLES)
    ]
    if len(raw_mA) < SAMPLES // 2:
        raise LineError(f"{line.port}: {len(raw_mA)} of {SAMPLES} samples arrived; try again")
    mean_mA, spread_mA = statistics.mean(raw_mA), statistics.stdev(raw_mA)
    if spread_mA > 5.0 + 0.02 * abs(mean_mA):
        raise InputError(f"the load is not steady: {mean_mA:.1f} mA +- {spread_mA:.1f}")
    return Point(reference_mA, mean_mA, spread_mA / len(raw_mA) ** 0.5)


def calibrate_meter(
    line: SerialLine,
    side: str,
    references_mA: Iterable[float],
    reference_ppm: float,
    path: Path,
    restart: bool,
) -> tuple[list[Point], Correction | None]:
    """Adds one point for each reference; once two loads differ enough, stores the correction.

    The next value of `references_mA` is taken when its load is to be set. The board stays in
    maintenance between points and while a load flows: outside, that would be a stuck switch.
    """
    board = line.hello()["board"]
    shunt_uOhm = board_kind(board).pins["SHUNT_uOhm"]
    board_id = int(line.ask("identity")["board_id"])
    if not board_id:
        raise InputError(f"{line.port}: the board has no id: crowdcharge provision comes first")
    records = Records(path)
    points = [] if restart else records.points(board_id, side)
    line.maintain(True)
    for reference_mA in references_mA:
        point = measure(line, side, shunt_uOhm, reference_mA)
        points = [old for old in points if abs(old.reference_mA - reference_mA) > _SAME_mA]
        points.append(point)
    found = fit.correction(points, reference_ppm) if _span_mA(points) >= 50 else None
    if found:
        _check(found)
        line.ask("calibrate", side, found.gain_ppm, found.offset_uA)
    records.set_meter(board_id, side, points, found)
    records.save()
    if found and abs(measure(line, side, shunt_uOhm, 0.0).raw_mA) < _REST_mA:
        line.maintain(False)
    return points, found


def from_instrument(command: str, count: int) -> Iterable[float]:
    """Runs a program for each point, with the point's number; it sets the load and prints mA."""
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


def calibrate_curve(line: SerialLine, ledgers: list[Path], path: Path) -> tuple[Curve, str]:
    """Fits the loss curve from transfers with this board as donor; stores it on the board."""
    line.hello()
    board_id = int(line.ask("identity")["board_id"])
    pairs = [pair for ledger in ledgers for pair in steady_pairs(ledger, board_id)]
    curve = fit.loss_curve([sent for sent, _ in pairs], [received for _, received in pairs])
    records = Records(path)
    entered = line.maintain(True)
    try:
        curve_hash = line.ask("calibrate", "curve", *curve.values)["curve_hash"]
    finally:
        if entered:
            line.maintain(False)
    records.set_curve(board_id, curve, curve_hash, [str(ledger) for ledger in ledgers])
    records.save()
    return curve, curve_hash


def _span_mA(points: list[Point]) -> float:
    references_mA = [point.reference_mA for point in points]
    return max(references_mA) - min(references_mA)


def _check(found: Correction) -> None:
    if abs(found.gain_ppm) > GAIN_MAX_ppm or abs(found.offset_uA) > OFFSET_MAX_uA:
        raise InputError(
            f"meter and reference differ by {found.gain_ppm / 1e4:.1f} % and"
            f" {found.offset_uA / 1000:.1f} mA: look at the wiring, the shunt and the reference"
        )
