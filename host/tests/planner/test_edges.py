# SPDX-License-Identifier: MIT
"""Starts and targets at bounds, ties, and losses near 0 and 1, against independent programs."""

from dataclasses import replace

import numpy as np
import pytest

from crowdcharge.planner import PaperReading, Problem, lal, lay, lyp, verify
from crowdcharge.planner.problem import TOLERANCE

from . import reference
from .edge_problems import edge_problem

DOUBLINGS = 1
BLOCK = 20
CI_BLOCKS = range(3)
LONG_BLOCKS = range(3, 100)


ROOM = 1e-8  # presolve of the programs takes a bound that is one rounding off for broken


def in_unit(problem):
    """Return the same problem with 100 as the greatest level: the tolerances are absolute."""
    unit = problem.e_max.max() / 100
    limit = None if problem.limit is None else problem.limit / unit
    bounds = {
        "e_min": np.maximum(problem.e_min / unit - ROOM, 0),
        "e_max": problem.e_max / unit + ROOM,
    }
    beta = problem.beta if np.max(problem.beta) > TOLERANCE else 0.0  # too small to burn anything
    return replace(problem, e0=problem.e0 / unit, limit=limit, beta=beta, **bounds), unit


def check(problem):
    small, unit = in_unit(problem)
    plan = lal(problem, DOUBLINGS)
    assert verify(problem.lossless(), plan).violations == ()
    before = problem.cycle << DOUBLINGS
    if plan.ok:
        before = reference.contact_time_before(small, plan.time)
    if before is not None:
        assert reference.solve_lp(small.lossless(), before) is None
    plan = lay(problem, DOUBLINGS)
    assert verify(problem, plan).violations == ()
    loss = reference.effective_loss(small, plan.time if plan.ok else problem.cycle << DOUBLINGS)
    assert (loss is not None) == plan.ok
    if plan.ok:
        accuracy = max(1e-8, 1e-12 / (1 - problem.contact_beta.max())) * 100  # docs: plan.md
        assert plan.loss / unit == pytest.approx(loss, abs=accuracy)


@pytest.mark.parametrize("block", CI_BLOCKS)
def test_edges_against_the_programs(block):
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        check(edge_problem(seed))


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("block", LONG_BLOCKS)
def test_edges_campaign(block):
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        check(edge_problem(seed))


def test_a_program_of_which_the_simplex_cannot_tell_is_answered():
    """One of 4,000 `own targets`: HiGHS says "Unknown", with presolve and without."""
    third = 1 / 30
    contacts = [[3, 4, 1], [1, 0, 1], [1, 0, 3], [2, 0, 3], [3, 2, 3], [3, 1, 4]]
    target = [
        0.24283825225833883, 0.16189216817222588, 0.1905391591388707, 0.24283825225833883,
        0.16189216817222588,
    ]  # fmt: skip
    e0 = [0.1, 0.07846340408354172, 0.06666666666666668, 0.1, 0.06666666666666668]
    problem = Problem(e0, contacts, 5, third, 0.1, 0.999, target)
    plan = lay(problem, DOUBLINGS)
    assert plan.time == 6
    assert plan.loss * 1000 == pytest.approx(reference.effective_loss(in_unit(problem)[0], 6))


def test_a_loss_below_the_tolerance_makes_no_target_at_a_bound_unreachable():
    """Agents 2 and 3 meet nobody and must end full: the others' loss may not ask them to lose."""
    e0, contacts = [100, 100, 100, 100, 100 / 3], [[1, 0, 1], [3, 2, 2], [2, 1, 4], [4, 0, 4]]
    target = np.array([3, 1, 3, 3, 3]) / 13
    problem = Problem(e0, contacts, 4, 100 / 3, 100, 1e-9, target)
    check(problem)
    assert lay(problem, DOUBLINGS).time == 5


def ring(n):
    return [(k, (k + 1) % n, 1 + k % 5) for k in range(n if n > 2 else 1)]


