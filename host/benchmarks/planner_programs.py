# SPDX-License-Identifier: MIT
"""The paper's linear programs as arrays, and two solvers for them: HiGHS and lp_solve 5.5.

Staged form: a level variable after each slot in which an agent has contacts. This is the form
that suits both solvers best of those that follow the paper (eq. 5 and 9); a row for every agent
and slot, as printed, costs them several times more.
"""

import ctypes
import ctypes.util
from dataclasses import dataclass

import highspy
import numpy as np

from crowdcharge.planner import Problem
from crowdcharge.planner.network import build_network

LPSOLVE_PATHS = ("liblpsolve55.so", "/usr/lib/lp_solve/liblpsolve55.so")
EQUAL = 3
OPTIMAL, INFEASIBLE = 0, 2


@dataclass(frozen=True)
class Program:
    """min cost x, A x = right, low <= x <= high; A by columns."""

    cost: np.ndarray
    low: np.ndarray
    high: np.ndarray
    right: np.ndarray
    start: np.ndarray
    index: np.ndarray
    value: np.ndarray
    slot: np.ndarray  # of the contacts


def program(problem: Problem, horizon: int, lossy: bool) -> Program:
    net = build_network(problem.contacts, problem.contact_limit, problem.cycle, horizon, problem.n)
    m, nodes, n = len(net.slot), len(net.agent), problem.n
    beta = float(problem.beta) if lossy else 0.0
    first, last, inner = net.first[:-1], net.first[1:] - 1, np.ones(nodes, bool)
    inner[first] = False
    inner = np.flatnonzero(inner)
    a, b, c = net.ends[:, 0], net.ends[:, 1], np.arange(m)
    entries = [
        (a, c, np.ones(m)),
        (b, c, np.full(m, beta - 1)),
        (b, m + c, np.ones(m)),
        (a, m + c, np.full(m, beta - 1)),
        (np.arange(nodes), 2 * m + np.arange(nodes), np.ones(nodes)),
        (inner, 2 * m + inner - 1, -np.ones(len(inner))),
    ]
    low, high = problem.e_min[net.agent].copy(), problem.e_max[net.agent].copy()
    right = np.zeros(nodes)
    right[first] = problem.e0
    cost = np.concatenate([np.full(2 * m, beta), np.zeros(nodes)])
    if lossy:
        rows, total = nodes + np.arange(n), np.full(n, 2 * m + nodes)
        entries += [(rows, 2 * m + last, np.ones(n)), (rows, total, -problem.shares)]
        right = np.concatenate([right, np.zeros(n)])
        cost, low, high = np.append(cost, 0.0), np.append(low, 0.0), np.append(high, np.inf)
    else:
        low[last] = high[last] = problem.shares * problem.e0.sum()
    row, column, value = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    order = np.argsort(column, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(column, minlength=len(cost)))])
    return Program(
        cost,
        np.concatenate([np.zeros(2 * m), low]),
        np.concatenate([np.full(2 * m, np.inf), high]),
        right,
        start.astype(np.int32),
        row[order].astype(np.int32),
        value[order],
        net.slot,
    )


class HighsSolver:
    """One core, `method` "simplex" or "ipm"."""

    def __init__(self, lp: Program, method: str = "simplex") -> None:
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = len(lp.cost), len(lp.right)
        model.col_cost_, model.col_lower_, model.col_upper_ = lp.cost, lp.low, lp.high
        model.row_lower_ = model.row_upper_ = lp.right
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_ = lp.start
        model.a_matrix_.index_, model.a_matrix_.value_ = lp.index, lp.value
        self.solver = highspy.Highs()
        self.solver.setOptionValue("output_flag", False)
        self.solver.setOptionValue("threads", 1)
        self.solver.setOptionValue("solver", method)
        self.model = model

    def solve(self) -> bool:
        self.solver.passModel(self.model)
        self.solver.run()
        return self.solver.getModelStatus() == highspy.HighsModelStatus.kOptimal

    def loss(self) -> float:
        return float(self.solver.getInfo().objective_function_value)

    def values(self) -> np.ndarray:
        return np.asarray(self.solver.getSolution().col_value)

    def close(self) -> None:
        self.solver.clear()


class LpSolver:
    """lp_solve 5.5 through its C library, with its default settings."""

    library: ctypes.CDLL | None = None

    @classmethod
    def load(cls) -> bool:
        for path in LPSOLVE_PATHS:
            try:
                cls.library = ctypes.CDLL(path)
            except OSError:
                continue
            cls.library.make_lp.restype = ctypes.c_void_p
            cls.library.get_objective.restype = ctypes.c_double
            return True
        return False

    def __init__(self, lp: Program) -> None:
        assert self.library is not None
        lib, self.count = self.library, len(lp.cost)
        self.lp = ctypes.c_void_p(lib.make_lp(len(lp.right), 0))
        lib.set_verbose(self.lp, 1)
        start, index, value = lp.start.tolist(), lp.index.tolist(), lp.value.tolist()
        for column, cost in enumerate(lp.cost.tolist()):
            rows = [0, *(row + 1 for row in index[start[column] : start[column + 1]])]
            values = [cost, *value[start[column] : start[column + 1]]]
            lib.add_columnex(
                self.lp,
                len(rows),
                (ctypes.c_double * len(rows))(*values),
                (ctypes.c_int * len(rows))(*rows),
            )
        infinite = 1e30
        for column, (low, high) in enumerate(zip(lp.low.tolist(), lp.high.tolist(), strict=True)):
            lib.set_bounds(
                self.lp,
                column + 1,
                ctypes.c_double(low),
                ctypes.c_double(min(high, infinite)),
            )
        for row, right in enumerate(lp.right.tolist()):
            lib.set_constr_type(self.lp, row + 1, EQUAL)
            lib.set_rh(self.lp, row + 1, ctypes.c_double(right))

    def solve(self) -> bool:
        assert self.library is not None
        status = self.library.solve(self.lp)
        assert status in (OPTIMAL, INFEASIBLE), f"lp_solve returned {status}"
        return status == OPTIMAL

    def loss(self) -> float:
        assert self.library is not None
        return float(self.library.get_objective(self.lp))

    def values(self) -> np.ndarray:
        assert self.library is not None
        values = (ctypes.c_double * self.count)()
        self.library.get_variables(self.lp, values)
        return np.frombuffer(values).copy()

    def close(self) -> None:
        assert self.library is not None
        self.library.delete_lp(self.lp)
