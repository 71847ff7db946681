# SPDX-License-Identifier: MIT
"""PURE: P_OA that only friends, or mostly friends, take part in."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.online_average import OnlineAverage
from crowdcharge.policy.pairwise import Weights

Friends = dict[int, set[int]]


def friend_sets(friends: Iterable[Sequence[int]]) -> Friends:
    """Map each agent to its friends; InputError for anything but pairs of different agents."""
    sets: Friends = {}
    for pair in friends:
        if len(pair) != 2 or pair[0] == pair[1]:
            raise InputError(f"friends must be pairs of two different agents, not {list(pair)}")
        a, b = pair
        sets.setdefault(a, set()).add(b)
        sets.setdefault(b, set()).add(a)
    return sets


def tie_strength(friends: Friends, a: int, b: int) -> float:
    """Return the Jaccard index of two agents' friends and themselves: 0 strangers, 1 the same."""
    circle_a, circle_b = friends.get(a, set()) | {a}, friends.get(b, set()) | {b}
    return len(circle_a & circle_b) / len(circle_a | circle_b)


class SocialGate:
    """P_OA between friends, and nothing between others.

    A reconstruction: Raptis, DCOSS 2019, lets social relations decide who exchanges; its two
    protocols were not available, so neither this one nor `SocialWeight` is the paper's.
    """

    name = "social-gate"
    says = "Only friends share, and only across the average that each has met."

    def __init__(self, friends: Iterable[Sequence[int]], weights: Weights = None) -> None:
        self.friends = friend_sets(friends)
        self._average = OnlineAverage(weights)

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> Offer | None:
        if encounter.b not in self.friends.get(encounter.a, ()):
            return None
        return self._average.decide(encounter, views, now_s, rng)


class SocialWeight:
    """P_OA's amount times the strength of the tie, at least `stranger`. See `SocialGate`."""

    name = "social-weight"
    says = "Everyone shares across the average that it has met, friends more than strangers."

    def __init__(
        self,
        friends: Iterable[Sequence[int]] = (),
        stranger: float = 0.1,
        weights: Weights = None,
    ) -> None:
        if not 0 <= stranger <= 1:
            raise InputError(f"stranger must be from 0 to 1, not {stranger!r}")
        self.friends = friend_sets(friends)
        self.stranger = stranger
        self._average = OnlineAverage(weights)

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> Offer | None:
        whole = self._average.decide(encounter, views, now_s, rng)
        if whole is None:
            return None
        tie = max(self.stranger, tie_strength(self.friends, encounter.a, encounter.b))
        return Offer(whole.ptx, whole.prx, whole.energy_J * tie) if tie > 0 else None
