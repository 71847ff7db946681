# SPDX-License-Identifier: MIT
"""The rule of ADR 29 holds in every state that its model can reach, and no part of it is idle."""

from dataclasses import replace

import pytest

from .model import Model, Rules, explore

RULES = Rules()


def test_a_board_is_handed_over_exactly_once_whatever_happens() -> None:
    states, way, why = explore(Model(RULES))
    assert way is None, why
    assert states > 10_000


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        ({"reads_before_granting": False}, "lost"),
        ({"compares_epochs": False}, "lost"),
        ({"only_the_opener_books": False}, "booked by a site that did not open it"),
        ({"numbers_carry_the_site": False}, "booked by a site that did not open it"),
        ({"opens_before_granting": False}, "lost"),
        ({"ring": 1}, "lost"),
    ],
)
def test_without_any_part_of_the_rule_a_joule_is_lost_or_doubled(
    broken: dict[str, bool | int], found: str
) -> None:
    _, way, why = explore(Model(replace(RULES, **broken), grants=3))
    assert way is not None
    assert why == found


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_three_sites_and_two_boots() -> None:
    _, way, why = explore(Model(replace(RULES, ring=3), sites=3, grants=1, boots=2))
    assert way is None, why
