# SPDX-License-Identifier: MIT
"""P_OS, P_ST, P_OA by hand, their weights, and what every policy of the table promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.errors import InputError
from crowdcharge.policy import POLICIES, Offer, make
from crowdcharge.policy.pairwise import share_J


def test_oblivious_share_moves_half_of_the_difference(crowd):
    assert crowd([80, 20]).meet(make("oblivious-share"), 1, 0) == Offer(0, 1, 30)
    assert crowd([50, 50]).meet(make("oblivious-share"), 0, 1) is None


def test_small_transfer_stops_at_half_of_the_difference(crowd):
    policy = make("small-transfer", quantum_J=5)
    assert crowd([80, 20]).meet(policy, 0, 1) == Offer(0, 1, 5)
    assert crowd([20, 26]).meet(policy, 0, 1) == Offer(1, 0, 3)


def test_online_average_waits_for_the_other_side_of_the_average(crowd):
    policy, people = make("online-average"), crowd([30, 10, 20, 25])
    assert people.meet(policy, 0, 1) == Offer(0, 1, 10)  # first meeting: 30 > 20 >= 10
    people.views[0].energy_J = 30
    assert people.meet(policy, 0, 2) == Offer(0, 2, 5)
    # 0: (30 + 10 + 20 + 26) / 4 = 21.5 < 25; 3 has (26 + 25) / 2 = 25.5 < 26: both above.
    people.views[3].energy_J = 26
    assert people.meet(policy, 0, 3) is None


def test_online_average_counts_a_meeting_once(crowd):
    policy, people = make("online-average"), crowd([10, 20])
    for _ in range(3):
        people.meet(policy, 0, 1)
    assert [policy.keeps[agent].met for agent in (0, 1)] == [4, 4]


def test_who_will_need_more_gets_more(crowd):
    policy = make("expected-share", use_W={"1": 0.01}, horizon_s=2000)
    assert crowd([50, 50]).meet(policy, 0, 1) == Offer(0, 1, 10)
    assert crowd([50, 70]).meet(policy, 0, 1) is None


def test_weights_by_capacity_balance_the_state_of_charge(crowd):
    people = crowd([900, 20])
    people.views[0].capacity_J, people.views[1].capacity_J = 1000, 100
    people.meet(make("oblivious-share", weights="capacity"), 0, 1)
    assert people.energies / [1000, 100] == pytest.approx([920 / 1100] * 2)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    energies=st.lists(st.floats(0, 1e6), min_size=2, max_size=2),
    weights=st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=2),
)
def test_lossless_weighted_share_gives_each_its_part(energies, weights):
    sent = share_J(*energies, *weights)
    after = energies[0] - sent
    expected = sum(energies) * weights[0] / sum(weights)
    assert after == pytest.approx(expected, rel=1e-9, abs=1e-6)


OPTIONS = {
    "social-gate": {"friends": [[a, b] for a in range(12) for b in range(a)]},
    "uav-hub": {"hub": 0, "stops": [[3, 5.0], [4, 2.0]]},
    "mobility-social": {"window_s": 40.0},
    "plan": {"cycle": [[[a, b] for a in range(12) for b in range(a)]], "slot_s": 1.0},
    "ageing-aware-soc": {"horizon_s": 1e7},
    "ageing-aware-depth": {"horizon_s": 1e7, "hold_s": 5.0},
    "ageing-aware-measured": {"horizon_s": 1e7},
}


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_every_policy_conserves_energy_and_respects_capacity(crowd, name, beta):
    start = np.random.default_rng(4).uniform(10, 100, 12)
    people = crowd(start, beta, capacity=100.0, seed=9)
    policy = make(name, **OPTIONS.get(name, {}))
    people.mingle(policy, 600, step_s=1.0)
    assert policy.name == name
    assert people.sent_J > 0
    assert people.energies.sum() + beta * people.sent_J == pytest.approx(start.sum())
    assert people.energies.min() >= 0
    assert people.energies.max() <= 100 + 1e-9


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("nope", {}, "known: ageing-aware-depth, .*uav-hub"),
        ("online-average", {"speed": 1}, "has no option speed; known: weights"),
        ("online-average", {"weights": {"x": 1}}, "'x' is not an agent's number"),
        ("small-transfer", {"quantum_J": "2"}, "quantum_J must be a number, not '2'"),
        ("uav-hub", {}, "policy uav-hub needs hub"),
        ("uav-hub", {"hub": 1.5}, "hub must be a whole number"),
        ("social-gate", {}, "policy social-gate needs friends"),
        ("social-gate", {"friends": 3}, "policy social-gate: "),
        ("online-average", {"weights": "mass"}, "not 'mass'"),
        ("online-average", {"weights": 1}, "not 1"),
        ("online-average", {"weights": {3: 0}}, "weight of agent 3"),
        ("small-transfer", {"quantum_J": 0}, "quantum_J must be positive"),
        ("loss-aware", {"beta": 1}, "beta must be"),
        ("star", {"knowledge": 3}, "knowledge must be 0, 1 or 2"),
        ("tree", {"arity": 1}, "arity must be at least 2"),
        ("social-gate", {"friends": [[1, 1]]}, "two different agents"),
    ],
)
def test_wrong_options_are_named(name, options, said):
    with pytest.raises(InputError, match=said):
        make(name, **options)


def test_weights_of_a_file_have_text_for_keys(crowd):
    people = crowd([90, 30])
    people.meet(make("oblivious-share", weights={"0": 1, "1": 2}), 0, 1)
    assert people.energies == pytest.approx([40, 80])


def test_a_missing_weight_names_the_agent(crowd):
    with pytest.raises(InputError, match="agent 1 has no weight"):
        crowd([1, 2]).meet(make("oblivious-share", weights={0: 1.0}), 0, 1)
