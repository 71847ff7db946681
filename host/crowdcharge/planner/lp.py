# SPDX-License-Identifier: MIT
"""LYP(T) as a linear program, and the least loss of an effective plan by branch and bound.

For what the flow method does not cover: losses that differ by contact, and horizons so short
that a linear program burns energy (sends it both ways in one contact) to end even. The paper
calls a plan effective if no contact carries energy both ways. Whether the optimum that a solver
happens to return is effective is an accident; here the question is whether an effective plan
exists, and branching on the direction of a contact decides it.
"""

from typing import Any

import highspy
import numpy as np

from crowdcharge.errors import WptError
from crowdcharge.planner.network import build_network
from crowdcharge.planner.problem import Floats, Ints, Problem

LP_TOLERANCE = 1e-9
TWO_WAY_TOLERANCE = 1e-7
PRUNE_TOLERANCE = 1e-9
BRANCHES_MAX = 20_000


class Model:
    """Columns: sent a->b and b->a by contact, level by node, the total at the end."""

    def __init__(self, problem: Problem, horizon: int) -> None:
        limit = problem.contact_limit
        net = build_network(problem.contacts, limit, problem.cycle, horizon, problem.n)
        self.problem, self.net = problem, net
        self.contacts, self.nodes = len(net.slot), len(net.agent)
        self.beta = np.resize(problem.contact_beta, self.contacts)
        self.scale = float(problem.e_max.max())
        self._cut: set[int] = set()
        self.solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]  # not annotated
        for option, value in (
            ("output_flag", False),
            ("threads", 1),
            ("primal_feasibility_tolerance", LP_TOLERANCE),
            ("dual_feasibility_tolerance", LP_TOLERANCE),
        ):
            self.solver.setOptionValue(option, value)
        self.solver.passModel(self._lp())

    def _lp(self) -> Any:
        net, problem, m = self.net, self.problem, self.contacts
        last, first = net.first[1:] - 1, net.first[:-1]
        level, total = 2 * m, 2 * m + self.nodes
        inner = np.setdiff1d(np.arange(self.nodes), first)
        a, b, c = net.ends[:, 0], net.ends[:, 1], np.arange(m)
        final = self.nodes + np.arange(problem.n)
        entries = (  # row, column, value
            (a, c, np.ones(m)),
            (b, c, self.beta - 1),
            (b, m + c, np.ones(m)),
            (a, m + c, self.beta - 1),
            (np.arange(self.nodes), level + np.arange(self.nodes), np.ones(self.nodes)),
            (inner, level + inner - 1, -np.ones(len(inner))),
            (final, level + last, np.ones(problem.n)),
            (final, np.full(problem.n, total), -problem.shares),
        )
        rows, columns, values = (np.concatenate(parts) for parts in zip(*entries, strict=True))
        order = np.argsort(columns, kind="stable")
        right = np.zeros(self.nodes + problem.n)
        right[first] = problem.e0
        low, high = problem.e_min[net.agent], problem.e_max[net.agent]
        alone = np.diff(net.start) == 0  # no contact: nothing bounds it but the target
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = total + 1, len(right)
        lp.col_cost_ = np.concatenate([self.beta, self.beta, np.zeros(self.nodes + 1)])
        lp.col_lower_ = np.concatenate([np.zeros(2 * m), np.where(alone, 0, low), [0.0]])
        lp.col_upper_ = np.concatenate(
            [net.limit, net.limit, np.where(alone, np.inf, high), [np.inf]]
        )
        lp.row_lower_ = lp.row_upper_ = right
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_ = np.concatenate(
            [[0], np.cumsum(np.bincount(columns, minlength=total + 1))]
        )
        lp.a_matrix_.index_, lp.a_matrix_.value_ = rows[order], values[order]
        return lp

    def solve(self) -> tuple[float, Floats] | None:
        """(loss, sent by contact and direction), or None if there is no solution."""
        self.solver.run()
        status = self.solver.getModelStatus()
        if status == highspy.HighsModelStatus.kInfeasible:
            return None
        if status != highspy.HighsModelStatus.kOptimal:
            raise WptError(f"the LP solver gave up: {self.solver.modelStatusToString(status)}")
        values = np.asarray(self.solver.getSolution().col_value)
        return float(self.solver.getInfo().objective_function_value), values[: 2 * self.contacts]

    def two_way(self, sent: Floats) -> Ints:
        """Contacts that carry energy both ways and lose some of it."""
        both = (self.beta > 0) * np.minimum(sent[: self.contacts], sent[self.contacts :])
        return np.flatnonzero(both > TWO_WAY_TOLERANCE * self.scale)

    def close(self, column: int, closed: bool) -> None:
        upper = 0.0 if closed else float(self.net.limit[column % self.contacts])
        self.solver.changeColBounds(column, 0.0, upper)

    def cut(self, contact: int) -> bool:
        """Add what holds for every effective plan at a contact that is alone in its slot.

        One-way means that each direction by itself keeps the bounds: the sender's level before
        covers it and the receiver's has room for it. False if there is nothing to add.
        """
        a, b = self.net.ends[contact]
        touched = np.diff(self.net.start)
        if contact in self._cut or touched[a] > 1 or touched[b] > 1:
            return False
        self._cut.add(contact)
        keep = 1 - self.beta[contact]
        for column, ptx, prx in ((contact, a, b), (self.contacts + contact, b, a)):
            self._bound(column, 1.0, ptx, 1.0, self.problem.e_min[self.net.agent[ptx]])
            self._bound(column, keep, prx, -1.0, -self.problem.e_max[self.net.agent[prx]])
        return True

    def _bound(self, column: int, weight: float, node: int, sign: float, limit: float) -> None:
        """weight * sent <= sign * (level before `node`) - limit."""
        agent = self.net.agent[node]
        if node == self.net.first[agent]:
            right = sign * self.problem.e0[agent] - limit
            if right >= 0:
                self.solver.addRow(-np.inf, right, 1, np.array([column]), np.array([weight]))
            return
        before = 2 * self.contacts + node - 1
        self.solver.addRow(
            -np.inf, -limit, 2, np.array([column, before]), np.array([weight, -sign])
        )


