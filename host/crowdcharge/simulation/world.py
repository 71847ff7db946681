# SPDX-License-Identifier: MIT
"""PURE: the event simulation of boards with loads, cords and contacts under a policy.

Transfers follow the rules of the orchestrator: one is decided once for each contact, when both
boards are free, and it ends by the offered energy, the end of the contact, the transmitter's
floor, a full receiver, a cord at the transmitter, or a board leaving. Not modelled: radio, leases,
faults, heat, the taper of a nearly full battery, and the energy that radio and processor use.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.policy import Encounter, Offer, Policy
from crowdcharge.simulation.board import TINY_J, SimulatedBoard
from crowdcharge.simulation.contacts import Contact
from crowdcharge.simulation.link import LinkModel


@dataclass(frozen=True, slots=True)
class CordHabit:
    """An owner who plugs in below one state of charge and out above another; with 0 W, never."""

    power_W: float = 0.0
    below_pct: float = 20.0
    until_pct: float = 90.0


@dataclass(slots=True)
class SimulatedTransfer:
    contact: Contact
    ptx: SimulatedBoard
    prx: SimulatedBoard
    offered_J: float
    start_s: float
    end_s: float = inf
    sent_J: float = 0.0
    received_J: float = 0.0
    ended_by: str = ""


class World(Mapping[int, SimulatedBoard]):
    """The simulated boards; as the policy's views, they are brought up to now when read."""

    def __init__(
        self,
        boards: Iterable[SimulatedBoard],
        contacts: Iterable[Contact],
        policy: Policy,
        link: LinkModel,
        rng: np.random.Generator,
        floor_pct: float = 20.0,
        habit: CordHabit | None = None,
    ) -> None:
        self.boards = {board.id: board for board in boards}
        self.transfers: list[SimulatedTransfer] = []
        self.now_s = 0.0
        self._policy, self._link, self._rng = policy, link, rng
        self._floor, self._habit = floor_pct / 100, habit or CordHabit()
        self._contacts = iter(contacts)
        self._busy: dict[int, SimulatedTransfer] = {}
        self._waiting: dict[Contact, None] = {}
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0
        for board in self.boards.values():
            self._prepare(board)
        self._next_contact()

    def __getitem__(self, board_id: int) -> SimulatedBoard:
        board = self.boards[board_id]
        if not board.present:
            raise KeyError(board_id)
        board.advance(self.now_s)
        return board

    def __iter__(self) -> Iterator[int]:
        return (board.id for board in self.boards.values() if board.present)

    def __len__(self) -> int:
        return sum(board.present for board in self.boards.values())

    def run_to(self, until_s: float) -> None:
        """Handle all events up to and at `until_s`, and bring every board to that time."""
        while self._events and self._events[0][0] <= until_s:
            self.now_s, _, handle, subject = heapq.heappop(self._events)
            handle(*subject)
        self.now_s = until_s
        for board in self.boards.values():
            board.advance(until_s)

    def _at(self, time_s: float, handle: Callable[..., None], *subject: Any) -> None:
        if time_s < inf:
            self._count += 1
            heapq.heappush(self._events, (time_s, self._count, handle, subject))

    # Boards come, go and are plugged in.

    def _prepare(self, board: SimulatedBoard) -> None:
        board.present = board.arrives_s <= 0
        self._at(board.leaves_s, self._leave, board)
        for start_s, end_s in board.cords:
            self._at(start_s, self._plug, board)
            self._at(end_s, self._unplug, board)
        if board.present:
            self._watch(board)
        else:
            self._at(board.arrives_s, self._arrive, board)

    def _arrive(self, board: SimulatedBoard) -> None:
        board.advance(self.now_s)
        board.present = True
        self._watch(board)
        self._retry(board)

    def _leave(self, board: SimulatedBoard) -> None:
        board.advance(self.now_s)
        if board.id in self._busy:
            self._end(self._busy[board.id], "left")
        board.present = False

    def _plug(self, board: SimulatedBoard) -> None:
        if not board.present or board.cord_W:
            return
        board.advance(self.now_s)
        board.cord_W, board.sessions = self._habit.power_W, board.sessions + 1
        transfer = self._busy.get(board.id)
        if transfer is not None and transfer.ptx is board:
            self._end(transfer, "cord")
        self._watch(board)

    def _unplug(self, board: SimulatedBoard) -> None:
        board.advance(self.now_s)
        board.cord_W = 0.0
        self._watch(board)
        self._retry(board)

    # Each board waits for the one level that its energy will cross next if nothing changes.

    def _watch(self, board: SimulatedBoard) -> None:
        board.version += 1
        net_W = board.net_W
        crossing = min(self._levels(board, net_W), key=lambda each: each[0], default=None)
        if crossing is not None:
            away_J, level_J, handle = crossing
            self._at(
                self.now_s + away_J / abs(net_W),
                self._cross,
                board,
                board.version,
                level_J,
                handle,
            )

    def _levels(
        self, board: SimulatedBoard, net_W: float
    ) -> Iterator[tuple[float, float, Callable[[SimulatedBoard], None]]]:
        """Yield how far, which level and what happens there, for each level that lies ahead."""
        floor_J, capacity_J, habit = self._floor * board.capacity_J, board.capacity_J, self._habit
        if net_W < 0:
            if board.tx_W:
                yield board.energy_J - floor_J, floor_J, self._floor_reached
            if habit.power_W and not board.cord_W:
                below_J = min(habit.below_pct / 100 * capacity_J, board.energy_J)
                yield board.energy_J - below_J, below_J, self._plug
        elif net_W > 0:
            if board.rx_W:
                yield capacity_J - board.energy_J, capacity_J, self._full
            until_J = habit.until_pct / 100 * capacity_J
            if board.cord_W and not board.cords:
                yield max(until_J - board.energy_J, 0.0), until_J, self._unplug

    def _cross(
        self,
        board: SimulatedBoard,
        version: int,
        level_J: float,
        handle: Callable[[SimulatedBoard], None],
    ) -> None:
        if version == board.version and board.present:
            board.advance(self.now_s)
            if abs(board.energy_J - level_J) < TINY_J * board.capacity_J:
                board.energy_J = level_J  # undo the rounding of the crossing time
            handle(board)

    def _floor_reached(self, board: SimulatedBoard) -> None:
        self._end(self._busy[board.id], "floor")

    def _full(self, board: SimulatedBoard) -> None:
        self._end(self._busy[board.id], "full")

    # Contacts and transfers.

    def _next_contact(self) -> None:
        contact = next(self._contacts, None)
        if contact is not None:
            for board_id in (contact.a, contact.b):
                if board_id not in self.boards:
                    raise InputError(f"a contact names board {board_id}, which is not there")
            self._at(contact.start_s, self._begin, contact)

    def _begin(self, contact: Contact) -> None:
        self._next_contact()
        self._at(contact.end_s, self._part, contact)
        self._meet(contact)

    def _part(self, contact: Contact) -> None:
        self._waiting.pop(contact, None)
        transfer = self._busy.get(contact.a)
        if transfer is not None and transfer.contact == contact:
            self._end(transfer, "parted")

    def _meet(self, contact: Contact) -> None:
        """Ask the policy once, as soon as both boards are present and free."""
        pair = (self.boards[contact.a], self.boards[contact.b])
        if any(board.id in self._busy or not board.present for board in pair):
            self._waiting[contact] = None
            return
        self._waiting.pop(contact, None)
        offer = self._policy.decide(Encounter(contact.a, contact.b), self, self.now_s, self._rng)
        if offer is not None and not self[offer.ptx].cord_W:
            self._start(contact, offer)

    def _retry(self, *boards: SimulatedBoard) -> None:
        ids = {board.id for board in boards}
        for contact in [each for each in self._waiting if ids & {each.a, each.b}]:
            if contact in self._waiting:
                self._meet(contact)

    def _start(self, contact: Contact, offer: Offer) -> None:
        ptx, prx = self[offer.ptx], self[offer.prx]
        spare_J = ptx.energy_J - self._floor * ptx.capacity_J
        room_J = prx.capacity_J - prx.energy_J
        if spare_J <= TINY_J or room_J <= TINY_J:
            return
        transfer = SimulatedTransfer(contact, ptx, prx, offer.energy_J, self.now_s)
        self.transfers.append(transfer)
        if self._link.power_W == inf:
            needed_J = room_J / self._link.efficiency + self._link.start_J
            self._hand_over(transfer, min(offer.energy_J, spare_J, needed_J))
            return
        self._busy[ptx.id] = self._busy[prx.id] = transfer
        transfer.sent_J, transfer.received_J = -ptx.sent_J, -prx.received_J
        ptx.tx_W = self._link.power_W
        self._watch(ptx)
        self._at(self.now_s + self._link.start_J / ptx.tx_W, self._flow, transfer)
        self._at(self.now_s + offer.energy_J / ptx.tx_W, self._end, transfer, "done")

    def _flow(self, transfer: SimulatedTransfer) -> None:
        """Let energy arrive at the receiver, now that the start-up cost is paid."""
        if not transfer.ended_by:
            transfer.prx.advance(self.now_s)
            transfer.prx.rx_W = self._link.efficiency * self._link.power_W
            self._watch(transfer.prx)

    def _hand_over(self, transfer: SimulatedTransfer, sent_J: float) -> None:
        """Move all energy at once, over a link without a power limit."""
        received_J = self._link.received_J(sent_J)
        transfer.ptx.energy_J -= sent_J
        transfer.prx.energy_J = min(transfer.prx.energy_J + received_J, transfer.prx.capacity_J)
        transfer.ptx.sent_J += sent_J
        transfer.prx.received_J += received_J
        transfer.sent_J, transfer.received_J = sent_J, received_J
        transfer.end_s = self.now_s
        transfer.ended_by = "done" if sent_J == transfer.offered_J else "bound"
        self._watch(transfer.ptx)
        self._watch(transfer.prx)

    def _end(self, transfer: SimulatedTransfer, why: str) -> None:
        if transfer.ended_by:
            return
        ptx, prx = transfer.ptx, transfer.prx
        for board in (ptx, prx):
            board.advance(self.now_s)
            del self._busy[board.id]
        ptx.tx_W = prx.rx_W = 0.0
        transfer.sent_J += ptx.sent_J
        transfer.received_J += prx.received_J
        transfer.end_s, transfer.ended_by = self.now_s, why
        self._watch(ptx)
        self._watch(prx)
        self._retry(ptx, prx)
