# SPDX-License-Identifier: MIT
"""Independent answers: the paper's linear programs, written down as printed, on scipy's HiGHS.

Cumulative form (eq. 4 and 7 substituted, a row for every agent and slot with contacts); shares
no code with the planners.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array


@dataclass(frozen=True)
class Program:
    """min cost x, low <= rows x <= high, x >= 0; x is sent i->j, then j->i, by contact; then S."""

    rows: csr_array
    low: np.ndarray
    high: np.ndarray
    cost: np.ndarray
    limit: np.ndarray


def unrolled(problem, horizon):
    """(i, j, absolute slot, loss, limit) of every contact up to the horizon, as loops would."""
    beta = np.broadcast_to(problem.beta, len(problem.contacts))
    limit = np.broadcast_to(
        np.inf if problem.limit is None else problem.limit, len(problem.contacts)
    )
    found = []
    for cycle in range(horizon // problem.cycle + 1):
        for (i, j, t), lost, most in zip(problem.contacts, beta, limit, strict=True):
            if cycle * problem.cycle + t <= horizon:
                found.append((int(i), int(j), int(cycle * problem.cycle + t), lost, most))
    return found


def program(problem, horizon):
    contacts = unrolled(problem, horizon)
    m, n = len(contacts), len(problem.e0)
    change = np.zeros((n, 2 * m + 1))
    rows, low, high = [], [], []
    slots = sorted({t for _, _, t, _, _ in contacts})
    for slot in slots:
        for c, (i, j, t, lost, _) in enumerate(contacts):
            if t == slot:
                change[i, c] -= 1
                change[j, c] += 1 - lost
                change[j, m + c] -= 1
                change[i, m + c] += 1 - lost
        rows.append(change.copy())
        low.append(problem.e_min - problem.e0)
        high.append(problem.e_max - problem.e0)
    end = change.copy()
    end[:, 2 * m] = -problem.shares
    rows.append(end)
    low.append(-problem.e0)
    high.append(-problem.e0)
    lost = np.array([loss for *_, loss, _ in contacts])
    return Program(
        csr_array(np.concatenate(rows)),
        np.concatenate(low),
        np.concatenate(high),
        np.concatenate([lost, lost, [0.0]]),
        np.array([most for *_, most in contacts]),
    )


def solve_lp(problem, horizon):
    """(loss, sent i->j, sent j->i) of the linear program, or None."""
    lp = program(problem, horizon)
    equal = lp.low == lp.high
    both = np.concatenate([lp.limit, lp.limit, [np.inf]])
    rows = lp.rows
    solve = partial(
        linprog,
        lp.cost,
        A_ub=np.concatenate([rows[~equal].toarray(), -rows[~equal].toarray()]),
        b_ub=np.concatenate([lp.high[~equal], -lp.low[~equal]]),
        A_eq=rows[equal].toarray(),
        b_eq=lp.high[equal],
        bounds=np.column_stack([np.zeros(len(both)), both]),
        options={"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9},
    )
    # The simplex of HiGHS finds no word for some programs with a loss near 1.
    solved = solve(method="highs")
    if solved.status not in (0, 2):
        solved = solve(method="highs-ipm")
    assert solved.status in (0, 2), solved.message
    if solved.status == 2:
        return None
    m = len(lp.limit)
    return float(solved.fun), solved.x[:m], solved.x[m : 2 * m]


def solve_milp(problem, horizon):
    """Least loss of a plan without two-way contacts (a binary for each), or None."""
    lp = program(problem, horizon)
    m = len(lp.limit)
    if m == 0:
        return 0.0 if np.allclose(problem.e0, problem.shares * problem.e0.sum()) else None
    # Alone in its slot a contact moves at most the room; a slot's ring moves at most what all
    # agents together can burn in it.
    most = problem.n * problem.e_max.max() / max(np.min(problem.beta), 1e-3)
    big = np.minimum(lp.limit, most)
    one = np.eye(m)
    zero = np.zeros((m, m))
    none = np.zeros((m, 1))
    both = np.block([[one, zero, none, -np.diag(big)], [zero, one, none, np.diag(big)]])
    solved = milp(
        np.concatenate([lp.cost, np.zeros(m)]),
        integrality=np.concatenate([np.zeros(2 * m + 1), np.ones(m)]),
        bounds=Bounds(np.zeros(3 * m + 1), np.concatenate([big, big, [np.inf], np.ones(m)])),
        constraints=[
            LinearConstraint(
                np.hstack([lp.rows.toarray(), np.zeros((len(lp.low), m))]), lp.low, lp.high
            ),
            LinearConstraint(both, -np.inf, np.concatenate([np.zeros(m), big])),
        ],
        options={"mip_rel_gap": 0.0},
    )
    assert solved.status in (0, 2), solved.message
    return None if solved.status == 2 else float(solved.fun)


def contact_time_before(problem, time):
    """Return the last time kC + t with a contact before `time`, or None."""
    return max((t for _, _, t, _, _ in unrolled(problem, time - 1)), default=None)


def effective_loss(problem, horizon):
    """Return the least loss without two-way contacts: by the LP if its vertex is so, or MILP."""
    solved = solve_lp(problem, horizon)
    if solved is None:
        return None
    loss, there, back = solved
    if np.all(np.minimum(there, back) < 1e-9 * problem.e_max.max()):
        return loss
    return solve_milp(problem, horizon)
