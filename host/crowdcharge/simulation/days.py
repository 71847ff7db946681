# SPDX-License-Identifier: MIT
"""PURE: two users' own days as charging skip takes them: cord sessions, meetings, use between.

A table with the columns `time event user before_pct after_pct minutes` in any order; `event` is
`cord` (a user was on the cord, from one level to another), `level` (a user's level was read) or
`meeting` (of both, for so many minutes). Between two known levels a user's use is spread evenly
over the time, and rounded up in sum, so a plan never counts on energy that was already used.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.policy.charging_skip import Cord, Event, PlannedMeeting
from crowdcharge.simulation.traces.rows import TextRow, shown, table_of

EVENTS_MAX = 2000
COLUMNS = ("time", "event", "user", "before_pct", "after_pct", "minutes")
KINDS = ("cord", "level", "meeting")
_DAY_s = 86_400
_LEVEL_MAX = 100
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Days:
    """Events in order with the lines they come from; levels are whole percent."""

    users: tuple[str, str]
    start: tuple[int, int]
    events: list[Event]
    lines: list[int]
    times_s: list[float]

    @property
    def span_days(self) -> float:
        return (self.times_s[-1] - self.times_s[0]) / _DAY_s if self.times_s else 0.0

    def owner(self, event: Event) -> str | None:
        """Return whose cord session an event is; None for a meeting."""
        return self.users[event.user] if isinstance(event, Cord) else None

    def sessions(self, user: int) -> int:
        return sum(isinstance(each, Cord) and each.user == user for each in self.events)


@dataclass(frozen=True, slots=True)
class _Line:
    row: TextRow
    time_s: float
    kind: str
    user: str
    before_pct: float
    after_pct: float
    minutes: float


def read_days(text: str, name: str, pct_per_minute: float) -> Days:
    """Read the table; `pct_per_minute` is how much of a capacity a meeting can move.

    InputError names the line.
    """
    lines = sorted(_lines(text, name), key=lambda line: line.time_s)
    users = list(dict.fromkeys(line.user for line in lines if line.kind != "meeting"))
    if len(users) != 2:
        raise InputError(f"{name}: rows of two users are needed, not of {len(users)}")
    pair = (users[0], users[1])
    levels = tuple(_levels(lines, user) for user in pair)
    used = (0, 0)
    days = Days(pair, (_first(levels[0]), _first(levels[1])), [], [], [])
    for line in lines:
        if line.kind == "level":
            continue
        total = (_used(levels[0], line.time_s), _used(levels[1], line.time_s))
        use = (total[0] - used[0], total[1] - used[1])
        used = total
        if line.kind == "cord":
            gain = max(round(line.after_pct) - round(line.before_pct), 0)
            days.events.append(Cord(pair.index(line.user), gain, use))
        else:
            most = int(min(line.minutes * pct_per_minute, _LEVEL_MAX))  # nobody has more to give
            days.events.append(PlannedMeeting(most, use))
        days.lines.append(line.row.number)
        days.times_s.append(line.time_s)
    return days


def _lines(text: str, name: str) -> Iterator[_Line]:
    at, rows = table_of(text, name, COLUMNS)
    count = 0
    for count, row in enumerate(rows, 1):
        row.expect(count <= EVENTS_MAX, f"more than {EVENTS_MAX} events")
        yield _line(row, at)
    if not count:
        raise InputError(f"{name}: has no events")


def _line(row: TextRow, at: dict[str, int]) -> _Line:
    kind = row.text_at(at["event"])
    row.expect(kind in KINDS, f'"{shown(kind)}" is not one of {", ".join(KINDS)}')
    time_s = row.time_at(at["time"])
    needed = {"cord": ("before_pct", "after_pct"), "level": ("before_pct",), "meeting": ()}[kind]
    levels = {column: row.number_at(at[column]) for column in needed}
    for column, value in levels.items():
        row.expect(0 <= value <= _LEVEL_MAX, f"{column} must be 0 to {_LEVEL_MAX}")
    minutes = row.number_at(at["minutes"]) if kind == "meeting" else 0.0
    row.expect(minutes >= 0, "minutes must be 0 or more")
    before_pct = levels.get("before_pct", 0.0)
    user = "" if kind == "meeting" else row.text_at(at["user"])
    row.expect(kind == "meeting" or bool(user), "has no user")
    return _Line(row, time_s, kind, user, before_pct, levels.get("after_pct", before_pct), minutes)


def _first(levels: list[tuple[float, float, float]]) -> int:
    return int(levels[0][1])


def _levels(lines: list[_Line], user: str) -> list[tuple[float, float, float]]:
    """One user's (time, level found, level left)."""
    return [
        (line.time_s, line.before_pct, line.after_pct)
        for line in lines
        if line.kind != "meeting" and line.user == user
    ]


def _used(levels: list[tuple[float, float, float]], time_s: float) -> int:
    """Return the use since the first known level up to a time, in whole percent, rounded up."""
    times_s, used_pct = [levels[0][0]], [0.0]
    for (_, _, left_pct), (at_s, found_pct, _) in pairwise(levels):
        times_s.append(at_s)
        used_pct.append(used_pct[-1] + max(left_pct - found_pct, 0.0))
    return ceil(float(np.interp(time_s, times_s, used_pct)) - _ROUNDING)
