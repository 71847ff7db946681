# SPDX-License-Identifier: MIT
"""PURE: AG3, the ageing-aware rule with what boards measure: heat, depth of discharge, fade."""

from collections.abc import Sequence
from typing import Any

from crowdcharge.policy.ageing_aware import AgeingAwareSoc, spare_batteries
from crowdcharge.policy.rule import Keeps, Side, Tables

NOISE = 0.01  # of the charge: a smaller step back is the gauge's own
FADE_MAX = 0.5  # an estimate above it is taken for wrong


def spare_measured(told: Any, tables: Tables, now_s: float, one: Side, other: Side) -> float:
    note_level(one.keeps, one.has.energy_J / one.has.capacity_J)
    note_level(other.keeps, other.has.energy_J / other.has.capacity_J)
    return spare_batteries(told, tables, now_s, one, other)


def note_level(keeps: Keeps, level: float) -> None:
    """Take the charge of now (0..1); the half cycle goes on, turns, or the step back is noise."""
    if not keeps.is_seen:
        keeps.is_seen, keeps.turn, keeps.end = 1, level, level
    elif (level - keeps.end) * (keeps.end - keeps.turn) >= 0:
        keeps.end = level
    elif abs(level - keeps.end) >= NOISE:
        keeps.turn, keeps.end = keeps.end, level


class AgeingAwareMeasured(AgeingAwareSoc):
    """AG3: like AG1, by what is measured of the two batteries.

    Depth: a transfer adds to the half cycle that each is in, as its charge at every meeting tells.
    Heat: cycling counts by Xu's stress of temperature, at the coil's; a warm board waits or sends
    less. Fade: of a worn battery the same energy is a larger share. `recall` hands in what a
    ledger tells of depth and fade; without it both begin at nothing. The rule is ours.
    """

    name = "ageing-aware-measured"
    says = "As large as the batteries' depth, heat and wear, as measured, let it do good."
    rule = staticmethod(spare_measured)
    minds_heat = True

    def recall(self, board_id: int, levels: Sequence[float], fade: float) -> None:
        """Take a board's past: its charges (0..1) in order, and the share of capacity it lost."""
        for level in levels:
            note_level(self.keeps[board_id], level)
        if 0 <= fade <= FADE_MAX:
            self.keeps[board_id].fade = fade
