# SPDX-License-Identifier: MIT
"""A board's battery between two events, compiled: `board.SimulatedBoard`, rounding as it does.

The twin's functions say why; these say the same over a row of `rows.BOARD`.
"""

from typing import Any

import numpy as np

from crowdcharge.simulation.board import TINY
from crowdcharge.simulation.city.jit import jit
from crowdcharge.simulation.city.queue_kernels import due, remove

NONE, PLUG, FLOOR, FULL, UNPLUG = range(5)  # what happens at the level that is reached next


@jit
def net_W(board: Any) -> Any:
    return board.rx_W + board.cord_W - board.tx_W - board.load_W


@jit
def advance(board: Any, now_s: Any) -> None:
    dt_s = now_s - board.now_s
    board.now_s = now_s
    if not board.present or dt_s <= 0:
        return
    net = net_W(board)
    after_J = board.energy_J + net * dt_s
    board.sent_J += board.tx_W * dt_s
    board.received_J += board.rx_W * dt_s
    board.cord_J += board.cord_W * dt_s
    board.used_J += board.load_W * dt_s
    board.energy_J = min(max(after_J, 0.0), board.capacity_J)
    if board.cord_W > 0 and after_J > board.capacity_J:
        board.cord_J -= after_J - board.capacity_J
    if board.load_W > 0 and after_J < 0:
        starve(board, -after_J, net)
    elif board.energy_J > 0:
        board.starved = 0


@jit
def starve(board: Any, short_J: Any, net: Any) -> None:
    board.used_J -= short_J
    board.outage_s += short_J / -net
    if not board.starved and short_J > TINY * board.capacity_J:
        board.starved = 1
        board.outages += 1


@jit
def next_level(facts: Any, board: Any) -> Any:
    """Return how far away the level is that is crossed next, the level, and what happens there."""
    net = net_W(board)
    away_J, level_J, what = np.inf, 0.0, NONE
    by_habit = facts.cord_W > 0 and board.cords == 0
    below_J = facts.below_pct / 100 * board.capacity_J
    if by_habit and board.cord_W == 0 and (net < 0 or board.energy_J <= below_J):
        level_J, what = min(below_J, board.energy_J), PLUG
        away_J = board.energy_J - level_J
    if net < 0:
        if board.tx_W > 0 and board.energy_J - board.floor_J < away_J:
            level_J, what = board.floor_J, FLOOR
            away_J = board.energy_J - level_J
    elif net > 0:
        if board.rx_W > 0 and board.capacity_J - board.energy_J < away_J:
            level_J, what = board.capacity_J, FULL
            away_J = level_J - board.energy_J
        until_J = facts.until_pct / 100 * board.capacity_J
        if by_habit and board.cord_W > 0 and max(until_J - board.energy_J, 0.0) < away_J:
            level_J, what = until_J, UNPLUG
            away_J = max(until_J - board.energy_J, 0.0)
    return away_J, level_J, what


@jit
def watch(city: Any, b: Any) -> None:
    """Have the board's next level be due if nothing changes before."""
    board, now_s = city.boards[b], city.state[0].now_s
    away_J, board.level_J, board.level = next_level(city.state[0], board)
    if board.level == NONE or not board.present:
        remove(city.queue, b)
    else:
        due(city.queue, b, now_s + (away_J / abs(net_W(board)) if away_J != 0 else 0.0))
