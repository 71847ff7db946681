# SPDX-License-Identifier: MIT
"""The paper's example (Fig. 3, Tables II to V) and what its contradictions do to it."""

from dataclasses import replace

import numpy as np
import pytest

from crowdcharge.planner import PaperReading, Plan, lal, lay, lyp, verify

from .random_problems import random_problem

PRINTED_TABLE3 = ((9, 2, 0, 8.0), (20, 3, 2, 18.0), (37, 2, 1, 54.0), (59, 0, 2, 26.0))


def test_table_3_lal(fig3):
    plan = lal(fig3)
    assert (plan.status, plan.time, plan.loss) == ("ok", 59, 0.0)
    assert plan.final == pytest.approx([72.0] * 4)
    assert verify(fig3.lossless(), plan)


def test_table_3_as_printed_is_a_valid_plan(fig3):
    assert verify(fig3.lossless(), Plan("ok", 59, 0.0, PRINTED_TABLE3, np.full(4, 72.0)))


def test_table_4_one_cycle_is_ineffective(fig3):
    plan = lyp(fig3, 50)
    assert plan.status == "ineffective"
    assert plan.loss == pytest.approx(26.4615384615)
    assert plan.final == pytest.approx([65.3846153846] * 4)
    assert [sent for *_, sent in plan.transfers] == pytest.approx(
        [46.153846, 26.923077, 34.615385, 24.615385], abs=1e-5
    )


def test_table_5_lay(fig3):
    plan = lay(fig3)
    assert (plan.status, plan.time) == ("ok", 59)
    assert plan.loss == pytest.approx(16.8888888889)
    assert plan.final == pytest.approx([67.7777777778] * 4)
    assert verify(fig3, plan)


@pytest.mark.parametrize("horizon", [59, 70, 87, 92, 100])
def test_more_time_does_not_lose_less(fig3, horizon):
    assert lyp(fig3, horizon).loss == pytest.approx(16.8888888889)


@pytest.mark.parametrize("method", [lal, lay])
@pytest.mark.parametrize("growth", ["doubled", "proportional"])
def test_growing_e_min_as_printed_has_no_plan(fig3, method, growth):
    plan = method(fig3, reading=PaperReading(growth))
    assert plan.status == "unreachable"


@pytest.mark.parametrize("method", [lal, lay])
@pytest.mark.parametrize("growth", ["fixed", "doubled", "proportional"])
def test_bounds_from_the_first_contact_give_59_in_every_growth(fig3, method, growth):
    reading = PaperReading(growth, "first_contact")
    plan = method(fig3, reading=reading)
    assert plan.time == 59
    factor = {"fixed": 1.0, "doubled": 2.0, "proportional": 59 / 50}[growth]
    tightened = replace(fig3, e_min=fig3.e_min * factor, beta=0.0 if method is lal else 0.2)
    assert verify(tightened, plan, reading)


def test_one_doubling_fewer_than_needed_is_unreachable(fig3):
    assert lal(fig3, max_doublings=0).status == "unreachable"
    assert lay(fig3, max_doublings=0).status == "unreachable"
    assert lay(fig3, max_doublings=1).time == 59


def test_a_start_out_of_bounds_is_unreachable_and_says_so(fig3):
    started_low = replace(fig3, e0=[90, 8, 90, 90])
    for method in (lal, lay):
        assert method(started_low).reason == "agent 1 starts at 8, outside 10..100"


def test_already_there(fig3):
    even = replace(fig3, e0=[50, 50, 50, 50])
    assert (lal(even).time, lal(even).transfers) == (0, ())
    assert (lay(even).time, lay(even).loss, lay(even).transfers) == (50, 0.0, ())


def test_a_limit_stretches_the_plan(fig3):
    limited = replace(fig3, limit=[30, 30, 20, 30])
    plan = lal(limited)
    assert plan.time > 59
    assert verify(limited.lossless(), plan)
    lossy = lay(limited)
    assert lossy.time > 59
    assert verify(limited, lossy)


def test_burning_can_be_refused():
    """Where a short horizon is only even after burning, refusing takes longer and loses less."""
    told_apart = 0
    for seed in range(200):
        problem = random_problem(seed, 5, connected=1.0)
        if not isinstance(problem.beta, float):
            continue
        accepted = lay(problem)
        refused = lay(problem, reading=PaperReading(burning="refused"))
        assert verify(problem, refused)
        if refused.ok and (refused.time, refused.loss) != (accepted.time, accepted.loss):
            assert refused.time >= accepted.time
            told_apart += refused.loss < accepted.loss - 1e-6
    assert told_apart > 0
