# SPDX-License-Identifier: MIT
"""What pads are worth: plans with groups against plans in which a board has one partner a slot.

`lal` and `lay` take the contacts of a slot as simultaneous, so a board may give to several, and
pass on what it gets, within one slot. Without pads each board chooses one contact a slot. That
choice is a binary for each contact whose boards have others in its slot. Where there are too many
of them, each may be a fraction: the boards then divide the slot, and the answer is a bound.
"""

from dataclasses import dataclass

import numpy as np

from crowdcharge.planner.effective import choose_directions, most_alone
from crowdcharge.planner.lal import lal
from crowdcharge.planner.lay import lay
from crowdcharge.planner.lp import Model
from crowdcharge.planner.problem import Problem
from crowdcharge.planner.reading import Stage
from crowdcharge.planner.timed import contact_times

CHOICES_MAX = 60  # of an exact answer, each a binary; more can take the solver minutes


@dataclass(frozen=True, slots=True)
class Worth:
    """The least time (lal) or the least loss (lay) with groups and without; None: no plan.

    `exact` False: `pairs` is a lower bound, so the pads save at least the difference.
    """

    method: str
    groups: float | None
    pairs: float | None
    exact: bool


def worth(problem: Problem, method: str, max_doublings: int = 3) -> Worth:
    """Compare both for one problem. `method`: lal or lay, which say what is raised."""
    if method == "lal":
        time, exact = _least_time(problem.lossless(), max_doublings)
        return Worth(method, lal(problem, max_doublings).time, time, exact)
    loss, exact = _least_loss(problem, max_doublings)
    return Worth(method, lay(problem, max_doublings).loss, loss, exact)


def one_at_a_time(problem: Problem, horizon: int, exact: bool) -> float | None:
    """Return the least loss if each board has one partner a slot; None: there is no plan.

    Not `exact`: boards may divide a slot among partners, so this is a lower bound.
    """
    model = Model(problem, horizon)
    used = {contact: model.choice(whole=exact) for contact in _crowded(model)}
    for contact, column in used.items():
        most = most_alone(model, contact)
        model.row(0.0, {contact: 1.0, model.contacts + contact: 1.0, column: -most})
    start, touch = model.net.start, model.net.touch
    for node in np.flatnonzero(np.diff(start) > 1):
        model.row(
            1.0, {used[code >> 1]: 1.0 for code in touch[start[node] : start[node + 1]].tolist()}
        )
    if exact:
        choose_directions(model)
    solved = model.solve()
    return None if solved is None else solved[0]


def _crowded(model: Model) -> list[int]:
    """Return the contacts of which a board has others in the same slot."""
    alone = (np.diff(model.net.start)[model.net.ends] == 1).all(axis=1)
    return [int(contact) for contact in np.flatnonzero(~alone)]


def _is_small(problem: Problem, horizon: int) -> bool:
    return len(_crowded(Model(problem, horizon))) <= CHOICES_MAX


def _least_time(problem: Problem, max_doublings: int) -> tuple[int | None, bool]:
    """Bound the time from below by fractions; from there on, try each time exactly."""
    times = contact_times(problem, Stage(-1, problem.cycle << max_doublings, 1.0))
    low, high = 0, len(times)
    while low < high:  # a longer time can always wait
        middle = (low + high) // 2
        if one_at_a_time(problem, times[middle], exact=False) is None:
            low = middle + 1
        else:
            high = middle
    if low == len(times):
        return None, True
    for time in times[low:]:
        if not _is_small(problem, time):
            return times[low], False
        if one_at_a_time(problem, time, exact=True) is not None:
            return time, True
    return None, True


def _least_loss(problem: Problem, max_doublings: int) -> tuple[float | None, bool]:
    """Take the first of the horizons C, 2C, ... that has a plan, as `lay` does."""
    for doublings in range(max_doublings + 1):
        horizon = problem.cycle << doublings
        exact = _is_small(problem, horizon)
        loss = one_at_a_time(problem, horizon, exact)
        if loss is not None:
            return loss, exact
    return None, True
