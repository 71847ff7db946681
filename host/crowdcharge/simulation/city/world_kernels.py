# SPDX-License-Identifier: MIT
"""The events of the compiled world: `world.World` over arrays, event by event and bit by bit.

The methods of `World` say why; these functions, of the same names, say the same over a `City`.
Slots of the queue: board b's next level is b, the next event of a transfer from b is n + b, the
end of meeting m is 2 n + m.
"""

from typing import Any

import numpy as np

from crowdcharge.simulation.board import TINY
from crowdcharge.simulation.city.board_kernels import FLOOR, FULL, PLUG, advance, watch
from crowdcharge.simulation.city.jit import jit
from crowdcharge.simulation.city.policy_kernels import (
    ENOUGH,
    NEEDS_ANSWER,
    NEEDS_COINS,
    NEEDS_LINKS,
    NEEDS_LOOK,
    decide,
    lacks,
)
from crowdcharge.simulation.city.queue_kernels import due, look_ahead, remove
from crowdcharge.simulation.city.transfer_kernels import (
    BY_CORD,
    BY_DONE,
    BY_FLOOR,
    BY_FULL,
    BY_LEFT,
    BY_PARTED,
    end,
    finish,
    flow,
    let_go,
    start,
)
from crowdcharge.simulation.world import Order

(
    DELIVERED, _, PARTED, LEFT, UNPLUGGED, PLUGGED, FLOWS, ARRIVED, BEGINS, DECIDES, BRIEFLY_MET,
) = map(int, Order)  # fmt: skip

__all__ = [
    "NEEDS_ANSWER", "NEEDS_COINS", "NEEDS_CONTACTS", "NEEDS_LINKS", "NEEDS_LOOK", "NEEDS_ROOM",
    "REACHED", "advance_all", "advance_one", "finish", "prepare", "run_to",
]  # fmt: skip

REACHED = ENOUGH  # why `run_to` came back, beside what the policy lacks
NEEDS_CONTACTS, NEEDS_ROOM = 10, 11


@jit
def prepare(city: Any) -> None:
    for b in range(len(city.boards)):
        watch(city, b)


@jit
def run_to(city: Any, mind: Any, contacts: Any, more: Any, until_s: Any) -> Any:
    """Handle all events up to and at `until_s`; REACHED if every board is at that time.

    `contacts` are those from the stream's next part on; `more` says that others come after them.
    """
    state = city.state[0]
    while True:
        if state.chosen:
            lacking = decide_chosen(city, mind)
            if lacking != ENOUGH:
                return lacking
        if state.contact == len(contacts) and more:
            return NEEDS_CONTACTS
        if state.free == 0:
            return NEEDS_ROOM
        time_s, order = next_event(city, contacts)
        if not time_s <= until_s or time_s == np.inf:
            break
        state.now_s = time_s
        if order == BEGINS:
            begin(city, contacts[state.contact])
        elif order == DECIDES:
            choose_waiting(city)
        elif order in (LEFT, UNPLUGGED, PLUGGED, ARRIVED):
            handle_planned(city)
        else:
            handle_due(city)
    state.now_s = until_s
    advance_all(city)
    return REACHED


@jit
def advance_one(boards: Any, b: Any, now_s: Any) -> None:
    advance(boards[b], now_s)


@jit
def advance_all(city: Any) -> None:
    for b in range(len(city.boards)):
        advance(city.boards[b], city.state[0].now_s)


@jit
def next_event(city: Any, contacts: Any) -> Any:
    """Return when the next event is, and its order, which also tells where it comes from."""
    state, queue = city.state[0], city.queue
    if not queue.head[0].size and queue.head[0].horizon_s < np.inf:
        look_ahead(queue)
    time_s, order = np.inf, 0
    if queue.head[0].size:
        time_s, order = queue.heap[0].time_s, queue.slots[queue.heap[0].slot].order
    if state.planned < len(city.planned):
        plan = city.planned[state.planned]
        time_s, order = first(time_s, order, plan.time_s, plan.order)
    if state.contact < len(contacts):
        time_s, order = first(time_s, order, contacts[state.contact].start_s, BEGINS)
    if state.ready:
        time_s, order = first(time_s, order, state.now_s, DECIDES)
    return time_s, order