@pytest.mark.parametrize("level", [33.3, 0.1, 1e5 / 3, 7e-4])
def test_a_crowd_at_a_bound_is_planned_whatever_its_size(level):
    """The share of the total is a rounding off the bound at many sizes."""
    for n in range(2, 200):
        e0 = [level] * n
        for e_min, e_max in ((level, 3 * level), (0.0, level), (level, level)):
            problem = Problem(e0, ring(n), 5, e_min, e_max, 0.1)
            for plan in (lal(problem, 0), lay(problem, 0)):
                assert (plan.status, plan.transfers) == ("ok", ())


@pytest.mark.parametrize("off", [-0.9, 0.0, 0.9])
@pytest.mark.parametrize("bound", ["e_min", "e_max"])
def test_less_than_the_tolerance_is_nothing(bound, off):
    """Agent 0 starts at the bound, give or take; it also is the level that all shall reach."""
    off *= TOLERANCE * 100
    edge = 30.0 if bound == "e_min" else 100.0
    bounds = {"e_min": 30.0, "e_max": 100.0}
    problem = Problem([edge + off] * 3, [(0, 1, 1), (1, 2, 2)], 3, **bounds, beta=0.2)
    limited = replace(problem, limit=50.0)
    by_contact = replace(problem, beta=[0.1, 0.2])
    for each in (problem, limited, by_contact):
        for plan in (lal(each), lay(each), lyp(each, 3)):
            assert plan.ok
            assert verify(each, plan)


@pytest.mark.parametrize("bound", ["e_min", "e_max"])
def test_more_than_the_tolerance_is_out_of_bounds(bound):
    away = 100 * TOLERANCE * 100
    level = 30.0 - away if bound == "e_min" else 100.0 + away
    problem = Problem([level, 60.0], [(0, 1, 1)], 1, 30.0, 100.0, 0.2)
    for plan in (lal(problem), lay(problem), lyp(problem, 1)):
        assert plan.reason.startswith("agent 0 starts at")


def test_a_narrow_band_far_from_zero_is_planned():
    problem = Problem([99.99991, 99.9999, 99.99992], [(0, 1, 1), (1, 2, 2)], 3, 99.9999, 100.0)
    assert lal(problem).ok


def test_bounds_that_outgrow_the_batteries_are_unreachable_and_no_mistake():
    growing = PaperReading(e_min_growth="doubled", bounds_from="first_contact")
    problem = Problem([90, 10], [(0, 1, 1)], 2, 60.0, 100.0, 0.2)
    assert lay(problem, 3, growing).status == "unreachable"


FORMS = {
    "e0": [[90, 18, 90, 90]],
    "e_min": [10, [10, 5, 10, 10]],
    "e_max": [100, [100, 100, 120, 100]],
    "beta": [None, 0, 0.2, [0.2, 0.1, 0.2, 0.3], [0.2, 0.2, 0.2, 0.2], [0, 0, 0, 0]],
    "target": [None, [0.25, 0.25, 0.25, 0.25], [0.3, 0.2, 0.25, 0.25]],
    "limit": [None, 200, [200, 200, 150, 200], 1],
}
CONTACTS = [[0, 2, 9], [2, 3, 20], [1, 2, 37], [1, 3, 42]]
FORM_CASES = [(key, value) for key, values in FORMS.items() for value in values]


@pytest.mark.parametrize("method", [lal, lay])
@pytest.mark.parametrize(("key", "value"), FORM_CASES)
def test_every_documented_form_of_every_key_is_planned(method, key, value):
    document = {name: values[0] for name, values in FORMS.items()} | {
        "contacts": CONTACTS,
        "cycle": 50,
        key: value,
    }
    problem = Problem.from_json(document)
    plan = method(problem)
    assert plan.ok == (value != 1 or key != "limit")
    assert verify(problem.lossless() if method is lal else problem, plan)
    assert np.isfinite(plan.final).all()
