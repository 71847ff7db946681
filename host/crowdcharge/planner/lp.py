# SPDX-License-Identifier: MIT
"""LYP(T) (eq. 9) as a linear program for HiGHS, with any loss and limit at every contact."""

from dataclasses import replace
from typing import Any

import highspy
import numpy as np

from crowdcharge.errors import WptError
from crowdcharge.planner.network import build_network
from crowdcharge.planner.problem import TOLERANCE, Floats, Ints, Problem
from crowdcharge.planner.quiet import quiet_stdout

TWO_WAY_TOLERANCE = 1e-7
MIP_GAP = 1e-9
MIP_NODES_MAX = 200_000
_OTHER_WAYS = (("presolve", "off"), ("solver", "ipm"))


def scaled(problem: Problem, unit: float) -> Problem:
    """Return the same problem with energies counted in `unit`."""
    return replace(
        problem,
        e0=problem.e0 / unit,
        e_min=problem.e_min / unit,
        e_max=problem.e_max / unit,
        limit=None if problem.limit is None else problem.limit / unit,
    )


class Model:
    """One linear program: sent a->b and b->a by contact, level by node, and the final total.

    The solver's tolerances are absolute, so `problem` here is in units of the greatest level;
    what `solve` returns and `two_way` takes is in the units of the problem that was given.
    """

    def __init__(self, problem: Problem, horizon: int) -> None:
        self.scale = float(problem.e_max.max()) or 1.0
        problem = scaled(problem, self.scale)
        limit = problem.contact_limit
        net = build_network(problem.contacts, limit, problem.cycle, horizon, problem.n)
        self.problem, self.net = problem, net
        self.contacts, self.nodes = len(net.slot), len(net.agent)
        self.beta = np.resize(problem.contact_beta, self.contacts)
        with quiet_stdout():
            self.solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]  # not annotated
        for option, value in (
            ("output_flag", False),
            ("threads", 1),
            ("primal_feasibility_tolerance", TOLERANCE),
            ("dual_feasibility_tolerance", TOLERANCE),
            ("mip_feasibility_tolerance", TOLERANCE),
            ("mip_rel_gap", MIP_GAP),
            ("mip_abs_gap", MIP_GAP),
            ("mip_max_nodes", MIP_NODES_MAX),
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
        """Return the loss and the energies sent (2 m,), or None if there is no solution.

        Raises WptError if HiGHS gives up.
        """
        status = self._run()
        if status == highspy.HighsModelStatus.kInfeasible:
            return None
        if status != highspy.HighsModelStatus.kOptimal:
            why = self.solver.modelStatusToString(status)
            raise WptError(f"HiGHS gave up ({why}): plan fewer agents or a longer cycle at a time")
        sent = self.scale * np.asarray(self.solver.getSolution().col_value)[: 2 * self.contacts]
        return self.scale * float(self.solver.getInfo().objective_function_value), sent

    def _run(self) -> Any:
        """Solve; where a steep loss leaves it unclear whether that can be, in other ways."""
        self.solver.run()
        for option, value in _OTHER_WAYS:
            if self.solver.getModelStatus() == highspy.HighsModelStatus.kUnknown:
                self.solver.clearSolver()
                self.solver.setOptionValue(option, value)
                self.solver.run()
                self.solver.setOptionValue(option, "choose")
        return self.solver.getModelStatus()

    def two_way(self, sent: Floats) -> Ints:
        """List the contacts that carry energy both ways and lose some of it."""
        both = (self.beta > 0) * np.minimum(sent[: self.contacts], sent[self.contacts :])
        return np.flatnonzero(both > TWO_WAY_TOLERANCE * self.scale)

    def close(self, columns: Ints) -> None:
        """Forbid these directions."""
        for column in columns:
            self.solver.changeColBounds(int(column), 0.0, 0.0)

    def row(self, high: float, terms: dict[int, float]) -> None:
        """Add a row: the sum of value times column is at most `high`."""
        columns, values = list(terms), list(terms.values())
        self.solver.addRow(-np.inf, high, len(terms), np.array(columns), np.array(values))

    def level(self, node: int) -> int:
        """Return the column of the level after this node's slot."""
        return 2 * self.contacts + node

    def choice(self, whole: bool = True) -> int:
        """Add a column from 0 to 1 without cost, binary if `whole`, and return its number."""
        column = int(self.solver.getNumCol())
        self.solver.addVar(0.0, 1.0)
        if whole:
            self.solver.changeColIntegrality(column, highspy.HighsVarType.kInteger)
        return column
