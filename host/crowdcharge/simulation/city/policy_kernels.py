# SPDX-License-Identifier: MIT
"""The built-in policies that the compiled world knows; each rounds as its twin in `policy/` does.

An offer is (transmitter, receiver, energy); no energy, no offer.
"""

from math import copysign
from typing import Any

from crowdcharge.simulation.city.board_kernels import advance
from crowdcharge.simulation.city.jit import jit

NOTHING, SHARE, SMALL, AVERAGE = range(4)


@jit
def decide(city: Any, a: Any, b: Any) -> Any:
    facts, now_s = city.state[0], city.state[0].now_s
    one, other = city.boards[a], city.boards[b]
    if facts.rule == NOTHING:
        return a, b, 0.0
    advance(one, now_s)
    advance(other, now_s)
    if facts.rule == AVERAGE and not crosses(one, other):
        return a, b, 0.0
    sent_J = (one.energy_J * other.weight - other.energy_J * one.weight) / (
        one.weight + other.weight
    )
    if facts.rule == SMALL:
        sent_J = copysign(min(abs(sent_J), facts.quantum_J), sent_J)
    if sent_J > 0:
        return a, b, bounded(one, other, sent_J)
    return b, a, bounded(other, one, -sent_J)


@jit
def bounded(ptx: Any, prx: Any, sent_J: Any) -> Any:
    return min(sent_J, ptx.energy_J, prx.capacity_J - prx.energy_J)


@jit
def crosses(one: Any, other: Any) -> Any:
    """Let both add the other's level; say whether just one of them is above its average then."""
    level, others = one.energy_J / one.weight, other.energy_J / other.weight
    one_above, other_above = above(one, level, others), above(other, others, level)
    return one_above != other_above


@jit
def above(board: Any, own: Any, other: Any) -> Any:
    if board.met == 0:
        board.met, board.total = 1, own
    board.met += 1
    board.total += other
    return own * board.met > board.total
