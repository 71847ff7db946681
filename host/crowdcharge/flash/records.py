# SPDX-License-Identifier: MIT
"""`calibration.json`: each board's measured points and results, for reports and for people.

{"boards": {"7": {"tx": {"measured_on": "2026-11-28", "points": [...], "correction": {...}},
"tx-bus": {...}, "curve": {"measured_on": ..., ...}}}}

Names in the file carry their units: `reference_mA` and `offset_uA` of a current, `reference_mV`
and `offset_uV` of a bus voltage ("tx-bus", "rx-bus").
"""

import json
import math
import re
from dataclasses import asdict, astuple
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

from crowdcharge.errors import InputError
from crowdcharge.escaping import shown
from crowdcharge.files import read_json_as, write_whole
from crowdcharge.flash.fit import Correction, Curve, Point

FILE = "calibration.json"
Entry = dict[str, Any]
Place = tuple[str | int, ...]
T = TypeVar("T", Point, Correction)

_NAMES = {
    Point: ("reference_m", "raw_m", "spread_m"),
    Correction: ("gain_ppm", "offset_u", "u_gain_ppm", "u_offset_u"),
}


def _names(kind: type, side: str) -> list[str]:
    unit = "V" if side.endswith("-bus") else "A"
    return [name if name.endswith("_ppm") else name + unit for name in _NAMES[kind]]


def named(record: Point | Correction, side: str) -> Entry:
    """Return a point or a correction under the names that the file has for it."""
    return dict(zip(_names(type(record), side), astuple(record), strict=True))


def _made(kind: type[T], entry: Entry, side: str) -> T:
    return kind(*(entry[name] for name in _names(kind, side)))


def _boards_of(document: Any) -> dict[str, Entry]:
    """Check all of a calibration file; InputError has the place of what is wrong in it."""
    boards = _object(_object(document, ()).get("boards"), ("boards",))
    for board, entry in boards.items():
        if not re.fullmatch("[1-9][0-9]{0,4}", board):
            raise InputError(
                f"no calibration file: {shown(board)} is no board's number", ("boards", board)
            )
        for side, each in _object(entry, ("boards", board)).items():
            _check_side(each, side, ("boards", board, side))
    return boards


def _check_side(entry: Any, side: str, place: Place) -> None:
    points = _object(entry, place).get("points", [])
    if not isinstance(points, list):
        raise InputError("no calibration file: points must be a list", (*place, "points"))
    for number, point in enumerate(points):
        _check_numbers(Point, point, side, (*place, "points", number))
    if side in {"tx", "rx"} and entry.get("correction"):
        _check_numbers(Correction, entry["correction"], side, (*place, "correction"))


def _check_numbers(kind: type, entry: Any, side: str, place: Place) -> None:
    for name in _names(kind, side):
        value: Any = _object(entry, place).get(name)
        if type(value) not in {int, float} or not math.isfinite(value):
            raise InputError(f"no calibration file: {name} must be a number", (*place, name))


def _object(value: Any, place: Place) -> Entry:
    if not isinstance(value, dict):
        name = place[-1] if place else "it"
        raise InputError(f"no calibration file: {name} must be an object", place)
    return value


class Records:
    """One calibration file; call `save` after a change. InputError: it cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._boards = read_json_as(path, _boards_of) if path.exists() else {}

    def points(self, board_id: int, side: str) -> list[Point]:
        entries = self._side(board_id, side).get("points", [])
        return [_made(Point, entry, side) for entry in entries]

    def set_meter(
        self, board_id: int, side: str, points: list[Point], found: Correction | None
    ) -> None:
        entry = self._side(board_id, side)
        entry["points"] = [named(point, side) for point in points]
        entry["correction"] = named(found, side) if found else None
        entry["measured_on"] = _today()

    def corrections(self) -> dict[tuple[int, str], Correction]:
        """Return the currents' corrections by board and side; an absent meter is uncorrected."""
        return {
            (int(board), side): _made(Correction, entry[side]["correction"], side)
            for board, entry in self._boards.items()
            for side in ("tx", "rx")
            if entry.get(side, {}).get("correction")
        }

    def measured_on(self) -> dict[int, date | None]:
        """Return the oldest date of each board's curve and corrections; None if one has none."""
        found: dict[int, date | None] = {}
        for board, entry in self._boards.items():
            dates = [_date(each) for each in entry.values() if _is_result(each)]
            if dates:
                known = [each for each in dates if each is not None]
                found[int(board)] = min(known) if len(known) == len(dates) else None
        return found

    def set_curve(
        self,
        board_id: int,
        curve: Curve,
        curve_hash: str,
        sources: list[str],
        receiver: int | None = None,
    ) -> None:
        """Note the curve of the rig, or of the pair with `receiver`."""
        name = "curve" if receiver is None else f"curve-{receiver}"
        entry = {"hash": curve_hash, "sources": sources, "measured_on": _today(), **asdict(curve)}
        self._boards.setdefault(str(board_id), {})[name] = entry

    def save(self) -> None:
        text = json.dumps({"boards": self._boards}, indent=2, allow_nan=False) + "\n"
        write_whole(self._path, text.encode())

    def _side(self, board_id: int, side: str) -> Entry:
        entry: Entry = self._boards.setdefault(str(board_id), {}).setdefault(side, {})
        return entry


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _is_result(entry: Entry) -> bool:
    return "hash" in entry or bool(entry.get("correction"))


def _date(entry: Entry) -> date | None:
    try:
        return date.fromisoformat(entry["measured_on"])
    except (KeyError, TypeError, ValueError):
        return None
