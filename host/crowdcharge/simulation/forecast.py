# SPDX-License-Identifier: MIT
"""PURE: how much a user will need: the mean of each hour of the day, and how well that did.

Input is a table with the columns `time`, `user` and `used_J`: what was used since the user's row
before (the first row of a user only says when counting began). Use between two rows counts as
even. Hours are those of UTC, or of the table's own clock if its times are seconds.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowdcharge.errors import InputError
from crowdcharge.simulation.traces.rows import shown, table_of

HOUR_s, HOURS = 3600.0, 24
COLUMNS = ("time", "user", "used_J")
ROWS_MAX = 1_000_000
SPAN_MAX_s, TIME_MAX_s, USED_MAX_J = 20 * 366 * 86_400, 1e12, 1e15

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Forecast:
    """One user: `mean_W` (24,) by hour of the day, NaN for hours that were never seen whole.

    `errors_W` are mean absolute errors over the same past hours: each hour forecast from those
    before it alone, by the mean of its hour, and by the same hour of the day before. None where
    less than two days are known.
    """

    mean_W: Values
    hours: int
    errors_W: dict[str, float] | None


def read_use(text: str, name: str) -> dict[str, list[tuple[float, float]]]:
    """Return each user's (time in s, J used since the one before), sorted; InputError by line."""
    at, rows = table_of(text, name, COLUMNS)
    use: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for count, row in enumerate(rows, 1):
        row.expect(count <= ROWS_MAX, f"more than {ROWS_MAX} rows")
        user, used_J = row.text_at(at["user"]), row.number_at(at["used_J"])
        time_s = row.time_at(at["time"])
        row.expect(bool(user), "has no user")
        row.expect(0 <= used_J <= USED_MAX_J, f"used_J must be 0 to {USED_MAX_J:g}")
        row.expect(abs(time_s) <= TIME_MAX_s, "the time is too far away")
        row.expect(not use[user] or time_s > use[user][-1][0], f"time goes back for {shown(user)}")
        row.expect(
            not use[user] or time_s - use[user][0][0] <= SPAN_MAX_s, "more than 20 years in all"
        )
        use[user].append((time_s, used_J))
    if not use:
        raise InputError(f"{name}: has no rows")
    return dict(use)


def whole_hours(use: list[tuple[float, float]]) -> tuple[int, Values]:
    """Spread a user's use over the whole hours that it covers: the first hour and W in each."""
    times_s, used_J = (np.array(column) for column in zip(*use, strict=True))
    first, last = int(np.ceil(times_s[0] / HOUR_s)), int(np.floor(times_s[-1] / HOUR_s))
    if last <= first:
        return first, np.empty(0)
    total_J = np.cumsum(np.r_[0.0, used_J[1:]])
    edges_s = np.arange(first, last + 1) * HOUR_s
    return first, np.diff(np.interp(edges_s, times_s, total_J)) / HOUR_s


def forecast(use: list[tuple[float, float]]) -> Forecast:
    """Make a user's forecast, and try it on the user's own past."""
    first, hours_W = whole_hours(use)
    of_day = (first + np.arange(len(hours_W))) % HOURS
    mean_W = np.array([_mean(hours_W[of_day == hour]) for hour in range(HOURS)])
    return Forecast(mean_W, len(hours_W), backtest(hours_W))


def backtest(hours_W: Values) -> dict[str, float] | None:
    """Return each method's mean absolute error, from the second day on; None if there is none."""
    tried = range(HOURS, len(hours_W))
    if len(tried) < HOURS:
        return None
    by_mean = [hours_W[hour % HOURS : hour : HOURS].mean() for hour in tried]
    now_W, before_W = hours_W[HOURS:], hours_W[:-HOURS]
    return {
        "hour_of_day": float(np.abs(now_W - by_mean).mean()),
        "persistence": float(np.abs(now_W - before_W).mean()),
    }


def _mean(values: Values) -> float:
    return float(values.mean()) if len(values) else float("nan")
