# SPDX-License-Identifier: MIT
"""A policy of one's own that fails, or offers what cannot be, is one line in simulations, too."""

from decimal import Decimal
from fractions import Fraction
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from crowdcharge.errors import WptError
from crowdcharge.policy import Encounter, Offer, offered
from crowdcharge.simulation.board import SimulatedBoard
from crowdcharge.simulation.contacts import Contact
from crowdcharge.simulation.engine import simulate
from crowdcharge.simulation.link import LinkModel
from crowdcharge.simulation.world import World


class Strange:
    name = "strange"

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def decide(self, *_: object) -> Any:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (RuntimeError("no idea"), "failed: RuntimeError: no idea"),
        (SystemExit(3), "failed: SystemExit: 3"),
        ("x", "offers what cannot be: 'x'"),
        (Offer(1, 1, 5.0), "offers what cannot be"),
        (Offer(7, 1, 5.0), "offers what cannot be"),
        (Offer(0, 1, nan), "offers what cannot be"),
        (Offer(0, 1, inf), "offers what cannot be"),
        (Offer(0, 1, "much"), "failed: TypeError"),  # type: ignore[arg-type]
    ],
)
def test_a_strange_answer_ends_a_simulation_in_one_line(answer: Any, told: str) -> None:
    with pytest.raises(WptError, match=f"policy strange {told}"):
        simulate(Strange(answer), 2, 1, engine="object")
    boards = [SimulatedBoard(0, 100.0, 80.0), SimulatedBoard(1, 100.0, 10.0)]
    rng = np.random.default_rng(0)
    world = World(boards, [Contact(0.0, 10.0, 0, 1)], Strange(answer), LinkModel(2.0, 0.5), rng)
    with pytest.raises(WptError, match=f"policy strange {told}"):
        world.run_to(20.0)


@pytest.mark.parametrize("energy_J", [0.0, -5.0])
def test_an_offer_of_no_energy_moves_none(energy_J: float) -> None:
    result = simulate(Strange(Offer(0, 1, energy_J)), 2, 1, engine="object")
    assert list(result.final_J) == list(result.initial_J)


@pytest.mark.parametrize(
    "number", [np.float32(0.1), np.array(0.1), Fraction(1, 10), Decimal("0.1"), True]
)
@pytest.mark.parametrize("as_id", [int, float, np.int32])
def test_an_offer_comes_in_plain_numbers(number: Any, as_id: Any) -> None:
    """One of single precision rounded the energy of whoever gave; a Decimal was a traceback."""
    rng = np.random.default_rng(0)
    answer = Offer(as_id(1), as_id(0), number)
    offer = offered(Strange(answer), Encounter(0, 1), {}, 0.0, rng)
    assert offer == Offer(1, 0, float(number))
    assert [type(each) for each in (offer.ptx, offer.prx, offer.energy_J)] == [int, int, float]


def test_nobody_sends_more_than_it_has() -> None:
    crowd = simulate(Strange(Offer(0, 1, 1e300)), 2, 1, beta=0.5, initial_J=[3.0, 4.0])
    assert crowd.final_J.tolist() == [0.0, 5.5]
