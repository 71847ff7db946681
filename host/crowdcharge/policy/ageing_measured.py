# SPDX-License-Identifier: MIT
"""PURE: AG3, the ageing-aware rule with what boards measure: heat, depth of discharge, fade."""

from collections.abc import Mapping, Sequence

import numpy as np

from crowdcharge.policy.ageing import (
    XU_TIME_per_s,
    xu_depth_stress,
    xu_soc_stress,
    xu_temperature_stress,
)
from crowdcharge.policy.ageing_aware import AgeingAwareSoc
from crowdcharge.policy.base import AgentView, Encounter, Offer
from crowdcharge.policy.pairwise import Weights

NOISE = 0.01  # of the charge: a smaller step back is the gauge's own
COIL_C = (-40.0, 125.0)  # what a thermistor can tell
FADE_MAX = 0.5  # an estimate above it is taken for wrong


class Swing:
    """The half cycle that a battery is in: where its charge turned last, and how far it came."""

    def __init__(self, level: float) -> None:
        self._turn = self._end = level

    def note(self, level: float) -> None:
        """Take the charge of now (0..1); the swing goes on, turns, or the step back is noise."""
        if (level - self._end) * (self._end - self._turn) >= 0:
            self._end = level
        elif abs(level - self._end) >= NOISE:
            self._turn, self._end = self._end, level

    @property
    def share(self) -> float:
        """The charge since the turn, above 0 while it rises."""
        return self._end - self._turn

    def stress_of(self, step: float) -> float:
        """Return what a further `step` adds to Xu's stress of depth, for half a cycle.

        A step onward deepens the half cycle, a step back begins a new one. What rainflow counting
        makes of a step back beyond the turn is left out.
        """
        if step * self.share < 0:
            return 0.5 * _depth_stress(abs(step))
        depth = abs(self.share)
        return 0.5 * (_depth_stress(depth + abs(step)) - _depth_stress(depth))


def _depth_stress(depth: float) -> float:
    return xu_depth_stress(min(depth, 1.0)) if depth else 0.0


class AgeingAwareMeasured(AgeingAwareSoc):
    """AG3: like AG1, by what is measured of the two batteries.

    Depth: a transfer adds to the half cycle that each is in, as its charge at every meeting tells.
    Heat: cycling counts by Xu's stress of temperature, at the coil's; a warm board waits or sends
    less. Fade: of a worn battery the same energy is a larger share. `recall` hands in what a
    ledger tells of depth and fade; without it both begin at nothing. The rule is ours.
    """

    name = "ageing-aware-measured"
    says = "As large as the batteries' depth, heat and wear, as measured, let it do good."

    def __init__(
        self,
        beta: float = 0.2,
        horizon_s: float = 86_400.0,
        price: float = 0.0,
        weights: Weights = "capacity",
    ) -> None:
        super().__init__(beta, horizon_s, price, weights)
        self._swings: dict[int, Swing] = {}
        self._fades: dict[int, float] = {}

    def recall(self, board_id: int, levels: Sequence[float], fade: float) -> None:
        """Take a board's past: its charges (0..1) in order, and the share of capacity it lost."""
        for level in levels:
            self._note(board_id, level)
        if 0 <= fade <= FADE_MAX:
            self._fades[board_id] = fade

    def decide(
        self,
        encounter: Encounter,
        views: Mapping[int, AgentView],
        now_s: float,
        rng: np.random.Generator,
    ) -> Offer | None:
        for board_id in (encounter.a, encounter.b):
            view = views[board_id]
            self._note(board_id, view.energy_J / view.capacity_J)
        return super().decide(encounter, views, now_s, rng)

    def _note(self, board_id: int, level: float) -> None:
        if board_id in self._swings:
            self._swings[board_id].note(level)
        else:
            self._swings[board_id] = Swing(level)

    def _stress(self, most: Offer, views: Mapping[int, AgentView], sent_J: float) -> float:
        """Predict the ageing of the pair after the transfer, in units of Xu's f_d."""
        stress = self.price * self.beta * sent_J / views[most.ptx].capacity_J
        for board_id, gained_J in ((most.ptx, -sent_J), (most.prx, (1 - self.beta) * sent_J)):
            view = views[board_id]
            step = gained_J / (view.capacity_J * (1 - self._fades.get(board_id, 0.0)))
            soc_stress = xu_soc_stress(view.energy_J / view.capacity_J + step)
            coil_C = min(max(view.coil_C, COIL_C[0]), COIL_C[1])
            cycling = self._swings[board_id].stress_of(step) * xu_temperature_stress(coil_C)
            stress += (XU_TIME_per_s * self.horizon_s + cycling) * soc_stress
        return stress
