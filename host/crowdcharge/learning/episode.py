# SPDX-License-Identifier: MIT
"""PURE: one run of a scenario in which the decisions come from outside, as arrays.

The same boards, contacts, loads, floors and losses as in `simulation.world.World`, for scenarios
whose transfers take no time; a test holds the two equal, decision for decision.
"""

from itertools import takewhile
from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crowdcharge.errors import InputError
from crowdcharge.learning.rounds import Round, rounds_of
from crowdcharge.simulation.contact_stream import contacts_of
from crowdcharge.simulation.contacts import Contact
from crowdcharge.simulation.run import start_of
from crowdcharge.simulation.scenario import Scenario

Values = NDArray[np.float64]

# What a board knows, all from 0 to 1: its own and the other's level (state of charge), the mean of
# the levels that each has met (its own first, as P_OA counts), the level at which both would be
# equal, the time that is left, and whether there is another (else the others' are its own).
FEATURES = ("level", "other", "mean", "others_mean", "common", "left", "meets")
LEVEL, OTHER, MEAN, OTHERS_MEAN, COMMON, LEFT, MEETS = range(len(FEATURES))


class Episode:
    """A crowd in its present round; `copies` runs stand side by side that differ by decisions.

    `observation` (copies, n, features) is what each board knows as it meets another. `step` takes
    the level at which each board wants to be after the meeting: energy flows from who wants less
    to who wants more, and no further than either wants. Floor and capacity hold all the same.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        trace: list[Contact] | None = None,
        copies: int = 1,
    ) -> None:
        """Draw the boards and contacts of `seed`; InputError if the scenario has what is unknown.

        `trace` holds the contacts of a scenario with a trace file.
        """
        if unknown := not_known(scenario):
            raise InputError(f"{scenario.name}: learning knows no {unknown}")
        boards = start_of(scenario, seed, trace)
        self.board_ids = [board.id for board in boards]
        contacts, self.end_s = contacts_of(scenario, seed, self.board_ids, trace)
        place = {board_id: at for at, board_id in enumerate(self.board_ids)}
        in_time = takewhile(lambda contact: contact.start_s <= self.end_s, contacts)
        self.rounds = rounds_of(in_time, place)
        self.capacity_J = np.array([board.capacity_J for board in boards])
        self._load_W = np.array([board.load_W for board in boards])
        start_J = np.array([board.energy_J for board in boards])
        self.energy_J = np.tile(start_J, (copies, 1))
        self.lost_J, self.outage_s = np.zeros(copies), np.zeros(copies)
        self._floor_J = scenario.floor_pct / 100 * self.capacity_J
        self._link = scenario.link
        self._start_J = max(float(start_J.sum()), np.finfo(float).tiny)
        self._total, self._met = np.zeros_like(self.energy_J), np.zeros(len(boards))
        self._now_s = np.zeros(len(boards))
        self.observation = np.zeros((copies, len(boards), len(FEATURES)))
        self._value = self.value()
        self._number = 0
        self._observe()

    @property
    def over(self) -> bool:
        return self._number >= len(self.rounds)

    @property
    def time_s(self) -> float:
        """When the present round begins; the end, once all are over."""
        return self.end_s if self.over else float(self.rounds[self._number].start_s[0])

    def imbalance(self) -> Values:
        """Measure each copy's total variation distance from equal levels (copies,), 0 to 1."""
        level = self.energy_J / self.capacity_J
        total = level.sum(axis=1, keepdims=True)
        even = 1 / level.shape[1]
        share = np.divide(level, total, out=np.full_like(level, even), where=total > 0)
        distance: Values = np.abs(share - even).sum(axis=1) / 2
        return distance

    def value(self) -> Values:
        """Rate each copy (copies,); what it gains in a step is the reward.

        Less is lost by 1 for each of: the share of the energy that is in the wrong place (the
        imbalance), the share lost on the way, and the share of time that boards had no energy.
        The sum of all rewards is the value at the end less the value at the start. The formula is
        ours.
        """
        value: Values = -self.imbalance() - self.lost_J / self._start_J
        if self.end_s > 0:
            value -= self.outage_s / (self.end_s * self.energy_J.shape[1])
        return value

    def step(self, wanted: ArrayLike) -> Values:
        """Let the present round's pairs exchange, go to the next round; return rewards (copies,).

        `wanted` (copies, n), or one row for all copies, is each board's level, 0 to 1; what boards
        without a meeting want means nothing. InputError if a number is none, or if all is over.
        """
        if self.over:
            raise InputError("the episode is over; reset it")
        wanted = np.clip(np.asarray(wanted, np.float64), 0.0, 1.0)
        if np.isnan(wanted).any():
            raise InputError("a wanted level is not a number")
        self._exchange(self.rounds[self._number], np.broadcast_to(wanted, self.energy_J.shape))
        self._number += 1
        self._observe()
        before, self._value = self._value, self.value()
        return self._value - before

    def _exchange(self, meetings: Round, wanted: Values) -> None:
        pairs, link = meetings.pairs, self._link
        energy_J, capacity_J = self.energy_J[:, pairs], self.capacity_J[pairs]
        more_J = wanted[:, pairs] * capacity_J - energy_J
        gives_J = np.minimum(-more_J, energy_J - self._floor_J[pairs])
        takes_J = np.where(more_J > 0, more_J / link.efficiency + link.start_J, 0.0)
        sent_J = np.maximum(np.minimum(gives_J, takes_J[:, :, ::-1]), 0.0)
        came_J = link.efficiency * np.maximum(sent_J - link.start_J, 0.0)
        self.lost_J += (sent_J - came_J).sum(axis=(1, 2))
        after_J = energy_J - sent_J + came_J[:, :, ::-1]
        self.energy_J[:, pairs] = np.minimum(after_J, capacity_J)

    def _observe(self) -> None:
        """Bring every board to the present round, and fill in what each then knows."""
        self._advance(np.arange(len(self.board_ids)), self.time_s)
        seen = self.observation
        if not self.over:
            meetings = self.rounds[self._number]
            self._advance(meetings.pairs, meetings.start_s[:, None])
        level = self.energy_J / self.capacity_J
        seen[:, :, LEVEL] = seen[:, :, OTHER] = seen[:, :, COMMON] = level
        if not self.over:
            self._meet(meetings.pairs, level)
        seen[:, :, MEAN] = np.where(self._met > 0, self._total / np.maximum(self._met, 1), level)
        seen[:, :, OTHERS_MEAN] = seen[:, :, MEAN]
        seen[:, :, LEFT] = np.maximum(1 - self._now_s / self.end_s, 0) if self.end_s else 0.0
        seen[:, :, MEETS] = 0.0
        if not self.over:
            seen[:, meetings.pairs, MEETS] = 1.0
            seen[:, meetings.pairs, OTHERS_MEAN] = seen[:, meetings.pairs[:, ::-1], MEAN]

    def _meet(self, pairs: NDArray[np.int64], level: Values) -> None:
        others = level[:, pairs[:, ::-1]]
        first = self._met[pairs] == 0  # then its own level counts, too
        self._total[:, pairs] += others + first * level[:, pairs]
        self._met[pairs] += 1 + first
        capacity_J = self.capacity_J[pairs]
        common = self.energy_J[:, pairs].sum(axis=2) / capacity_J.sum(axis=1)
        self.observation[:, pairs, OTHER] = others
        self.observation[:, pairs, COMMON] = common[:, :, None]

    def _advance(self, places: NDArray[np.int64], now_s: Any) -> None:
        """Feed the loads of these boards until now; an empty board feeds none."""
        dt_s = np.maximum(now_s - self._now_s[places], 0.0)
        self._now_s[places] += dt_s
        load_W = self._load_W[places]
        if not load_W.any():
            return
        after_J = self.energy_J[:, places] - load_W * dt_s
        self.energy_J[:, places] = np.maximum(after_J, 0.0)
        short_J = np.maximum(-after_J, 0.0)
        out_s = np.divide(short_J, load_W, out=np.zeros_like(short_J), where=load_W > 0)
        self.outage_s += out_s.reshape(len(out_s), -1).sum(axis=1)


def not_known(scenario: Scenario) -> str:
    """Say what of a scenario an episode cannot do; empty when it can do all."""
    boards, crowd = scenario.boards, scenario.crowd
    found = {
        "link power: transfers take no time here": scenario.link.power_W < inf,
        "cords": scenario.habit.power_W > 0,
        "boards that come or go": any(b.arrives_s > 0 or b.leaves_s < inf for b in boards),
        "profiles": any(b.profile for b in boards) or (crowd is not None and bool(crowd.profiles)),
    }
    return next((what for what, there in found.items() if there), "")
