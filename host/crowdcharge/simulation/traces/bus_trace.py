# SPDX-License-Identifier: MIT
"""PURE: synthetic bus contacts, after section VI-C of the cyclic-mobispace paper (LAL / LAY).

From the paper: 1 minute at each station, 5 minutes between two, there and back, round trips of
240 to 300 minutes, then waiting at the first station up to the common cycle of 300 minutes; buses
at one station in one minute can exchange energy. The Nanjing routes are not public: routes
here are a reconstruction, walks with momentum between random stations. The number of stations is
the density of the trace, which the paper does not give either.
"""

import numpy as np
import numpy.typing as npt

from crowdcharge.errors import InputError
from crowdcharge.simulation.traces.random_trace import is_connected

CYCLE = 300
SLOTS_PER_STOP = 6
STOPS_MIN, STOPS_MAX = 21, 26
NEIGHBOURS = 10
MOMENTUM = 3.0
ATTEMPTS_MAX = 1000

Points = npt.NDArray[np.float64]
Contacts = npt.NDArray[np.int64]


def bus_trace(n: int, stations: int, rng: np.random.Generator) -> Contacts:
    """Draw contacts (i, j, t) of n buses, sorted by t, 1 <= t <= 300, connected over the cycle.

    All buses leave their first stations in slot 1. Draws that do not connect are thrown away.
    """
    if n < 2 or stations <= STOPS_MAX + NEIGHBOURS:
        raise InputError(f"a bus trace needs 2 buses and {STOPS_MAX + NEIGHBOURS + 1} stations")
    for _ in range(ATTEMPTS_MAX):
        points = rng.random((stations, 2))
        near = _nearest(points)
        places = np.array([_timetable(_route(points, near, rng)) for _ in range(n)])
        contacts = _meetings(places)
        if is_connected(contacts, n):
            return contacts
    raise InputError(f"{n} buses over {stations} stations do not connect: take fewer stations")


def _nearest(points: Points) -> npt.NDArray[np.int64]:
    distance = np.hypot(*(points[:, None, :] - points[None, :, :]).transpose(2, 0, 1))
    return np.argsort(distance, axis=1)[:, 1 : NEIGHBOURS + 1]


def _route(points: Points, near: npt.NDArray[np.int64], rng: np.random.Generator) -> list[int]:
    """Draw a walk over near stations that tends to keep its direction and visits none twice."""
    stops = int(rng.integers(STOPS_MIN, STOPS_MAX + 1))
    while True:
        route = [int(rng.integers(len(points)))]
        angle = rng.uniform(-np.pi, np.pi)
        heading = np.array([np.cos(angle), np.sin(angle)])
        while len(route) < stops:
            ahead = np.setdiff1d(near[route[-1]], route)
            if not len(ahead):
                break
            steps = points[ahead] - points[route[-1]]
            steps /= np.hypot(*steps.T)[:, None]
            weight = np.exp(MOMENTUM * steps @ heading)
            choice = int(rng.choice(len(ahead), p=weight / weight.sum()))
            heading = steps[choice]
            route.append(int(ahead[choice]))
        if len(route) == stops:
            return route


def _timetable(route: list[int]) -> npt.NDArray[np.int64]:
    """Return the station in each slot 1..300, -1 between stations."""
    there_and_back = route + route[-2:0:-1]
    places = np.full(CYCLE + 1, -1, dtype=np.int64)
    places[1 : 1 + SLOTS_PER_STOP * len(there_and_back) : SLOTS_PER_STOP] = there_and_back
    places[1 + SLOTS_PER_STOP * len(there_and_back) :] = route[0]
    return places


def _meetings(places: npt.NDArray[np.int64]) -> Contacts:
    rows = []
    for slot in range(1, CYCLE + 1):
        here = places[:, slot]
        i, j = np.nonzero(np.triu((here[:, None] == here) & (here >= 0), 1))
        rows.append(np.column_stack([i, j, np.full(len(i), slot)]))
    return np.concatenate(rows)
