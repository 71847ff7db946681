# SPDX-License-Identifier: MIT
"""PURE: where a few charging lanes serve those who move past them best.

The ground is cut into squares; a lane in a square charges whoever is in it with constant power, as
in `market.lane.energy_per_pass_kWh`. Which squares to take is maximal coverage with a demand for
each node (Church and ReVelle, "The Maximal Covering Location Problem", 1974), solved exactly as a
mixed-integer program by HiGHS. The lane-trading paper takes one lane as given; siting is ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crowdcharge.errors import InputError, WptError
from crowdcharge.simulation.paths import Legs

Values = NDArray[np.float64]
SQUARES_MAX, CROSSINGS_MAX = 20_000, 5_000_000


@dataclass(frozen=True, slots=True)
class Siting:
    """`lanes` (k, 2) are the squares' middles in metres; `served_J` (nodes,) what each gets.

    `bound_J` is the most that any choice could deliver: more than what is delivered only where the
    time for the proof was too short.
    """

    lanes: Values
    served_J: Values
    bound_J: float


def time_in_squares(legs: Legs, nodes: int, side_m: float) -> tuple[Values, NDArray[np.int64]]:
    """Return how long each node is in each square (nodes, squares), and the squares (squares, 2).

    Exact: legs are cut where they cross the grid. InputError for more squares than can be solved.
    """
    spans_m = np.abs(legs.speed_m_per_s * (legs.end_s - legs.start_s)[:, None])
    if spans_m.sum() / side_m > CROSSINGS_MAX:
        raise InputError("the squares are too small for so long ways: take longer lanes")
    spent_s: dict[tuple[int, int], dict[int, float]] = {}
    for leg in range(len(legs.agent)):
        for square, lasts_s in _crossings(legs.of(np.array([leg])), side_m):
            times = spent_s.setdefault(square, {})
            node = int(legs.agent[leg])
            times[node] = times.get(node, 0.0) + lasts_s
    if len(spent_s) > SQUARES_MAX:
        raise InputError(f"more than {SQUARES_MAX} squares: take longer lanes")
    table = np.zeros((nodes, len(spent_s)))
    for column, times in enumerate(spent_s.values()):
        table[list(times), column] = list(times.values())
    return table, np.array(list(spent_s), np.int64).reshape(-1, 2)


def _crossings(leg: Legs, side_m: float) -> Iterator[tuple[tuple[int, int], float]]:
    """Yield the squares that one leg (arrays of length 1) passes, and for how long."""
    lasts_s = float(leg.end_s[0] - leg.start_s[0])
    cuts_s = [0.0, lasts_s]
    for start_m, speed in zip(leg.start_m[0].tolist(), leg.speed_m_per_s[0].tolist(), strict=True):
        if speed:
            first, last = sorted((start_m / side_m, (start_m + speed * lasts_s) / side_m))
            lines = np.arange(np.ceil(first), np.floor(last) + 1) * side_m
            cuts_s += ((lines - start_m) / speed).clip(0.0, lasts_s).tolist()
    times_s = np.unique(cuts_s)
    middles_m = leg.start_m[0] + np.outer((times_s[1:] + times_s[:-1]) / 2, leg.speed_m_per_s[0])
    squares = np.floor(middles_m / side_m).astype(np.int64)
    for square, part_s in zip(squares.tolist(), np.diff(times_s).tolist(), strict=True):
        yield (square[0], square[1]), part_s


def site_lanes(
    legs: Legs,
    nodes: int,
    lanes: int,
    side_m: float,
    power_W: float,
    wanted_J: float,
    limit_s: float = 60.0,
) -> Siting:
    """Choose at most `lanes` squares that deliver most; no node takes more than `wanted_J`.

    InputError for sizes that are not positive or too much work, WptError if HiGHS finds nothing
    in `limit_s`.
    """
    if lanes < 1 or min(side_m, power_W, wanted_J) <= 0:
        raise InputError("lanes, their length, power and demand must be positive")
    table_s, squares = time_in_squares(legs, nodes, side_m)
    brought_J = power_W * table_s
    chosen, bound_J = best_squares(brought_J, lanes, wanted_J, limit_s)
    served_J = np.minimum(brought_J[:, chosen].sum(axis=1), wanted_J)
    middles_m = np.array((squares[chosen] + 0.5) * side_m, np.float64)
    return Siting(middles_m, served_J, bound_J)


def best_squares(
    brought_J: Values, lanes: int, wanted_J: float, limit_s: float = 60.0
) -> tuple[NDArray[np.int64], float]:
    """Choose columns of `brought_J` (nodes, squares); return them and the proven bound in J.

    Maximise the sum of y, with 0 <= y <= wanted and y <= brought x for each node, x binary, and
    at most `lanes` of x.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: PLC0415 - an extra
    from scipy.sparse import csr_array, eye_array, hstack  # noqa: PLC0415

    nodes, squares = brought_J.shape
    if not squares:
        return np.empty(0, np.int64), 0.0
    share = csr_array(np.minimum(brought_J / wanted_J, 1.0))  # a node takes no more in any case
    covers = LinearConstraint(hstack([share, -eye_array(nodes)]), lb=0.0)
    count = LinearConstraint(np.r_[np.ones(squares), np.zeros(nodes)][None], ub=lanes)
    made = milp(
        np.r_[np.zeros(squares), -np.ones(nodes)],
        integrality=np.r_[np.ones(squares), np.zeros(nodes)],
        bounds=Bounds(0.0, 1.0),
        constraints=[covers, count],
        options={"time_limit": limit_s, "mip_rel_gap": 0.0},
    )
    if made.x is None:
        raise WptError(f"no lanes were found in {limit_s:g} s: {made.message}")
    return np.flatnonzero(made.x[:squares] > 0.5), -float(made.mip_dual_bound) * wanted_J
