# SPDX-License-Identifier: MIT
"""PURE: movement files of the ONE simulator: who is where at which times.

The first line holds the bounds, `minTime maxTime minX maxX minY maxY [minZ maxZ]`, and every other
line is `time id x y [z]`. Between two lines a node walks straight, as in the ONE; before its
first and after its last line it is nowhere.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.simulation.paths import Legs, ROUNDING_s, legs_through, near_contacts
from crowdcharge.simulation.traces.options import TraceOptions
from crowdcharge.simulation.traces.rows import rows_of, shown
from crowdcharge.simulation.traces.trace import TraceSighting, node_at

LAYOUT = "time id x y [z]"
WINDOWS_MAX = 100_000
POSITION_MAX_m = 1e9  # squares of more are beyond what the search for neighbours can add up


def read_movement(
    lines: Iterable[str], name: str, options: TraceOptions
) -> Iterator[TraceSighting]:
    """Yield when two nodes are within `options.range_m` (m); their height is not used."""
    if options.range_m == 0:
        raise InputError(f"{name}: movement needs range_m, the distance of a contact")
    legs, names, first_s = read_legs(lines, name, options.unit_s)
    if not len(legs.agent):
        return
    end_s = float(legs.end_s.max())
    window_s = max(float(np.median(legs.end_s - legs.start_s)), end_s / WINDOWS_MAX)
    for each in near_contacts(legs, options.range_m, end_s, window_s):
        yield TraceSighting(
            first_s + each.start_s, first_s + each.end_s, names[each.a], names[each.b]
        )


def read_legs(
    lines: Iterable[str], name: str, unit_s: float = 1.0
) -> tuple[Legs, list[str], float]:
    """Return the legs of nodes 0, 1, ..., the nodes' names, and the time that counts as 0.

    InputError names the line.
    """
    numbers: dict[str, int] = {}
    points: list[tuple[int, float, float, float]] = []
    last_s: dict[str, float] = {}
    for count, row in enumerate(rows_of(lines, name, 4)):
        if count == 0:
            bounds = [row.number_at(index) for index in range(len(row.fields))]
            row.expect(len(bounds) in (6, 8), "expected the bounds: minTime maxTime minX maxX ...")
            continue
        row.expect(len(row.fields) in (4, 5), f"expected {LAYOUT}")
        at_s, node = row.number_at(0) * unit_s, node_at(row, 1)
        later_s = at_s - last_s.get(node, -np.inf)
        row.expect(later_s > 0, f"time goes back for node {shown(node)}")
        row.expect(later_s >= ROUNDING_s, f"node {shown(node)} is at two places at once")
        last_s[node] = at_s
        x_m, y_m = row.number_at(2), row.number_at(3)
        there = max(abs(x_m), abs(y_m)) <= POSITION_MAX_m
        row.expect(there, f"a position is at most {POSITION_MAX_m:g} m from the origin")
        points.append((numbers.setdefault(node, len(numbers)), at_s, x_m, y_m))
    table = np.array(sorted(points), np.float64).reshape(-1, 4)
    first_s = float(table[:, 1].min()) if len(table) else 0.0
    agent = table[:, 0].astype(np.int64)
    return legs_through(agent, table[:, 1] - first_s, table[:, 2:]), list(numbers), first_s
