# SPDX-License-Identifier: MIT
"""The least loss of an effective plan where a linear program would burn energy.

The paper calls a plan effective if no contact carries energy both ways. A linear program sends
both ways to burn what a horizon is too short to distribute. Whether the optimum that a solver
happens to return is effective is an accident of its path; the question here is whether an
effective plan exists. Three steps, each only if the one before leaves it open: the linear
program, the same with inequalities that every effective plan keeps, and a binary direction for
every contact.
"""

import numpy as np

from crowdcharge.errors import WptError
from crowdcharge.planner.lp import Model
from crowdcharge.planner.problem import Floats, Problem


def least_loss(problem: Problem, horizon: int) -> Floats | None:
    """Find the energies (m,) of the effective plan of least loss; None if there is none.

    m counts the contacts of the whole horizon; an energy > 0 goes from the contact's first agent
    to its second. Raises WptError if the numbers are too far from 1 for the solver.
    """
    model = Model(problem, horizon)
    for tighten in (None, _cut, choose_directions):
        if tighten is not None:
            tighten(model)
        solved = model.solve()
        if solved is None:
            return None
        there, back = solved[1].reshape(2, -1)
        if not len(model.two_way(solved[1])):
            return np.asarray(there - back)
        if tighten is choose_directions:
            return _polish(problem, horizon, solved[1])
    raise AssertionError("the last step always returns")


def _cut(model: Model) -> None:
    """Add rows that keep the bounds for each direction by itself.

    The sender's level before the contact covers what it sends, and the receiver has room for it.
    This holds where both agents have only this contact in the slot.
    """
    touched = np.diff(model.net.start)
    m, problem, agent = model.contacts, model.problem, model.net.agent
    for c, (a, b) in enumerate(model.net.ends):
        if touched[a] > 1 or touched[b] > 1:
            continue
        model.row(_most(model, c), {c: 1.0, m + c: 1.0})
        keep = 1.0 - model.beta[c]
        for column, ptx, prx in ((c, a, b), (m + c, b, a)):
            _bound(model, {column: 1.0}, ptx, -1.0, -problem.e_min[agent[ptx]])
            _bound(model, {column: keep}, prx, 1.0, problem.e_max[agent[prx]])


def _bound(model: Model, terms: dict[int, float], node: int, sign: float, high: float) -> None:
    """Add the row `terms` + `sign` * (level before `node`) <= `high`."""
    agent = model.net.agent[node]
    if node > model.net.first[agent]:
        model.row(high, {**terms, model.level(node - 1): sign})
    elif (right := high - sign * model.problem.e0[agent]) >= 0:  # else it starts out of bounds
        model.row(right, terms)


def _most(model: Model, contact: int) -> float:
    """Bound what an effective plan can send in this contact, either way.

    A contact that shares its agents' slot with others can be part of a ring; what a ring burns
    comes out of the levels of all agents.
    """
    ends, problem = model.net.ends[contact], model.problem
    if (np.diff(model.net.start)[ends] == 1).all():
        return most_alone(model, contact)
    highest = np.maximum(problem.e0, problem.e_max)
    most = float(highest.sum()) / float(model.beta[model.beta > 0].min())
    return min(float(model.net.limit[contact]), most)


def most_alone(model: Model, contact: int) -> float:
    """Bound what a contact sends, either way, whose two agents have no other in its slot."""
    problem = model.problem
    room = np.maximum(problem.e0, problem.e_max) - problem.e_min
    most = float(room[model.net.agent[model.net.ends[contact]]].max())
    return min(float(model.net.limit[contact]), most)


def choose_directions(model: Model) -> None:
    """Add one binary for each contact: 1 allows the first direction, 0 the second."""
    m = model.contacts
    for c in np.flatnonzero(model.beta > 0):
        most = _most(model, int(c))
        binary = model.choice()
        model.row(0.0, {int(c): 1.0, binary: -most})
        model.row(most, {m + int(c): 1.0, binary: most})


def _polish(problem: Problem, horizon: int, sent: Floats) -> Floats:
    """Solve again with the directions of `sent` fixed, free of the binaries' tolerance."""
    there, back = sent.reshape(2, -1)
    m = len(there)
    model = Model(problem, horizon)
    model.close(np.where(there < back, 0, m) + np.arange(m))
    solved = model.solve()
    if solved is None:
        raise WptError(f"no reliable answer at horizon {horizon}: scale the energies nearer to 1")
    return np.asarray(solved[1][:m] - solved[1][m:])
