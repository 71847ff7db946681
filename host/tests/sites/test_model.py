# SPDX-License-Identifier: MIT
"""The rule of ADR 29 holds in every state that its model can reach, and no part of it is idle."""

import pytest

from .model import Model, Rules, explore

RULES = Rules()


def test_a_board_is_handed_over_exactly_once_whatever_happens() -> None:
    states, way, why = explore(Model(RULES))
    assert not way, why
    assert states > 40_000


ALONE, TWO = {"sites": 1, "grants": 4, "boots": 2}, {"sites": 2}
NOT_OURS = "booked by a site that did not open it"


@pytest.mark.parametrize(
    ("bounds", "ring", "broken", "found"),
    [
        (ALONE, 2, {"reads_before_granting": False}, "lost"),
        (ALONE, 2, {"compares_epochs": False}, "lost"),
        (ALONE, 2, {"opens_before_granting": False}, "lost"),
        (ALONE, 2, {"ring": 1}, "lost"),
        (TWO, 3, {"ring": 2}, "lost"),
        (TWO, 3, {"only_the_opener_books": False}, NOT_OURS),
        (TWO, 3, {"numbers_carry_the_site": False}, NOT_OURS),
    ],
)
def test_without_any_part_of_the_rule_a_joule_is_lost_or_doubled(
    bounds: dict[str, int], ring: int, broken: dict[str, bool | int], found: str
) -> None:
    rules = RULES._replace(ring=ring)
    _, way, why = explore(Model(rules._replace(**broken), **bounds))
    assert way
    assert why == found
    if bounds == ALONE:  # the rule holds there, as it does for two
        assert not explore(Model(rules, **bounds))[1]


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "bounds",
    [{"sites": 3, "grants": 1, "boots": 1}, {"grants": 3, "boots": 1}, {"grants": 2, "boots": 2}],
)
def test_larger_bounds(bounds: dict[str, int]) -> None:
    _, way, why = explore(Model(RULES._replace(ring=4), **bounds))
    assert not way, why
