# SPDX-License-Identifier: MIT
"""PURE: carry out a plan contact by contact, and plan again where the crowd leaves it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crowdcharge.errors import InputError
from crowdcharge.escaping import shown
from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.loss_aware import check_beta
from crowdcharge.policy.pairwise import Weights, check_weights, offer, weight_of

if TYPE_CHECKING:
    from crowdcharge.planner import Plan, Problem

Pair = tuple[int, int]
Slot = tuple[Pair, ...]
Floats = NDArray[np.float64]
METHODS = ("lay", "lal")
_ROUNDING = 1e-9  # in slots, because k * slot_s / slot_s may fall short of k


@dataclass(frozen=True, slots=True)
class Made:
    """A plan, with the levels from which it was made at the end of `slot` slots."""

    slot: int
    levels_J: dict[int, float]
    plan: "Plan"
    transfers: tuple[tuple[int, int, int, float], ...]  # (t, from, to, J); t counts slots from 1


class PlanFollowing:
    """LAL or LAY as a policy.

    After Zhang et al., "Collaborative Interactive Wireless Charging in a Cyclic Mobispace";
    docs/explanation/planner.md says what the two methods find. `cycle[k]` holds the pairs that
    meet in slot k, which lasts from k to k + 1 times `slot_s`; the cycle repeats. A contact
    carries `power_W` for the slot less `reserve_s`, the time that boards need to begin and to
    settle. `beta` is the link's loss; no agent goes below `floor_pct` of its capacity.

    The levels are compared with the plan once in each slot, at its first meeting. If a level is
    off by more than `tolerance_pct` of a capacity (a contact was missed or cut short, a load or a
    charger changed it), everything is planned again from the present levels (receding horizon).
    """

    name = "plan"
    says = "The plan for this slot says who gives how much; it is made anew when levels leave it."

    def __init__(
        self,
        cycle: Sequence[Sequence[Sequence[int]]],
        slot_s: float,
        power_W: float = inf,
        beta: float = 0.2,
        method: str = "lay",
        weights: Weights = None,
        floor_pct: float = 20.0,
        reserve_s: float = 0.0,
        tolerance_pct: float = 2.0,
    ) -> None:
        if method not in METHODS:
            raise InputError(f'method must be "lay" or "lal", not {shown(method)}')
        if not 0 <= reserve_s < slot_s:
            raise InputError(f"reserve_s must be at least 0 and below slot_s = {slot_s:g}")
        if not power_W > 0 or not 0 <= floor_pct < 100 or not tolerance_pct > 0:
            raise InputError("power_W > 0, 0 <= floor_pct < 100, tolerance_pct > 0 are needed")
        self.cycle = check_cycle(cycle)
        self.slot_s = slot_s
        self.agents = sorted({agent for slot in self.cycle for pair in slot for agent in pair})
        self.made: list[Made] = []
        self._limit_J = power_W * (slot_s - reserve_s)
        self._beta = check_beta(beta)
        self._method = method
        self._weights = check_weights(weights)
        self._floor, self._tolerance = floor_pct / 100, tolerance_pct / 100
        self._views: dict[int, AgentView] = {}
        self._slot = -1
        self._due: dict[Pair, float] = {}

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> Offer | None:
        """Offer what the plan says; InputError with the reason if there is no first plan."""
        slot = int(now_s / self.slot_s + _ROUNDING)
        if slot != self._slot:
            if not self._see(views):
                return None
            self._prepare(slot)
        onward_J = self._due.get((encounter.a, encounter.b), 0.0)
        return offer(encounter, onward_J - self._due.get((encounter.b, encounter.a), 0.0), views)

    def _see(self, views: Mapping[int, AgentView]) -> bool:
        """Keep the last view of every agent; False while some agent was never seen."""
        self._views |= {agent: views[agent] for agent in self.agents if agent in views}
        return len(self._views) == len(self.agents)

    def _prepare(self, slot: int) -> None:
        levels_J = {agent: self._views[agent].energy_J for agent in self.agents}
        if not self.made or not self._is_on_plan(slot, levels_J):
            self.made.append(self._plan(slot, levels_J))
        due = [row for row in self.made[-1].transfers if row[0] == slot + 1]
        self._due = {(ptx, prx): sent_J for _, ptx, prx, sent_J in due}
        self._slot = slot

    def _is_on_plan(self, slot: int, levels_J: dict[int, float]) -> bool:
        last = self.made[-1]
        if not last.plan.ok:
            return False
        expected_J = dict(last.levels_J)
        for t, ptx, prx, sent_J in last.transfers:
            if t <= slot:
                expected_J[ptx] -= sent_J
                expected_J[prx] += (1 - self._loss) * sent_J
        return all(
            abs(levels_J[agent] - expected_J[agent])
            <= self._tolerance * self._views[agent].capacity_J
            for agent in self.agents
        )

    @property
    def _loss(self) -> float:
        return self._beta if self._method == "lay" else 0.0

    def _plan(self, slot: int, levels_J: dict[int, float]) -> Made:
        from crowdcharge.planner import PaperReading, lal, lay, replan  # noqa: PLC0415 - an extra

        planner = {"lay": lay, "lal": lal}[self._method]
        views = [self._views[agent] for agent in self.agents]
        level_J = np.array([levels_J[agent] for agent in self.agents])
        weight = [
            weight_of(self._weights, agent, view)
            for agent, view in zip(self.agents, views, strict=True)
        ]
        problem = cyclic_problem(
            self.cycle,
            self.agents,
            level_J,
            np.array([view.capacity_J for view in views]),
            floor=self._floor,
            beta=self._loss,
            limit_J=self._limit_J,
            target=np.array(weight) / sum(weight),
        )
        # Never burn energy to make a short horizon feasible; no search for directions is needed.
        frugal = partial(planner, reading=PaperReading(burning="refused"))
        plan = replan(problem, level_J, slot, frugal)
        if not plan.ok and not self.made:
            hint = "give more contacts, more time in each, or other weights"
            raise InputError(f"policy plan: {plan.reason}; {hint}")
        named = tuple(
            (t, self.agents[ptx], self.agents[prx], sent_J)
            for t, ptx, prx, sent_J in plan.transfers
        )
        return Made(slot, levels_J, plan, named)


def cyclic_problem(
    cycle: Sequence[Slot],
    agents: Sequence[int],
    level_J: Floats,
    capacity_J: Floats,
    *,
    floor: float,
    beta: float,
    limit_J: float,
    target: Floats | None = None,
) -> "Problem":
    """Return the planning problem of agents that meet in a cycle of slots.

    `level_J` and `capacity_J` (n,) are in the order of `agents`. An agent that starts below
    `floor`, a share of its capacity, may still receive; an unlimited battery holds at most all
    the energy that there is.
    """
    from crowdcharge.planner import Problem  # noqa: PLC0415 - an extra

    place = {agent: index for index, agent in enumerate(agents)}
    rows = [(place[a], place[b], t) for t, slot in enumerate(cycle, 1) for a, b in slot]
    held_J = np.minimum(capacity_J, level_J.sum())
    return Problem(
        level_J,
        np.array(rows, np.int64).reshape(-1, 3),
        len(cycle),
        e_min=np.minimum(floor * held_J, level_J),
        e_max=np.maximum(held_J, level_J),
        beta=beta,
        target=target,
        limit=None if limit_J == inf else np.array(limit_J),
    )


def check_cycle(cycle: Sequence[Sequence[Sequence[int]]]) -> tuple[Slot, ...]:
    """Return the cycle as tuples.

    InputError unless every pair is two different agents, no pair is in a slot twice, and there is
    at least one pair.

    >>> check_cycle([[[1, 2]], []])
    (((1, 2),), ())
    """
    try:
        slots = tuple(tuple((a, b) for a, b in slot) for slot in cycle)
    except (TypeError, ValueError):
        raise InputError("cycle must be a list of slots, each a list of pairs") from None
    for slot in slots:
        if len({frozenset(pair) for pair in slot if len(set(pair)) == 2}) < len(slot):
            raise InputError(f"cycle: a slot needs different pairs of two agents, not {slot}")
    if not any(slots):
        raise InputError("cycle: nobody meets anybody")
    return slots
