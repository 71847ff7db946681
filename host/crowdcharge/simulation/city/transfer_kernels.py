# SPDX-License-Identifier: MIT
"""Transfers of the compiled world, from the offer to the books: twins of `World`'s methods."""

from typing import Any

import numpy as np

from crowdcharge.simulation.board import TINY
from crowdcharge.simulation.city.board_kernels import advance, watch
from crowdcharge.simulation.city.jit import jit
from crowdcharge.simulation.city.queue_kernels import due, remove
from crowdcharge.simulation.city.rows import REASONS
from crowdcharge.simulation.world import Order

DELIVERED, FLOWS = int(Order.DELIVERED), int(Order.FLOWS)
BY_DONE, BY_BOUND, BY_PARTED, BY_FLOOR, BY_FULL, BY_LEFT, BY_CORD, BY_END = range(len(REASONS))


@jit
def let_go(city: Any, b: Any) -> None:
    """Have the waiting meetings of this board decided once all else of now has happened."""
    board, state = city.boards[b], city.state[0]
    if not board.ready:
        board.ready = 1
        city.boards[state.ready].next_ready = b
        state.ready += 1


@jit
def start(city: Any, m: Any, ptx: Any, prx: Any, offered_J: Any, power_W: Any) -> None:
    giver, taker, facts, state = city.boards[ptx], city.boards[prx], city.state[0], city.state[0]
    advance(giver, state.now_s)
    advance(taker, state.now_s)
    room_J = taker.capacity_J - taker.energy_J
    sent_J = min(
        offered_J, giver.energy_J - giver.floor_J, room_J / facts.efficiency + facts.start_J
    )
    takes_time = power_W < np.inf
    least = TINY if takes_time else 0.0
    if not sent_J > least * giver.capacity_J or room_J <= least * taker.capacity_J:
        return
    if takes_time and state.now_s + sent_J / power_W <= state.now_s:
        return
    meeting, deal = city.meetings[m], city.deals[ptx]
    deal.number, deal.prx, deal.offered_J, deal.start_s = (
        state.started,
        prx,
        offered_J,
        state.now_s,
    )
    deal.contact_start_s, deal.contact_end_s = meeting.start_s, meeting.end_s
    deal.a_gives = ptx == meeting.a
    state.started += 1
    if not takes_time:
        hand_over(city, ptx, prx, sent_J)
        return
    meeting.ptx, meeting.deal = ptx, deal.number
    giver.deal = taker.deal = ptx
    deal.sent_before_J, deal.received_before_J = giver.sent_J, taker.received_J
    giver.tx_W = power_W
    watch(city, ptx)
    flows_s = state.now_s + facts.start_J / giver.tx_W
    deal.done_s = state.now_s + offered_J / giver.tx_W
    slot = len(city.boards) + ptx
    city.queue.slots[slot].order = FLOWS if flows_s < deal.done_s else DELIVERED
    due(city.queue, slot, min(flows_s, deal.done_s))


@jit
def flow(city: Any, ptx: Any) -> None:
    deal, facts, slot = city.deals[ptx], city.state[0], len(city.boards) + ptx
    taker = city.boards[deal.prx]
    advance(taker, city.state[0].now_s)
    taker.rx_W = facts.efficiency * city.boards[ptx].tx_W
    watch(city, deal.prx)
    city.queue.slots[slot].order = DELIVERED
    due(city.queue, slot, deal.done_s)


@jit
def hand_over(city: Any, ptx: Any, prx: Any, sent_J: Any) -> None:
    giver, taker, facts = city.boards[ptx], city.boards[prx], city.state[0]
    received_J = facts.efficiency * max(sent_J - facts.start_J, 0.0)
    giver.energy_J -= sent_J
    taker.energy_J = min(taker.energy_J + received_J, taker.capacity_J)
    giver.sent_J += sent_J
    taker.received_J += received_J
    book(
        city, ptx, sent_J, received_J,
        BY_DONE if sent_J == city.deals[ptx].offered_J else BY_BOUND,
    )  # fmt: skip
    watch(city, ptx)
    watch(city, prx)


@jit
def end(city: Any, ptx: Any, why: Any) -> None:
    deal, now_s = city.deals[ptx], city.state[0].now_s
    prx = deal.prx
    giver, taker = city.boards[ptx], city.boards[prx]
    advance(giver, now_s)
    advance(taker, now_s)
    giver.deal = taker.deal = -1
    giver.tx_W = taker.rx_W = 0.0
    remove(city.queue, len(city.boards) + ptx)
    book(
        city, ptx, giver.sent_J - deal.sent_before_J,
        taker.received_J - deal.received_before_J, why,
    )  # fmt: skip
    watch(city, ptx)
    watch(city, prx)
    let_go(city, ptx)
    let_go(city, prx)


@jit
def book(city: Any, ptx: Any, sent_J: Any, received_J: Any, why: Any) -> None:
    """Add an ended transfer to the books of both, and to the log if it is one that is kept."""
    state, deal = city.state[0], city.deals[ptx]
    city.boards[ptx].booked_sent_J += sent_J
    city.boards[deal.prx].booked_received_J += received_J
    if deal.number % state.every:
        return
    if state.logged == len(city.log):
        thin(city)
        if deal.number % state.every:
            return
    row = city.log[state.logged]
    state.logged += 1
    row.number, row.ptx, row.prx, row.why = deal.number, ptx, deal.prx, why
    row.a_gives = deal.a_gives
    row.start_s, row.end_s, row.offered_J = deal.start_s, state.now_s, deal.offered_J
    row.sent_J, row.received_J = sent_J, received_J
    row.contact_start_s, row.contact_end_s = deal.contact_start_s, deal.contact_end_s


@jit
def thin(city: Any) -> None:
    """Keep every second of the transfers that were kept."""
    state = city.state[0]
    state.every *= 2
    kept = 0
    for k in range(state.logged):
        if city.log[k].number % state.every == 0:
            city.log[kept] = city.log[k]
            kept += 1
    state.logged = kept


@jit
def finish(city: Any) -> None:
    """End the transfers that still run, at the instant that the run has come to."""
    for b in range(len(city.boards)):
        if city.boards[b].deal == b:
            end(city, b, BY_END)
