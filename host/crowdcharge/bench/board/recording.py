# SPDX-License-Identifier: MIT
"""A recording of a real board: what its sensors read, what it said, and its adverts.

One JSON object a line; docs/howto/replay-a-board.md has the format. The bench gives a board's
chips the recorded readings instead of the plant's; adverts and console are for a test to compare.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from crowdcharge.errors import InputError
from crowdcharge.files import parsed_line, read_text

TIME_MAX_s = 1e9


@dataclass(frozen=True, slots=True)
class SensorReadings:
    """The sensors of one moment; `*_A` through a meter's shunt, > 0 towards the coil or cell."""

    tx_V: float
    tx_A: float
    rx_V: float
    rx_A: float
    coil_C: float
    battery_C: float


_LIMITS = {"V": (0.0, 26.0), "A": (-3.2, 3.2), "C": (-40.0, 150.0)}  # what the chips can measure


class Recording:
    """Readings in the order of their times; each holds until the next one."""

    def __init__(self, timed: list[tuple[float, SensorReadings]]) -> None:
        timed.sort(key=lambda each: each[0])
        self._times_s = [time_s for time_s, _ in timed]
        self._readings = [reading for _, reading in timed]

    def at(self, time_s: float) -> SensorReadings:
        """Return the reading that holds; before the first one, the first."""
        return self._readings[max(bisect_right(self._times_s, time_s) - 1, 0)]


def load(path: Path) -> Recording:
    """Read a recording; InputError names the line that is none."""
    timed = list(_readings(path))
    if not timed:
        raise InputError(f"{path}: has no line with readings, which begin with tx_V")
    return Recording(timed)


def _readings(path: Path) -> Iterator[tuple[float, SensorReadings]]:
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        entry = parsed_line(line, str(path), number)
        try:
            found = _reading(entry)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}, line {number}: is not of a recording: {error}") from None
        if found:
            yield found


def _reading(entry: Any) -> tuple[float, SensorReadings] | None:
    """Return time and readings, or None for an advert or console output."""
    if not isinstance(entry, dict):
        raise TypeError("it is not a JSON object")
    time_s = _number(entry, "t_s", 0.0, TIME_MAX_s)
    if "tx_V" not in entry:
        if not {"data", "console"} & entry.keys():
            raise ValueError("it has neither tx_V, nor data, nor console")
        return None
    values = (
        _number(entry, each.name, *_LIMITS[each.name[-1]]) for each in fields(SensorReadings)
    )
    return time_s, SensorReadings(*values)


def _number(entry: dict[str, Any], name: str, least: float, most: float) -> float:
    value = entry[name]
    if type(value) not in {int, float} or not least <= value <= most:
        raise ValueError(f"{name} must be {least:g} to {most:g}")
    return float(value)