@jit
def first(time_s: Any, order: Any, other_s: Any, other: Any) -> Any:
    if other_s < time_s or (other_s == time_s and other < order):
        return other_s, other
    return time_s, order


@jit
def handle_due(city: Any) -> None:
    n, slot = len(city.boards), city.queue.heap[0].slot
    remove(city.queue, slot)
    if slot < n:
        cross(city, slot)
    elif slot >= 2 * n:
        part(city, slot - 2 * n)
    elif city.queue.slots[slot].order == FLOWS:
        flow(city, slot - n)
    else:
        end(city, slot - n, BY_DONE)


@jit
def handle_planned(city: Any) -> None:
    plan = city.planned[city.state[0].planned]
    city.state[0].planned += 1
    if plan.order == LEFT:
        leave(city, plan.board)
    elif plan.order == UNPLUGGED:
        unplug(city, plan.board)
    elif plan.order == PLUGGED:
        plug(city, plan.board)
    else:
        arrive(city, plan.board, plan.in_cord)


# Boards come, go and are plugged in.


@jit
def arrive(city: Any, b: Any, in_cord: Any) -> None:
    board = city.boards[b]
    advance(board, city.state[0].now_s)
    board.present = 1
    if in_cord:
        plug(city, b)
    watch(city, b)
    let_go(city, b)


@jit
def leave(city: Any, b: Any) -> None:
    board = city.boards[b]
    advance(board, city.state[0].now_s)
    if board.deal >= 0:
        end(city, board.deal, BY_LEFT)
    board.present = 0
    watch(city, b)


@jit
def plug(city: Any, b: Any) -> None:
    board, facts = city.boards[b], city.state[0]
    if not board.present or board.cord_W > 0:
        return
    advance(board, city.state[0].now_s)
    board.cord_W = facts.cord_W
    board.sessions += 1
    if board.deal == b and not board.gives_on_cable:
        end(city, b, BY_CORD)
    watch(city, b)


@jit
def unplug(city: Any, b: Any) -> None:
    board = city.boards[b]
    advance(board, city.state[0].now_s)
    board.cord_W = 0.0
    watch(city, b)
    let_go(city, b)


@jit
def cross(city: Any, b: Any) -> None:
    board = city.boards[b]
    advance(board, city.state[0].now_s)
    if abs(board.energy_J - board.level_J) < TINY * board.capacity_J:
        board.energy_J = board.level_J
    if board.level == PLUG:
        plug(city, b)
    elif board.level == FLOOR:
        end(city, board.deal, BY_FLOOR)
    elif board.level == FULL:
        end(city, board.deal, BY_FULL)
    else:
        unplug(city, b)


# Contacts begin and end; the policy is asked once for each.


@jit
def begin(city: Any, contact: Any) -> None:
    state, n = city.state[0], len(city.boards)
    state.contact += 1
    state.free -= 1
    m = city.meetings[state.free].free
    meeting = city.meetings[m]
    meeting.number, meeting.start_s, meeting.end_s = state.begun, contact.start_s, contact.end_s
    meeting.a, meeting.b, meeting.ptx, meeting.waits = contact.a, contact.b, -1, 1
    state.begun += 1
    slot = 2 * n + m
    briefly = meeting.end_s <= state.now_s and city.state[0].power_W == np.inf
    city.queue.slots[slot].order = BRIEFLY_MET if briefly else PARTED
    city.queue.slots[slot].tie = meeting.number
    due(city.queue, slot, meeting.end_s)
    meeting.before_a = meeting.before_b = -1
    meeting.next_a = lead(city, meeting.a, 2 * m)
    meeting.next_b = lead(city, meeting.b, 2 * m + 1)
    let_go(city, meeting.a)
    let_go(city, meeting.b)


@jit
def lead(city: Any, b: Any, entry: Any) -> Any:
    """Put an entry at the head of the board's list, and return what led it before, or -1."""
    behind = city.boards[b].waiting
    city.boards[b].waiting = entry
    if behind >= 0:
        link(city, behind, entry)
    return behind


