# SPDX-License-Identifier: MIT
"""PURE: a policy as one rule for the two that meet, written once for boards and for whole cities.

A rule is a plain function of numbers. Here it is given objects; the compiled simulator is given
the same function and compiles it, and its two sides are rows of arrays with the same fields. So a
rule, and each function it calls, keeps to arithmetic, `math`, and the fields below.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.pairwise import Weights, movable_J, share_J, weight_of


@dataclass(slots=True)
class Has:
    """What one of the two is now, and what the policy's weights make of it."""

    energy_J: float
    capacity_J: float
    weight: float
    coil_C: float


@dataclass(slots=True)
class Keeps:
    """What a policy keeps of one agent; each policy uses its own fields. All begin at 0."""

    total: float = 0.0  # the levels that it has met, its own first
    met: int = 0  # how many they are
    waits_s: float = 0.0  # it sends nothing before
    turn: float = 0.0  # the charge (0..1) at which its half cycle began
    end: float = 0.0  # and that to which it came
    is_seen: int = 0
    fade: float = 0.0  # the share of capacity that it has lost
    owed_J: float = 0.0
    is_hub: int = 0
    parent: int = 0
    has_parent: int = 0  # in a star: is peripheral
    is_inside: int = 0  # the tree
    children: int = 0  # in a star: links
    depth: int = 0


class Side(NamedTuple):
    """One of the two that meet; `at` is its number, in the compiled world its position."""

    at: int
    has: Has
    keeps: Keeps


NO_LINKS = np.zeros(0, np.int64)


class Zeros(dict[Any, float]):
    """A table of (agent, column) that is 0 where nothing was said."""

    def __missing__(self, key: Any) -> float:
        return 0.0


class Tables(NamedTuple):
    """What a policy knows of agents or pairs beforehand; in the compiled world arrays."""

    ties: Sequence[int] = ()  # see `social.ties_of`
    links: NDArray[np.int64] = NO_LINKS  # the one table that rules change, see `links`
    use_W: Mapping[tuple[int, int], float] = Zeros()  # by agent and hour of the day
    before_W: Mapping[tuple[int, int], float] = Zeros()  # the sum of the hours before


# Of `told`, the policy itself: its numbers that rules read, and those that they change.
NUMBERS = (
    "quantum_J", "beta", "horizon_s", "price", "hold_s", "stranger", "starts_s", "knowledge",
    "arity", "fresh_s", "level_J", "level_s", "coin", "has_seed",
    "minds_heat", "linked",
)  # fmt: skip


class PairRule(Protocol):
    """Returns what one sends to the other in J; negative, what the other sends; 0, nothing."""

    def __call__(
        self, told: Any, tables: Tables, now_s: float, one: Side, other: Side, /
    ) -> float: ...


class PairPolicy:
    """A policy that is its rule. `keeps` may be filled before the first meeting."""

    name: str
    rule: ClassVar[PairRule]
    flips_coins: ClassVar[bool] = False  # `coin`, 0 or 1, is drawn for every meeting
    weights: Weights = None
    tables = Tables()

    def __init__(self) -> None:
        self.keeps: dict[int, Keeps] = defaultdict(Keeps)

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> Offer | None:
        if self.flips_coins:
            self.coin = int(rng.integers(2))
        one, other = (self._side(agent, views[agent]) for agent in (encounter.a, encounter.b))
        sent_J = type(self).rule(self, self.tables, now_s, one, other)
        if sent_J > 0:
            return Offer(encounter.a, encounter.b, sent_J)
        return Offer(encounter.b, encounter.a, -sent_J) if sent_J < 0 else None

    def _side(self, agent: int, view: AgentView) -> Side:
        weight = weight_of(self.weights, agent, view)
        has = Has(view.energy_J, view.capacity_J, weight, view.coil_C)
        return Side(agent, has, self.keeps[agent])


def fair_J(one: Side, other: Side) -> float:
    """Compute `share_J` of the two."""
    return share_J(one.has.energy_J, other.has.energy_J, one.has.weight, other.has.weight)


def bounded_J(one: Side, other: Side, sent_J: float) -> float:
    """Bound what one sends (negative: the other) by what can move."""
    if sent_J > 0:
        return movable_J(sent_J, one.has.energy_J, other.has.capacity_J - other.has.energy_J)
    return -movable_J(-sent_J, other.has.energy_J, one.has.capacity_J - one.has.energy_J)
