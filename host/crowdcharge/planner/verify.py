# SPDX-License-Identifier: MIT
"""PURE: check any plan against its problem by stepping through it, slot by slot."""

from dataclasses import dataclass
from itertools import groupby

import numpy as np

from crowdcharge.planner.problem import Floats, Plan, Problem
from crowdcharge.planner.reading import PAPER_TABLES, PaperReading

TRANSFERS = 1000  # each may be off by the tolerance, and a plan adds them up


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """The outcome, true if nothing is wrong; `final` (n,) and `loss` are counted afresh."""

    violations: tuple[str, ...]
    final: Floats
    loss: float

    @property
    def ok(self) -> bool:
        return not self.violations

    def __bool__(self) -> bool:
        return self.ok


def verify(problem: Problem, plan: Plan, reading: PaperReading = PAPER_TABLES) -> Verification:
    """Check contacts, limits, directions, bounds after every slot, target, time and stated totals.

    Losses are the problem's: a plan made by `lal` verifies against `problem.lossless()`.
    `e_min` is taken as it stands in the problem; of the reading only `bounds_from` matters.
    An unreachable plan verifies if it moves nothing: that there is no plan is not checked.
    """
    if not plan.ok:
        wrong = ("an unreachable plan has transfers",) if plan.transfers else ()
        return Verification(wrong, problem.e0.copy(), 0.0)
    walk = _Walk(problem, reading)
    for slot, moves in groupby(sorted(plan.transfers), key=lambda transfer: transfer[0]):
        walk.step(slot, [(i, j, sent) for _, i, j, sent in moves])
    walk.end(plan)
    return Verification(tuple(walk.violations), walk.level, walk.loss)


class _Walk:
    def __init__(self, problem: Problem, reading: PaperReading) -> None:
        self.problem = problem
        self.level = problem.e0.copy()
        self.loss = 0.0
        self.violations: list[str] = []
        self.tolerance = TRANSFERS * problem.tolerance
        beta, limit = problem.contact_beta.tolist(), problem.contact_limit.tolist()
        self.contacts: dict[tuple[int, int, int], tuple[float, float]] = {}
        for (i, j, t), lost, most in zip(problem.contacts.tolist(), beta, limit, strict=True):
            self.contacts[t, i, j] = self.contacts[t, j, i] = lost, most
        self.bounded = np.full(problem.n, reading.bounds_from == "start")
        self._check_bounds(0)

    def step(self, slot: int, moves: list[tuple[int, int, float]]) -> None:
        """Make all moves of a slot at once, and check the levels at its end."""
        t = (slot - 1) % self.problem.cycle + 1
        self._meet(t)
        directions = {(i, j) for i, j, _ in moves}
        for i, j, sent in moves:
            if slot < 1 or (t, i, j) not in self.contacts:
                self.violations.append(f"slot {slot}: {i} and {j} do not meet")
                continue
            lost, most = self.contacts[t, i, j]
            if not 0 < sent <= most + self.tolerance:
                self.violations.append(f"slot {slot}: {i} sends {sent:g} to {j}, limit {most:g}")
            if (j, i) in directions:
                self.violations.append(f"slot {slot}: {i} and {j} send both ways")
            self.level[i] -= sent
            self.level[j] += (1 - lost) * sent
            self.loss += lost * sent
        self._check_bounds(slot)

    def _meet(self, t: int) -> None:
        if not self.bounded.all():
            for slot, i, j in self.contacts:
                if slot <= t:
                    self.bounded[[i, j]] = True

    def _check_bounds(self, slot: int) -> None:
        low = self.bounded & (self.level < self.problem.e_min - self.tolerance)
        high = self.bounded & (self.level > self.problem.e_max + self.tolerance)
        for i in np.flatnonzero(low | high):
            self.violations.append(
                f"slot {slot}: agent {i} is at {self.level[i]:g}, out of bounds"
            )

    def end(self, plan: Plan) -> None:
        target = self.problem.shares * self.level.sum()
        for i in np.flatnonzero(np.abs(self.level - target) > self.tolerance):
            self.violations.append(
                f"the end: agent {i} has {self.level[i]:g}, the target is {target[i]:g}"
            )
        if plan.time is None or plan.last_transfer > plan.time:
            self.violations.append(
                f"transfers go on to slot {plan.last_transfer}, time {plan.time}"
            )
        if plan.loss is None or abs(plan.loss - self.loss) > self.tolerance:
            self.violations.append(f"the loss is {self.loss:g}, not {plan.loss}")
        if plan.final.shape != self.level.shape or np.any(
            np.abs(plan.final - self.level) > self.tolerance
        ):
            self.violations.append("the stated final levels are not those of the transfers")
