# SPDX-License-Identifier: MIT
"""LAL and LAY against the paper's programs on another code path and solver interface."""

from dataclasses import replace

import numpy as np
import pytest

from crowdcharge.planner import lal, lay, lyp, verify

from . import reference
from .random_problems import random_problem

DOUBLINGS = 1
BLOCK = 50
CI_BLOCKS = range(10)
LONG_BLOCKS = range(10, 60)


def seeds(block):
    return range(block * BLOCK, (block + 1) * BLOCK)


def check_lal(problem):
    """Check that the plan proves its time enough, and the program the time before not.

    (Feasible stays feasible: idle until later. So one time before stands for all.)
    """
    plan = lal(problem, DOUBLINGS)
    assert verify(problem.lossless(), plan).violations == ()
    before = problem.cycle << DOUBLINGS
    if plan.ok:
        before = reference.contact_time_before(problem, plan.time)
    if before is not None:
        assert reference.solve_lp(problem.lossless(), before) is None
    return plan.ok


def check_lay(problem):
    plan = lay(problem, DOUBLINGS)
    assert verify(problem, plan).violations == ()
    if not plan.ok:
        assert plan.reason
        assert reference.effective_loss(problem, problem.cycle << DOUBLINGS) is None
        return False
    assert plan.loss == pytest.approx(reference.effective_loss(problem, plan.time), abs=1e-6)
    assert plan.time >= problem.cycle
    if plan.time > problem.cycle:
        before = max(reference.contact_time_before(problem, plan.time), problem.cycle)
        assert reference.effective_loss(problem, before) is None
    return True


@pytest.mark.parametrize("block", CI_BLOCKS)
def test_lal_time_is_the_programs(block):
    answers = [check_lal(random_problem(seed)) for seed in seeds(block)]
    assert True in answers
    assert False in answers


@pytest.mark.parametrize("block", CI_BLOCKS)
def test_lay_time_and_loss_are_the_programs(block):
    answers = [check_lay(random_problem(seed, 5)) for seed in seeds(block)]
    assert True in answers
    assert False in answers


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("block", LONG_BLOCKS)
def test_both_campaign(block):
    for seed in seeds(block):
        check_lal(random_problem(seed))
        check_lay(random_problem(seed, 5))


@pytest.mark.parametrize("seed", range(30))
def test_lyp_of_a_horizon_is_the_linear_program(seed):
    problem = random_problem(seed, 5)
    plan = lyp(problem, problem.cycle)
    solved = reference.solve_lp(problem, problem.cycle)
    if solved is None:
        assert plan.status == "unreachable"
    elif plan.status == "ineffective":
        assert plan.loss == pytest.approx(solved[0], abs=1e-6)
        assert any("both ways" in text for text in verify_as_ok(problem, plan))
    else:
        assert plan.loss >= solved[0] - 1e-6


def verify_as_ok(problem, plan):
    return verify(problem, replace(plan, status="ok")).violations


def test_random_problems_reach_every_answer():
    """The sample is worth something only if all cases are in it."""
    seen = set()
    for seed in range(100):
        problem = random_problem(seed, 5)
        plan = lyp(problem, problem.cycle)
        seen.add((plan.status, isinstance(problem.beta, np.ndarray), problem.limit is not None))
    assert {status for status, *_ in seen} == {"ok", "ineffective", "unreachable"}
    assert {by_contact for _, by_contact, _ in seen} == {True, False}
