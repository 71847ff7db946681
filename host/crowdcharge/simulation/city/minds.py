# SPDX-License-Identifier: MIT
"""PURE: a policy in the compiled world: laid out as arrays, or asked in Python each time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdcharge.policy import AgentView, Encounter, Policy, offered
from crowdcharge.policy.expected_share import HOURS
from crowdcharge.policy.links import pairs_of, with_room
from crowdcharge.policy.pairwise import weight_in
from crowdcharge.policy.rule import NUMBERS, Keeps, PairPolicy, Tables
from crowdcharge.policy.social import AGENTS_MAX, tie
from crowdcharge.simulation.city import world_kernels as kernels
from crowdcharge.simulation.city.policy_kernels import IN_PYTHON
from crowdcharge.simulation.city.rows import ASKED, KEEPS, TOLD, City, Mind
from crowdcharge.simulation.compiling import RULES, compiled_rule

COINS = 4096


class RowView:
    """A row of the boards, as it is whenever it is read."""

    __slots__ = ("_row",)
    gives_J = wants_J = inf

    def __init__(self, row: Any) -> None:
        self._row = row

    @property
    def energy_J(self) -> float:
        return float(self._row["energy_J"])

    @property
    def capacity_J(self) -> float:
        return float(self._row["capacity_J"])

    @property
    def coil_C(self) -> float:
        return float(self._row["coil_C"])


class Views(Mapping[int, AgentView]):
    """The present boards, brought up to now when they are read."""

    def __init__(self, city: City, ids: Sequence[int], place: Mapping[int, int]) -> None:
        self._boards, self._state = city.boards, city.state
        self._ids, self._place = ids, place

    def __getitem__(self, board_id: int) -> AgentView:
        at = self._place[board_id]
        if not self._boards["present"][at]:
            raise KeyError(board_id)
        kernels.advance_one(self._boards, at, self._state["now_s"][0])
        return RowView(self._boards[at])

    def __iter__(self) -> Iterator[int]:
        return (self._ids[at] for at in np.flatnonzero(self._boards["present"]).tolist())

    def __len__(self) -> int:
        return int(np.count_nonzero(self._boards["present"]))


class Asking:
    """A policy that has not decided yet, and what the kernels ask of it."""

    def __init__(
        self, policy: Policy, ids: Sequence[int], city: City, rng: np.random.Generator
    ) -> None:
        self._policy, self._ids, self._rng = policy, ids, rng
        self._place = {each: at for at, each in enumerate(ids)}
        self._views = Views(city, ids, self._place)
        self.mind = mind_of(policy, ids, self._place)

    def serve(self, city: City, needs: int) -> None:
        """Do what the kernels need before they go on."""
        self.mind.asked["is_served"] = needs in (kernels.NEEDS_ANSWER, kernels.NEEDS_LOOK)
        if needs == kernels.NEEDS_ANSWER:
            self._answer(city)
        elif needs == kernels.NEEDS_LOOK:
            self._look(city)
        elif needs == kernels.NEEDS_LINKS:
            pairs = pairs_of(self.mind.tables.links)
            tables = self.mind.tables._replace(links=with_room(pairs))
            self.mind = self.mind._replace(tables=tables)
            self.mind.told["linked"] = len(pairs)
        else:
            self.mind.coins[:] = self._rng.integers(2, size=len(self.mind.coins))
            self.mind.asked["coin"] = 0

    def _answer(self, city: City) -> None:
        state, asked = city.state[0], self.mind.asked[0]
        meeting = city.meetings[city.meetings["chosen"][state["asked"]]]
        pair = Encounter(self._ids[meeting["a"]], self._ids[meeting["b"]])
        offer = offered(self._policy, pair, self._views, float(state["now_s"]), self._rng)
        asked["offered_J"] = 0.0
        if offer is not None:
            asked["ptx"], asked["prx"] = self._place[offer.ptx], self._place[offer.prx]
            asked["offered_J"] = offer.energy_J

    def _look(self, city: City) -> None:
        policy: Any = self._policy
        kernels.advance_all(city)
        there = city.boards[city.boards["present"] > 0]
        policy.look(there["energy_J"], there["weight"], float(city.state["now_s"][0]))
        self.mind.told["level_J"], self.mind.told["level_s"] = policy.level_J, policy.level_s

    def remember(self) -> None:
        """Give a policy that measures its own distance back what it keeps of each agent."""
        if compiled_rule(self._policy) and hasattr(self._policy, "distance"):
            assert isinstance(self._policy, PairPolicy)
            for agent, row in zip(self._ids, self.mind.keeps.tolist(), strict=True):
                kept = Keeps(*row)
                kept.parent = self._ids[kept.parent]
                self._policy.keeps[agent] = kept


def mind_of(policy: Policy, ids: Sequence[int], place: Mapping[int, int]) -> Mind:
    """Lay out the policy; its agents' numbers become positions."""
    n, rule = len(ids), compiled_rule(policy)
    asked, told, keeps = np.zeros(1, ASKED), np.zeros(1, TOLD), np.zeros(n, KEEPS)
    asked["rule"] = [*RULES].index(rule) if rule else IN_PYTHON
    tables = Tables()
    if rule and isinstance(policy, PairPolicy):
        asked["looks"], asked["flips_coins"] = hasattr(policy, "look"), policy.flips_coins
        for name in NUMBERS:
            told[name] = getattr(policy, name, 0.0)
        for agent, kept in policy.keeps.items():
            if agent in place:
                keeps[place[agent]] = astuple(kept)
        tables = policy.tables
    coins = np.zeros(COINS, np.int8)
    asked["coin"] = len(coins)
    return Mind(asked, told, keeps, placed(tables, n, place), coins)


def placed(tables: Tables, n: int, place: Mapping[int, int]) -> Tables:
    """Return the tables as arrays by position; agents that are not there come after all others."""
    places = dict(place)
    pairs = [divmod(each, AGENTS_MAX) for each in tables.ties]
    for pair in pairs:
        for agent in pair:
            places.setdefault(agent, len(places))
    ties = sorted(tie(places[a], places[b]) for a, b in pairs)
    hourly = np.zeros((2, n, HOURS + 1))  # takes no memory until it is used
    for made, table in zip(hourly, (tables.use_W, tables.before_W), strict=True):
        for (agent, hour), value in table.items():
            if agent in place:
                made[place[agent], hour] = value
    arrays: tuple[Any, ...] = (np.array(ties, np.int64), np.array(tables.links, np.int64), *hourly)
    return Tables(*arrays)


def weights_of(
    policy: Policy, ids: Sequence[int], capacity_J: NDArray[np.float64]
) -> NDArray[np.float64] | float:
    """Return the boards' weights (n,), or one for all; InputError if a table misses one."""
    table = policy.weights if isinstance(policy, PairPolicy) else None
    if not isinstance(table, Mapping):
        return capacity_J if table == "capacity" else 1.0
    return np.array([weight_in(table, each) for each in ids])
