# SPDX-License-Identifier: MIT
"""verify names what is wrong with a plan, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from crowdcharge.planner import Plan, lal, lay, verify


def with_transfers(plan, transfers):
    return replace(plan, transfers=tuple(transfers))


def test_a_good_plan_has_no_violation(fig3):
    found = verify(fig3, lay(fig3))
    assert found
    assert found.loss == pytest.approx(16.8888888889)
    assert found.final == pytest.approx(lay(fig3).final)


@pytest.mark.parametrize(
    ("transfer", "text"),
    [
        ((10, 0, 2, 1.0), "slot 10: 0 and 2 do not meet"),
        ((0, 0, 2, 1.0), "slot 0: 0 and 2 do not meet"),
        ((9, 0, 2, 30.0), "slot 9: agent 2 is at 114, out of bounds"),
        ((42, 1, 3, 1.0), "slot 42: 1 and 3 send both ways"),
        ((9, 0, 2, -1.0), "slot 9: 0 sends -1 to 2, limit inf"),
    ],
)
def test_an_added_transfer_is_found_out(fig3, transfer, text):
    plan = lay(fig3)
    spoiled = with_transfers(plan, sorted((*plan.transfers, transfer)))
    assert text in verify(fig3, spoiled).violations


def test_a_left_out_transfer_misses_the_target(fig3):
    plan = lay(fig3)
    found = verify(fig3, with_transfers(plan, plan.transfers[:-1]))
    assert any(text.startswith("the end: agent 0 has 90") for text in found.violations)


def test_false_statements_are_found_out(fig3):
    plan = lay(fig3)
    assert "the loss is 16.8889, not 1.0" in verify(fig3, replace(plan, loss=1.0)).violations
    assert "transfers go on to slot 59, time 50" in verify(fig3, replace(plan, time=50)).violations
    stated = verify(fig3, replace(plan, final=np.full(4, 72.0)))
    assert stated.violations == ("the stated final levels are not those of the transfers",)


def test_a_limit_is_checked(fig3):
    limited = replace(fig3, limit=30.0)
    assert any("limit 30" in text for text in verify(limited, lay(fig3)).violations)


def test_a_lossless_plan_fails_where_energy_is_lost(fig3):
    assert not verify(fig3, lal(fig3))
    assert verify(fig3.lossless(), lal(fig3))


def test_unreachable_plans_move_nothing(fig3):
    assert verify(fig3, Plan("unreachable"))
    assert not verify(fig3, Plan("unreachable", transfers=((9, 0, 2, 1.0),)))
