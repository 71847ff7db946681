# SPDX-License-Identifier: MIT
"""Owners bound what policies decide, and each decision says why."""

from dataclasses import dataclass
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdcharge.errors import WptError
from crowdcharge.policy import ObliviousShare
from crowdcharge.policy.base import Encounter, Offer
from crowdcharge.policy.consent import decided, grants_a_wish

BOUNDS_J = st.one_of(st.just(inf), st.floats(0, 200))


@dataclass
class View:
    energy_J: float
    gives_J: float = inf
    wants_J: float = inf
    capacity_J: float = 100.0
    coil_C: float = 25.0


class Foolish:
    """A policy that answers whatever it is told to, and raises what is an error."""

    name = "foolish"

    def __init__(self, answer):
        self.answer = answer

    def decide(self, *_facts):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [
        TypeError("argument of type 'int' is not iterable"),
        KeyError(3),
        RecursionError(),
        Offer(1, 3, 5.0),
    ]
    + [Offer(1, 2, energy_J) for energy_J in (nan, inf, -inf)],
)
def test_a_policy_that_fails_is_trouble_and_no_end_of_the_run(answer):
    with pytest.raises(WptError, match=r"policy foolish (failed|offers)"):
        decided(Foolish(answer), Encounter(1, 2), {1: View(80.0), 2: View(20.0)}, 0.0, None)


def decide(a, b, **takes_J):
    rng = np.random.default_rng(0)
    return decided(ObliviousShare(), Encounter(1, 2), {1: a, 2: b}, 0.0, rng, **takes_J)


@pytest.mark.parametrize(
    ("a", "b", "energy_J", "says"),
    [
        (View(80.0), View(20.0), 30.0, "lets board 1 give to board 2"),
        (View(80.0, gives_J=5.0), View(20.0), 5.0, "board 1 may give"),
        (View(80.0), View(20.0, wants_J=7.0), 7.0, "board 2 wants"),
        (View(80.0, gives_J=5.0), View(20.0, wants_J=7.0), 5.0, "board 1 may give"),
        (View(80.0, gives_J=0.0), View(20.0), None, "owner of board 1"),
        (View(80.0), View(20.0, wants_J=0.0), None, "owner of board 2"),
        (View(80.0, wants_J=0.0), View(20.0, gives_J=0.0), 30.0, "lets board 1"),
        (View(50.0), View(50.0), None, "policy wants nothing"),
    ],
)
def test_the_owners_bound_a_decision_and_it_says_so(a, b, energy_J, says):
    decision = decide(a, b)
    assert (None if decision.offer is None else decision.offer.energy_J) == energy_J
    assert says in decision.reason


@given(BOUNDS_J, BOUNDS_J, st.floats(0, 100), st.floats(0, 100))
def test_no_decision_exceeds_what_is_given_or_wanted(gives_J, wants_J, a_J, b_J):
    views = {1: View(a_J, gives_J, wants_J), 2: View(b_J, gives_J, wants_J)}
    free = decide(View(a_J), View(b_J)).offer
    offer = decide(views[1], views[2]).offer
    expected_J = 0.0 if free is None else min(free.energy_J, gives_J, wants_J)
    assert (0.0 if offer is None else offer.energy_J) == expected_J
    assert offer is None or isinstance(offer, Offer)


@pytest.mark.parametrize(
    ("takes_J", "energy_J", "says"),
    [
        ({2: 3.0}, 3.0, "Bounded by the credit of board 2."),
        ({2: 0.0}, None, "Board 2 has taken all that its credit allows."),
        ({1: 0.0}, 7.0, "board 2 wants"),  # who gives needs no credit
        ({2: 9.0}, 7.0, "board 2 wants"),
    ],
)
def test_what_a_crowd_lets_a_board_take_bounds_every_policy(takes_J, energy_J, says):
    decision = decide(View(80.0), View(20.0, wants_J=7.0), takes_J=takes_J)
    assert (None if decision.offer is None else decision.offer.energy_J) == energy_J
    assert says in decision.reason


def test_a_wish_can_be_met_by_one_who_gives():
    views = {1: View(80.0), 2: View(20.0, wants_J=5.0), 3: View(80.0, gives_J=0.0), 4: View(50.0)}
    assert grants_a_wish((1, 2), views) and grants_a_wish((2, 1), views)
    assert not grants_a_wish((2, 3), views)
    assert not grants_a_wish((1, 4), views)  # nobody has said what he wants
    assert not grants_a_wish((2, 9), views)
