# SPDX-License-Identifier: MIT
"""PURE: GTFS `stop_times.txt`: vehicles meet where both stand at one stop.

A trip is a node. The file does not say on which days a trip runs, so all trips run on one day:
keep one service's trips first. Reference: gtfs.org, Schedule reference, stop_times.txt.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from crowdcharge.simulation.traces.options import TraceOptions
from crowdcharge.simulation.traces.rows import TextRow, positions, rows_of, shown
from crowdcharge.simulation.traces.trace import TraceSighting, node_at

COLUMNS = ("trip_id", "arrival_time", "departure_time", "stop_id")
_TIME = re.compile(r"([0-9]{1,3}):([0-5][0-9]):([0-5][0-9])")  # hours go on after midnight


class Stay(NamedTuple):
    arrives_s: float
    leaves_s: float
    trip: str


def read_gtfs(lines: Iterable[str], name: str, options: TraceOptions) -> Iterator[TraceSighting]:  # noqa: ARG001 - every reader's signature
    """Read when vehicles stand at stops; a stop without times, which GTFS allows, is left out."""
    stays: dict[str, list[Stay]] = defaultdict(list)
    where: list[int] = []
    for row in rows_of(lines, name, len(COLUMNS)):
        if not where:
            where = positions(row, COLUMNS)
            continue
        trip, arrives, leaves, stop = where
        times = [clock_at(row, index) for index in (arrives, leaves)]
        known = [each for each in times if each is not None]
        if known:
            row.expect(known[0] <= known[-1], "departs before it arrives")
            stays[row.text_at(stop)].append(Stay(known[0], known[-1], node_at(row, trip)))
    for here in stays.values():
        yield from overlaps(sorted(here))


def clock_at(row: TextRow, index: int) -> float | None:
    """Return a time of day in s; None if the field is empty."""
    text = row.fields[index] if index < len(row.fields) else ""
    found = _TIME.fullmatch(text)
    row.expect(found is not None or not text, f'"{shown(text)}" is not a time HH:MM:SS')
    if found is None:
        return None
    hours, minutes, seconds = map(int, found.groups())
    return 3600.0 * hours + 60.0 * minutes + seconds


def overlaps(stays: list[Stay]) -> Iterator[TraceSighting]:
    """Yield who is at one stop at the same time; `stays` are sorted by arrival."""
    here: list[Stay] = []
    for stay in stays:
        here = [other for other in here if other.leaves_s >= stay.arrives_s]
        for other in here:
            if other.trip != stay.trip:
                end_s = min(other.leaves_s, stay.leaves_s)
                yield TraceSighting(stay.arrives_s, end_s, other.trip, stay.trip)
        here.append(stay)
