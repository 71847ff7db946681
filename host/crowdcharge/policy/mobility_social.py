# SPDX-License-Identifier: MIT
"""PURE: wait for the right partner, chosen by predicted meetings and social ties."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import exp

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.loss_aware import check_beta, target_level_J, towards
from crowdcharge.policy.pairing import greatest_sum
from crowdcharge.policy.social import tie_strength, ties_of

Pair = frozenset[int]


class MobilitySocial:
    """A reconstruction after MoSaBa (Ojha, Raptis, Passarella, Conti, Computer Networks 2022).

    The abstract says that meetings predicted from mobility and two social features choose the
    pairs; no formula was available. Here the meetings of a pair are a Poisson process whose rate
    is learnt from the past, starting from one meeting. At the start of each window a
    maximum-weight matching picks the pairs that may trade, each with one agent above and one below
    the target level, so it is an assignment. The weight of a pair is the useful amount, times the
    chance to meet in the window, times (1 + context * same group + tie * tie strength). In the
    first window any pair may trade.
    """

    name = "mobility-social"
    says = "Pairs that are likely to meet and useful to each other share towards the common level."

    def __init__(
        self,
        window_s: float = 3600.0,
        beta: float = 0.2,
        friends: Iterable[Sequence[int]] = (),
        groups: Iterable[Sequence[int]] = (),
        context: float = 0.5,
        tie: float = 0.5,
    ) -> None:
        if not window_s > 0 or context < 0 or tie < 0:
            raise InputError("window_s must be positive; context and tie must not be negative")
        self.window_s, self.beta = window_s, check_beta(beta)
        self._ties = ties_of(friends)
        self.group = {agent: number for number, group in enumerate(groups) for agent in group}
        self.context, self.tie = context, tie
        self._met: dict[Pair, int] = defaultdict(int)
        self._start_s: float | None = None
        self._window = 0
        self._chosen: set[Pair] | None = None
        self._level_J = 0.0

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> Offer | None:
        self._open_window(views, now_s)
        pair = frozenset((encounter.a, encounter.b))
        self._met[pair] += 1
        if self._chosen is not None and pair not in self._chosen:
            return None
        targets = dict.fromkeys(pair, self._level_J)
        return towards(views, targets, self.beta)

    def _open_window(self, views: Mapping[int, AgentView], now_s: float) -> None:
        first = self._start_s is None
        self._start_s = now_s if self._start_s is None else self._start_s
        window = int((now_s - self._start_s) // self.window_s)
        if not first and window == self._window:
            return
        self._window = window
        energy_J = {agent: view.energy_J for agent, view in views.items()}
        self._level_J = target_level_J(list(energy_J.values()), self.beta)
        if not first:
            over_J = {agent: each - self._level_J for agent, each in energy_J.items()}
            self._chosen = self._match(over_J, now_s - self._start_s)

    def _match(self, over_J: Mapping[int, float], elapsed_s: float) -> set[Pair]:
        """Choose the pairs; `over_J` is what each agent has above the level."""
        worth = {}
        for a, b in sorted(map(sorted, self._met)):
            giver, taker = (a, b) if over_J.get(a, 0) > 0 else (b, a)
            useful_J = min(over_J.get(giver, 0), -over_J.get(taker, 0))
            if useful_J > 0:
                worth[giver, taker] = useful_J * self._chance(a, b, elapsed_s)
        return greatest_sum(worth)

    def _chance(self, a: int, b: int, elapsed_s: float) -> float:
        """Return the chance that the two meet in a window, raised by what ties them."""
        rate_per_s = (self._met[frozenset((a, b))] + 1) / (elapsed_s + self.window_s)
        meets = 1 - exp(-rate_per_s * self.window_s)
        same_group = a in self.group and self.group[a] == self.group.get(b)
        tie = tie_strength(self._ties, a, b)
        return meets * (1 + self.context * same_group + self.tie * tie)
