# SPDX-License-Identifier: MIT
"""`calibration.json`: each board's measured points and results, for reports and for people.

{"boards": {"7": {"tx": {"points": [...], "correction": {...}}, "curve": {...}}}}
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crowdcharge.errors import InputError
from crowdcharge.flash.fit import Correction, Curve, Point

FILE = "calibration.json"
Entry = dict[str, Any]


class Records:
    """One calibration file; call `save` after a change. InputError: it cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._boards: dict[str, Entry] = {}
        if not path.exists():
            return
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            self._boards = dict(document["boards"])
        except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} is no calibration file: {error!r}") from None

    def points(self, board_id: int, side: str) -> list[Point]:
        return [Point(**point) for point in self._side(board_id, side).get("points", [])]

    def set_meter(
        self, board_id: int, side: str, points: list[Point], found: Correction | None
    ) -> None:
        entry = self._side(board_id, side)
        entry["points"] = [asdict(point) for point in points]
        entry["correction"] = asdict(found) if found else None

    def corrections(self) -> dict[tuple[int, str], Correction]:
        """Corrections by board and side; a meter that is absent is uncorrected."""
        return {
            (int(board), side): Correction(**entry[side]["correction"])
            for board, entry in self._boards.items()
            for side in ("tx", "rx")
            if entry.get(side, {}).get("correction")
        }

    def set_curve(self, board_id: int, curve: Curve, curve_hash: str, sources: list[str]) -> None:
        entry = {"hash": curve_hash, "sources": sources, **asdict(curve)}
        self._boards.setdefault(str(board_id), {})["curve"] = entry

    def save(self) -> None:
        new = self._path.with_name(self._path.name + ".new")
        try:
            new.write_text(json.dumps({"boards": self._boards}, indent=2) + "\n", "utf-8")
            new.replace(self._path)
        except OSError as error:
            raise InputError(f"cannot write {self._path}: {error.strerror}") from None

    def _side(self, board_id: int, side: str) -> Entry:
        entry: Entry = self._boards.setdefault(str(board_id), {}).setdefault(side, {})
        return entry
