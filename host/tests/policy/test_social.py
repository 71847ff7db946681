# SPDX-License-Identifier: MIT
"""Gate, weight and predicted meetings: who is allowed, how much, and who is waited for."""

import numpy as np
import pytest

from crowdcharge.errors import InputError
from crowdcharge.policy import Offer, make
from crowdcharge.policy.ageing_aware import pair_stress
from crowdcharge.policy.rule import Has, Keeps, Side
from crowdcharge.policy.social import tie_strength, ties_of


def test_gate_lets_only_friends_trade(crowd):
    policy, people = make("social-gate", friends=[[0, 1]]), crowd([80, 20, 20])
    assert people.meet(policy, 0, 2) is None
    assert people.meet(policy, 0, 1) == Offer(0, 1, 30)


def test_weight_scales_with_the_tie(crowd):
    policy = make("social-weight", friends=[[0, 1], [1, 2], [3, 4]], stranger=0.1)
    # Circles {0, 1} and {0, 1, 2}: 2 of 3 in common; strangers 0 and 3 have the least tie.
    assert crowd([80, 20]).meet(policy, 0, 1) == Offer(0, 1, pytest.approx(30 * 2 / 3))
    policy = make("social-weight", friends=[[0, 1], [1, 2], [3, 4]], stranger=0.1)
    assert crowd([80, 0, 0, 20]).meet(policy, 0, 3) == Offer(0, 3, pytest.approx(3))


def test_tie_strength_is_jaccard_of_closed_circles():
    ties = ties_of([(0, 1), (1, 2), (0, 2), (2, 3)])
    assert tie_strength(ties, 0, 1) == 1
    assert tie_strength(ties, 0, 3) == pytest.approx(1 / 4)
    assert tie_strength(ties, 8, 9) == 0


@pytest.mark.parametrize("pair", [[1, 2**32], [-1, 5], [49_170_123_456, 3]])
def test_friends_whose_numbers_do_not_fit_a_tie_are_refused(pair):
    with pytest.raises(InputError, match="numbers are from 0 to 4294967295"):
        make("social-gate", friends=[[0, 1], pair])


def test_prediction_prefers_the_likely_meeting(crowd):
    policy = make("mobility-social", window_s=100.0, beta=0.0)
    people = crowd([100, 100, 10], beta=0.0)
    quiet = crowd([0, 0, 0])  # the first window: meetings are learnt, nothing can move
    for k in range(5):
        quiet.meet(policy, 0, 2, 10.0 * k)
    quiet.meet(policy, 1, 2, 60.0)
    assert people.meet(policy, 1, 2, 110.0) is None  # 0 and 2 are waited for
    assert people.meet(policy, 0, 2, 120.0) == Offer(0, 2, pytest.approx(30))


def test_social_context_can_turn_the_choice(crowd):
    def choice(**options):
        policy = make("mobility-social", window_s=100.0, beta=0.0, **options)
        quiet, people = crowd([0, 0, 0]), crowd([100, 100, 10])
        for k, (a, b) in enumerate([(0, 2), (0, 2), (1, 2)]):
            quiet.meet(policy, a, b, 10.0 * k)
        return people.meet(policy, 1, 2, 110.0)

    assert choice() is None
    assert choice(groups=[[1, 2]], context=3.0) is not None
    assert choice(friends=[[1, 2]], tie=3.0) is not None


def test_ageing_aware_moves_only_what_lowers_ageing(crowd):
    rest = {"capacity": 100.0}
    policy = make("ageing-aware-soc", horizon_s=30 * 86_400.0)
    assert crowd([95, 15], 0.2, **rest).meet(policy, 0, 1) is not None
    short = make("ageing-aware-soc", horizon_s=3600.0)
    assert crowd([95, 15], 0.2, **rest).meet(short, 0, 1) is None  # an hour's rest is too little
    dear = make("ageing-aware-soc", horizon_s=30 * 86_400.0, price=1.0)
    assert crowd([95, 15], 0.2, **rest).meet(dear, 0, 1) is None  # what is lost costs too much


def test_ageing_aware_amount_is_the_best_of_a_fine_search(crowd):
    policy = make("ageing-aware-soc", horizon_s=30 * 86_400.0)
    people = crowd([95, 15], 0.2, capacity=100.0)
    one, other = (
        Side(agent, Has(view.energy_J, view.capacity_J, 1.0, view.coil_C), Keeps())
        for agent, view in people.views.items()
    )
    fine = [pair_stress(policy, one, other, x) for x in np.linspace(0, 40, 2001)]
    sent = people.meet(policy, 0, 1).energy_J
    assert pair_stress(policy, one, other, sent) <= min(fine) * 1.002


def test_ageing_aware_depth_holds_what_was_received(crowd):
    policy = make("ageing-aware-depth", horizon_s=3e7, hold_s=100.0)
    people = crowd([95, 15, 5], 0.2, capacity=100.0)
    assert people.meet(policy, 0, 1, 0.0) is not None
    people.views[1].energy_J = 90.0
    assert people.meet(policy, 1, 2, 50.0) is None
    assert people.meet(policy, 1, 2, 150.0) is not None
