# SPDX-License-Identifier: MIT
"""PURE: how to read the paper where it contradicts itself.

The defaults give its Tables III to V.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from crowdcharge.planner.problem import Floats, Problem

Growth = Literal["fixed", "doubled", "proportional"]
BoundsFrom = Literal["start", "first_contact"]
Burning = Literal["accepted", "refused"]


@dataclass(frozen=True, slots=True)
class PaperReading:
    """Three choices that the paper leaves open.

    `e_min_growth`: Alg. 1 and 3 double `e_min` with every doubled horizon ("doubled"), footnote 3
    calls it proportional to T ("proportional": times T / C, never below `e_min`), but Tables III
    and V, where an agent starts at 18, only come out if it stays ("fixed").

    `bounds_from`: eq. 5b bounds every level from slot 0 on ("start"); section II-B bounds it
    after an agent's interactions ("first_contact").

    `burning`: a plan that sends energy one way now and back at a later contact, only to lose
    what a short horizon cannot distribute, is effective by the paper's word ("accepted"); with
    "refused" such a horizon is too short, which also spares LAY its search for directions.
    """

    e_min_growth: Growth = "fixed"
    bounds_from: BoundsFrom = "start"
    burning: Burning = "accepted"


PAPER_TABLES = PaperReading()


class Stage(NamedTuple):
    """One horizon of the doubling search, with the times in (after, until]."""

    after: int
    until: int
    growth: float  # e_min is multiplied by this


def stages(problem: Problem, max_doublings: int, reading: PaperReading) -> Iterator[Stage]:
    """Yield the horizons C, 2C, ... up to `max_doublings` doublings of the cycle C."""
    for k in range(max_doublings + 1):
        after = -1 if k == 0 else problem.cycle << (k - 1)
        yield Stage(after, problem.cycle << k, 1.0 if reading.e_min_growth == "fixed" else 2.0**k)


def e_min_at(problem: Problem, time: int, stage: Stage, reading: PaperReading) -> Floats:
    """Return the lower bounds (n,) that hold for a plan of this time."""
    if reading.e_min_growth == "proportional":
        return problem.e_min * max(1.0, time / problem.cycle)
    return problem.e_min * stage.growth


def outside(problem: Problem, e_min: Floats) -> str:
    """Say which agent starts outside its bounds; an empty string if none does."""
    slack = problem.tolerance
    bad = (problem.e0 < e_min - slack) | (problem.e0 > problem.e_max + slack)
    if not bad.any():
        return ""
    i = int(np.argmax(bad))
    return f"agent {i} starts at {problem.e0[i]:g}, outside {e_min[i]:g}..{problem.e_max[i]:g}"


def widened(problem: Problem, e_min: Floats) -> Problem:
    """Widen bounds that a start, or an even share of all energy, misses by rounding alone."""
    slack, low, high = problem.tolerance, e_min, problem.e_max
    for level in (problem.e0, problem.shares * problem.e0.sum()):
        low = np.where((level < low) & (level >= e_min - slack), level, low)
        high = np.where((level > high) & (level <= problem.e_max + slack), level, high)
    return replace(problem, e_min=np.maximum(low, 0.0), e_max=high)