@jit
def link(city: Any, entry: Any, before: Any) -> None:
    meeting = city.meetings[entry // 2]
    if entry % 2:
        meeting.before_b = before
    else:
        meeting.before_a = before


@jit
def part(city: Any, m: Any) -> None:
    meeting, state = city.meetings[m], city.state[0]
    forget(city, m)
    if meeting.ptx >= 0:
        ptx = city.boards[meeting.ptx]
        if ptx.deal == meeting.ptx and city.deals[meeting.ptx].number == meeting.deal:
            end(city, meeting.ptx, BY_PARTED)
    city.meetings[state.free].free = m
    state.free += 1


@jit
def forget(city: Any, m: Any) -> None:
    meeting = city.meetings[m]
    if not meeting.waits:
        return
    meeting.waits = 0
    close(city, meeting.a, meeting.before_a, meeting.next_a)
    close(city, meeting.b, meeting.before_b, meeting.next_b)


@jit
def close(city: Any, b: Any, before: Any, behind: Any) -> None:
    """Close the gap in the board's list between two entries; -1 stands for none."""
    if behind >= 0:
        link(city, behind, before)
    if before < 0:
        city.boards[b].waiting = behind
    elif before % 2:
        city.meetings[before // 2].next_b = behind
    else:
        city.meetings[before // 2].next_a = behind


@jit
def choose_waiting(city: Any) -> None:
    """List the waiting meetings of the boards that are ready, the oldest first."""
    state = city.state[0]
    ready, state.ready = state.ready, 0
    idle, count = state.power_W < np.inf and state.now_s >= state.end_s, 0
    for k in range(ready):
        board = city.boards[city.boards[k].next_ready]
        board.ready = 0
        if idle or not board.present or board.deal >= 0:
            continue
        entry = board.waiting
        while entry >= 0:
            meeting = city.meetings[entry // 2]
            if not meeting.is_chosen and both_free(city, meeting):
                meeting.is_chosen = 1
                city.meetings[count].chosen = entry // 2
                count += 1
            entry = meeting.next_b if entry % 2 else meeting.next_a
    sort(city.meetings, count)
    state.chosen = count


@jit
def decide_chosen(city: Any, mind: Any) -> Any:
    """Decide the listed meetings; stops at one for which the policy lacks something."""
    state = city.state[0]
    while state.asked < state.chosen:
        m = city.meetings[state.asked].chosen
        if both_free(city, city.meetings[m]):
            lacking = lacks(mind, state.now_s)
            if lacking != ENOUGH:
                return lacking
            forget(city, m)
            ask(city, mind, m)
        city.meetings[m].is_chosen = 0
        state.asked += 1
    state.asked = state.chosen = 0
    return ENOUGH


@jit
def sort(meetings: Any, count: Any) -> None:
    """Sort the chosen meetings by number: Shell's sort with the gaps of Knuth."""
    gap = 1
    while gap < count:
        gap = 3 * gap + 1
    while gap > 0:
        for k in range(gap, count):
            m, at = meetings[k].chosen, k
            while at >= gap and meetings[meetings[at - gap].chosen].number > meetings[m].number:
                meetings[at].chosen = meetings[at - gap].chosen
                at -= gap
            meetings[at].chosen = m
        gap //= 3


@jit
def both_free(city: Any, meeting: Any) -> Any:
    one, other = city.boards[meeting.a], city.boards[meeting.b]
    return one.present and other.present and one.deal < 0 and other.deal < 0


@jit
def ask(city: Any, mind: Any, m: Any) -> None:
    meeting = city.meetings[m]
    ptx, prx, offered_J = decide(city, mind, meeting.a, meeting.b)
    if offered_J > 0:
        giver, taker = city.boards[ptx], city.boards[prx]
        power_W = city.power_W[giver.kind, taker.kind]
        if power_W > 0 and (giver.gives_on_cable or giver.cord_W == 0):
            start(city, m, ptx, prx, offered_J, power_W)
