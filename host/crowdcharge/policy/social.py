# SPDX-License-Identifier: MIT
"""PURE: P_OA that only friends, or mostly friends, take part in."""

from collections.abc import Iterable, Sequence
from typing import Any

from crowdcharge.errors import InputError
from crowdcharge.policy.online_average import across_average
from crowdcharge.policy.pairwise import Weights, check_weights
from crowdcharge.policy.rule import PairPolicy, Side, Tables

AGENTS_MAX = 1 << 32


def ties_of(friends: Iterable[Sequence[int]]) -> list[int]:
    """Return both directions of every pair, each as one number, sorted: a row of friends by agent.

    InputError for anything but pairs of different agents, or a number that is too large for it.
    """
    ties = set()
    for pair in friends:
        if len(pair) != 2 or pair[0] == pair[1]:
            raise InputError(f"friends must be pairs of two different agents, not {list(pair)}")
        if not all(0 <= agent < AGENTS_MAX for agent in pair):
            raise InputError(f"friends: numbers are from 0 to {AGENTS_MAX - 1}, not {list(pair)}")
        ties |= {tie(*pair), tie(*reversed(pair))}
    return sorted(ties)


def tie(a: int, b: int) -> int:
    return a * AGENTS_MAX + b


def first_from(ties: Sequence[int], wanted: int) -> int:
    """Return where the first of the ties is that is no less."""
    low, high = 0, len(ties)
    while low < high:
        middle = (low + high) // 2
        if ties[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


def are_friends(ties: Sequence[int], a: int, b: int) -> bool:
    at = first_from(ties, tie(a, b))
    return at < len(ties) and ties[at] == tie(a, b)


def tie_strength(ties: Sequence[int], a: int, b: int) -> float:
    """Return the Jaccard index of two agents' friends and themselves: 0 strangers, 1 the same."""
    at_a, end_a = first_from(ties, tie(a, 0)), first_from(ties, tie(a + 1, 0))
    at_b, end_b = first_from(ties, tie(b, 0)), first_from(ties, tie(b + 1, 0))
    circles = end_a - at_a + 1 + end_b - at_b + 1
    common = 2 if are_friends(ties, a, b) else 0
    while at_a < end_a and at_b < end_b:
        ahead = (ties[at_a] - tie(a, 0)) - (ties[at_b] - tie(b, 0))
        common += ahead == 0
        at_a, at_b = at_a + (ahead <= 0), at_b + (ahead >= 0)
    return common / (circles - common)


def share_with_friends(told: Any, tables: Tables, now_s: float, one: Side, other: Side) -> float:
    if not are_friends(tables.ties, one.at, other.at):
        return 0.0
    return across_average(told, tables, now_s, one, other)


def share_by_tie(told: Any, tables: Tables, now_s: float, one: Side, other: Side) -> float:
    whole_J = across_average(told, tables, now_s, one, other)
    if whole_J == 0:
        return 0.0
    stranger: float = told.stranger
    return whole_J * max(stranger, tie_strength(tables.ties, one.at, other.at))


class SocialGate(PairPolicy):
    """P_OA between friends, and nothing between others.

    A reconstruction: Raptis, DCOSS 2019, lets social relations decide who exchanges; its two
    protocols were not available, so neither this one nor `SocialWeight` is the paper's.
    """

    name = "social-gate"
    says = "Only friends share, and only across the average that each has met."
    rule = staticmethod(share_with_friends)

    def __init__(self, friends: Iterable[Sequence[int]], weights: Weights = None) -> None:
        super().__init__()
        self.tables = Tables(ties=ties_of(friends))
        self.weights = check_weights(weights)


class SocialWeight(PairPolicy):
    """P_OA's amount times the strength of the tie, at least `stranger`. See `SocialGate`."""

    name = "social-weight"
    says = "Everyone shares across the average that it has met, friends more than strangers."
    rule = staticmethod(share_by_tie)

    def __init__(
        self,
        friends: Iterable[Sequence[int]] = (),
        stranger: float = 0.1,
        weights: Weights = None,
    ) -> None:
        super().__init__()
        if not 0 <= stranger <= 1:
            raise InputError(f"stranger must be from 0 to 1, not {stranger!r}")
        self.tables = Tables(ties=ties_of(friends))
        self.stranger = stranger
        self.weights = check_weights(weights)
