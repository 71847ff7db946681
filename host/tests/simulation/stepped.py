# SPDX-License-Identifier: MIT
"""The event simulation in steps of a fixed length, written from the documents alone.

It has no events and no order of one instant: every step looks at every board anew. So it finds
what is wrong in both worlds at once, as far as a step can tell.
"""

from dataclasses import dataclass, field
from math import inf

import numpy as np

from crowdcharge.policy import Encounter

AT_ONCE = 6  # what a pad gives to
TINY = 1e-9


@dataclass
class Board:
    id: int
    capacity_J: float
    energy_J: float
    load_W: float
    arrives_s: float
    leaves_s: float
    cords: tuple
    pad: bool
    here: bool = False
    cord: bool = False
    running: list = field(default_factory=list)
    sent_J: float = 0.0
    received_J: float = 0.0
    used_J: float = 0.0
    cord_J: float = 0.0
    sessions: int = 0
    gives_J: float = inf
    wants_J: float = inf
    coil_C: float = 25.0

    @property
    def soc(self):
        return self.energy_J / self.capacity_J

    def has_room(self):
        gives = self.pad and self.running and self.running[0].ptx is self
        return self.here and (not self.running or (gives and len(self.running) < AT_ONCE))


@dataclass
class Transfer:
    ptx: Board
    prx: Board
    offered_J: float
    until_s: float
    sent_J: float = 0.0


class Stepped:
    def __init__(self, scenario, step_s):
        self.scenario, self.link, self.step_s = scenario, scenario.link, step_s
        self.policy = scenario.make_policy(self.link.beta)
        self.rng = np.random.default_rng(0)
        self.floor = scenario.floor_pct / 100
        self.offered_J = []
        self.boards = {
            s.id: Board(
                s.id, s.capacity_J, s.capacity_J * s.soc_pct / 100, s.load_W, s.arrives_s,
                s.leaves_s, s.cords, s.pad,
            )
            for s in scenario.boards
        }  # fmt: skip
        rows = scenario.contacts.contacts
        self.ahead = sorted((start_s, end_s, a, b) for a, b, start_s, end_s in rows)[::-1]
        self.open = []

    def run(self):
        for k in range(round(self.scenario.duration_s / self.step_s)):
            now_s = k * self.step_s
            for board in self.boards.values():
                self.end(board, now_s)
            for board in self.boards.values():
                self.come_and_go(board, now_s)
            self.decide(now_s)
            for board in self.boards.values():
                if board.here:
                    self.flow(board)
        return self

    def end(self, board, now_s):
        for each in [t for t in board.running if t.ptx is board]:
            delivered = each.sent_J >= each.offered_J - TINY
            drained = board.energy_J <= self.floor * board.capacity_J + TINY
            full = each.prx.energy_J >= each.prx.capacity_J - TINY
            if delivered or drained or full or each.until_s <= now_s:
                self.stop(each)

    def stop(self, transfer):
        transfer.ptx.running.remove(transfer)
        transfer.prx.running.remove(transfer)

    def come_and_go(self, board, now_s):
        board.here = board.arrives_s <= now_s < board.leaves_s
        wants = board.here and self.wants_cord(board, now_s)
        plugged = wants and not board.cord
        board.sessions += plugged
        board.cord = wants
        for each in list(board.running):
            if not board.here or (plugged and each.ptx is board):
                self.stop(each)

    def wants_cord(self, board, now_s):
        habit = self.scenario.habit
        if board.cords:
            return any(start_s <= now_s < end_s for start_s, end_s in board.cords)
        level_pct = 100 * board.soc
        limit_pct = habit.until_pct if board.cord else habit.below_pct
        return habit.power_W > 0 and (
            level_pct < limit_pct if board.cord else level_pct <= limit_pct
        )

    def decide(self, now_s):
        while self.ahead and self.ahead[-1][0] <= now_s:
            self.open.append(self.ahead.pop())
        self.open = [contact for contact in self.open if contact[1] > now_s]
        for contact in list(self.open):
            _, end_s, a, b = contact
            if self.boards[a].has_room() and self.boards[b].has_room():
                self.open.remove(contact)
                views = {each.id: each for each in self.boards.values() if each.here}
                offer = self.policy.decide(Encounter(a, b), views, now_s, self.rng)
                if offer is not None:
                    self.start(offer, end_s)

    def start(self, offer, until_s):
        ptx, prx = self.boards[offer.ptx], self.boards[offer.prx]
        above = ptx.energy_J > self.floor * ptx.capacity_J and offer.energy_J > 0
        if above and prx.soc < 1 - TINY and not ptx.cord and not prx.running:
            transfer = Transfer(ptx, prx, offer.energy_J, until_s)
            ptx.running.append(transfer)
            prx.running.append(transfer)
            self.offered_J.append(offer.energy_J)

    def flow(self, board):
        a_step_J = self.link.power_W * self.step_s
        given_J = 0.0
        for each in board.running:
            if each.ptx is board:
                given_J += a_step_J
                each.sent_J += a_step_J
                arrived_J = max(0.0, min(a_step_J, each.sent_J - self.link.start_J))
                each.prx.energy_J += self.link.efficiency * arrived_J
                each.prx.received_J += self.link.efficiency * arrived_J
        cord_J = self.scenario.habit.power_W * self.step_s if board.cord else 0.0
        used_J = board.load_W * self.step_s
        after_J = board.energy_J + cord_J - given_J - used_J
        board.cord_J += cord_J - min(cord_J, max(after_J - board.capacity_J, 0.0))
        board.used_J += used_J - max(-after_J, 0.0)
        board.energy_J = min(max(after_J, 0.0), board.capacity_J)
        board.sent_J += given_J