def _cut_all(model: Model) -> tuple[float, Floats] | None:
    """Solve, cutting off two-way contacts until no cut is left to add."""
    while (solved := model.solve()) is not None:
        added = [model.cut(int(c)) for c in model.two_way(solved[1])]  # all of them
        if not any(added):
            return solved
    return None


def least_loss(problem: Problem, horizon: int) -> Floats | None:
    """The effective plan of least loss, or None if no plan is effective.

    Returns the energy by contact of the horizon, > 0 from the first agent to the second. Depth
    first, the larger direction kept first; a branch is given up when its bound does not beat the
    best plan so far.
    """
    model = Model(problem, horizon)
    m = model.contacts
    best: tuple[float, Floats] | None = None
    closed: list[int] = []
    pending: list[tuple[int, int]] = [(0, -1)]  # (depth, column to close there)
    for _ in range(BRANCHES_MAX):
        if not pending:
            return None if best is None else best[1]
        depth, column = pending.pop()
        while len(closed) > max(depth - 1, 0):
            model.close(closed.pop(), closed=False)
        if column >= 0:
            model.close(column, closed=True)
            closed.append(column)
        solved = _cut_all(model)
        if solved is None or (
            best is not None and solved[0] >= best[0] - PRUNE_TOLERANCE * model.scale
        ):
            continue
        loss, sent = solved
        two_way = model.two_way(sent)
        if not len(two_way):
            best = loss, sent[:m] - sent[m:]
            continue
        worst = int(two_way[np.argmax(np.minimum(sent[two_way], sent[m + two_way]))])
        small, large = (worst, worst + m) if sent[worst] < sent[worst + m] else (worst + m, worst)
        pending += [(depth + 1, large), (depth + 1, small)]
    raise WptError(
        f"no decision after {BRANCHES_MAX} branches at horizon {horizon}: "
        "plan fewer agents or a longer cycle at a time"
    )
