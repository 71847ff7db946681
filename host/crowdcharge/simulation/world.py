# SPDX-License-Identifier: MIT
"""PURE: the event simulation of boards with loads, cords and contacts under a policy.

Transfers follow the rules of the orchestrator: one is decided once for each contact, when both
boards are free, and it ends by the offered energy, the end of the contact, the transmitter's
floor, a full receiver, a cord at the transmitter, a board leaving, or the end of the run. A pad
gives to several at once, each by its own offer at the power of its pair. Not modelled: the new
start of a group when somebody comes or goes, radio, leases, faults, heat, the taper of a nearly
full battery, and the energy that radio and processor use.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, auto
from math import inf
from typing import Any

import numpy as np

from crowdcharge.policy import Encounter, Offer, Policy, offered
from crowdcharge.profiles.rules import BoardRules
from crowdcharge.simulation.board import TINY, SimulatedBoard
from crowdcharge.simulation.contacts import Contact, unknown_board
from crowdcharge.simulation.link import LinkModel
from wptcore.wire import GROUP_MAX


class Order(IntEnum):
    """The order of the events of one instant: first what ends, then what begins, then decisions.

    So a contact is over at its end and cannot begin a transfer then, and a board that becomes
    free and a contact that begins at the same instant find each other. What happens at one instant
    to several boards or contacts happens to them in their order: boards as they were given,
    transfers by their transmitters, contacts by their begin.
    """

    DELIVERED = auto()
    LEVEL_REACHED = auto()
    PARTED = auto()
    LEFT = auto()
    UNPLUGGED = auto()
    PLUGGED = auto()
    FLOWS = auto()
    ARRIVED = auto()
    BEGINS = auto()
    DECIDES = auto()
    BRIEFLY_MET = auto()  # a contact of no length is over once the policy was asked


@dataclass(frozen=True, slots=True)
class CordHabit:
    """An owner who plugs in below one state of charge and out above another; with 0 W, never."""

    power_W: float = 0.0
    below_pct: float = 20.0
    until_pct: float = 90.0


@dataclass(slots=True, eq=False)
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
    power_W: float = inf


@dataclass(slots=True, eq=False)
class SimulatedMeeting:
    """A contact that has begun; `number` counts them, so that the oldest is decided first."""

    number: int
    contact: Contact
    transfer: SimulatedTransfer | None = None


class World(Mapping[int, SimulatedBoard]):
    """The simulated boards; as the policy's views, they are brought up to now when read.

    At and after `end_s` nothing begins that takes time; `finish` ends what is still running.
    """

    def __init__(
        self,
        boards: Iterable[SimulatedBoard],
        contacts: Iterable[Contact],
        policy: Policy,
        link: LinkModel,
        rng: np.random.Generator,
        floor_pct: float = 20.0,
        habit: CordHabit | None = None,
        end_s: float = inf,
        rules: Mapping[int, BoardRules] | None = None,
    ) -> None:
        self.boards = {board.id: board for board in boards}
        self.transfers: list[SimulatedTransfer] = []
        self.now_s = 0.0
        self._policy, self._link, self._rng, self._end_s = policy, link, rng, end_s
        self._floor, self._habit = floor_pct / 100, habit or CordHabit()
        self._rules = {each: (rules or {}).get(each, BoardRules()) for each in self.boards}
        self._contacts = iter(contacts)
        self._running: dict[int, list[SimulatedTransfer]] = {each: [] for each in self.boards}
        self._waiting: dict[int, dict[SimulatedMeeting, None]] = {each: {} for each in self.boards}
        self._ready: set[int] = set()  # boards whose waiting meetings may be decided now
        self._place = {board_id: k for k, board_id in enumerate(self.boards)}
        self._events: list[tuple[float, Order, int, int, Callable[..., None], tuple[Any, ...]]]
        self._events = []
        self._count = self._met = 0
        for board in self.boards.values():
            self._prepare(board)
        self._next_contact()

    @property
    def all_boards(self) -> list[SimulatedBoard]:
        """Return the boards as they were given, absent ones included."""
        return list(self.boards.values())

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
            self.now_s, _, _, _, handle, subject = heapq.heappop(self._events)
            handle(*subject)
        self.now_s = until_s
        for board in self.boards.values():
            board.advance(until_s)

    def finish(self) -> None:
        """End the transfers that still run, at the instant that the run has come to."""
        for board in self.boards.values():
            self._end_all(board, "end")

    def _at(
        self, time_s: float, order: Order, place: int, handle: Callable[..., None], *subject: Any
    ) -> None:
        if time_s < inf:
            self._count += 1  # tells apart what is out of date anyway
            heapq.heappush(self._events, (time_s, order, place, self._count, handle, subject))

    # Boards come, go and are plugged in.

    def _prepare(self, board: SimulatedBoard) -> None:
        board.present = board.arrives_s <= 0
        place = self._place[board.id]
        self._at(board.leaves_s, Order.LEFT, place, self._leave, board)
        for start_s, end_s in board.cords:
            self._at(start_s, Order.PLUGGED, place, self._plug, board)
            self._at(end_s, Order.UNPLUGGED, place, self._unplug, board)
        if board.present:
            self._watch(board)
        else:
            self._at(board.arrives_s, Order.ARRIVED, place, self._arrive, board)

    def _arrive(self, board: SimulatedBoard) -> None:
        board.advance(self.now_s)
        board.present = True
        if any(start_s <= self.now_s < end_s for start_s, end_s in board.cords):
            self._plug(board)
        self._watch(board)
        self._free(board)

    def _leave(self, board: SimulatedBoard) -> None:
        board.advance(self.now_s)
        self._end_all(board, "left")
        board.present = False

    def _plug(self, board: SimulatedBoard) -> None:
        if not board.present or board.cord_W:
            return
        board.advance(self.now_s)
        board.cord_W, board.sessions = self._habit.power_W, board.sessions + 1
        if board.tx_W and not self._rules[board.id].gives_on_cable:
            self._end_all(board, "cord")
        self._watch(board)

    def _unplug(self, board: SimulatedBoard) -> None:
        board.advance(self.now_s)
        board.cord_W = 0.0
        self._watch(board)
        self._free(board)

    # Each board waits for the one level that its energy will cross next if nothing changes.

    def _watch(self, board: SimulatedBoard) -> None:
        board.version += 1
        net_W = board.net_W
        crossing = min(self._levels(board, net_W), key=lambda each: each[0], default=None)
        if crossing is not None:
            away_J, level_J, handle = crossing
            self._at(
                self.now_s + (away_J / abs(net_W) if away_J else 0.0),
                Order.LEVEL_REACHED,
                self._place[board.id],
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
        floor_J, capacity_J, habit = self._floor_J(board), board.capacity_J, self._habit
        by_habit = habit.power_W > 0 and not board.cords
        below_J = habit.below_pct / 100 * capacity_J
        if by_habit and not board.cord_W and (net_W < 0 or board.energy_J <= below_J):
            below_J = min(below_J, board.energy_J)
            yield board.energy_J - below_J, below_J, self._plug
        if net_W < 0:
            if board.tx_W:
                yield board.energy_J - floor_J, floor_J, self._floor_reached
        elif net_W > 0:
            if board.rx_W:
                yield capacity_J - board.energy_J, capacity_J, self._full
            until_J = habit.until_pct / 100 * capacity_J
            if by_habit and board.cord_W:
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
            if abs(board.energy_J - level_J) < TINY * board.capacity_J:
                board.energy_J = level_J  # undo the rounding of the crossing time
            handle(board)

    def _floor_J(self, board: SimulatedBoard) -> float:
        floor = max(self._floor, self._rules[board.id].floor_pct / 100)
        return floor * board.capacity_J

    def _floor_reached(self, board: SimulatedBoard) -> None:
        self._end_all(board, "floor")

    def _full(self, board: SimulatedBoard) -> None:
        self._end_all(board, "full")

    # Contacts begin and end; the policy is asked once for each.

    def _next_contact(self) -> None:
        contact = next(self._contacts, None)
        if contact is not None:
            for board_id in (contact.a, contact.b):
                if board_id not in self.boards:
                    raise unknown_board(board_id)
            self._met += 1
            meeting = SimulatedMeeting(self._met, contact)
            self._at(contact.start_s, Order.BEGINS, meeting.number, self._begin, meeting)

    def _begin(self, meeting: SimulatedMeeting) -> None:
        self._next_contact()
        contact = meeting.contact
        over_s, order = contact.end_s, Order.PARTED
        if over_s <= self.now_s:
            order = Order.BRIEFLY_MET if self._link.power_W == inf else Order.PARTED
        self._at(over_s, order, meeting.number, self._part, meeting)
        for board_id in (contact.a, contact.b):
            self._waiting[board_id][meeting] = None
            self._free(self.boards[board_id])

    def _part(self, meeting: SimulatedMeeting) -> None:
        self._forget(meeting)
        if meeting.transfer is not None:
            self._end(meeting.transfer, "parted")

    def _forget(self, meeting: SimulatedMeeting) -> None:
        for board_id in (meeting.contact.a, meeting.contact.b):
            self._waiting[board_id].pop(meeting, None)

    def _free(self, *boards: SimulatedBoard) -> None:
        """Have the waiting meetings of these boards decided once all else of now has happened."""
        if not self._ready:
            self._at(self.now_s, Order.DECIDES, 0, self._decide)
        self._ready.update(board.id for board in boards)

    def _decide(self) -> None:
        ready, self._ready = self._ready, set()
        if self._link.power_W < inf and self.now_s >= self._end_s:
            return
        waiting = {meeting for board_id in ready for meeting in self._waiting[board_id]}
        for meeting in sorted(waiting, key=lambda each: each.number):
            pair = (self.boards[meeting.contact.a], self.boards[meeting.contact.b])
            if all(board.present and self._has_room(board) for board in pair):
                self._forget(meeting)
                self._ask(meeting)

    def _has_room(self, board: SimulatedBoard) -> bool:
        """Tell whether a board is free, or a pad that may give to one more."""
        running = self._running[board.id]
        return not running or (board.pad and bool(board.tx_W) and len(running) < GROUP_MAX)

    def _ask(self, meeting: SimulatedMeeting) -> None:
        contact = meeting.contact
        meet = Encounter(contact.a, contact.b)
        offer = offered(self._policy, meet, self, self.now_s, self._rng)
        if offer is not None and (power_W := self._power_W(offer)):
            self._start(meeting, offer, power_W)

    def _power_W(self, offer: Offer) -> float:
        """Return the power at which an offer flows; 0: it may not. A pad that gives takes none."""
        ptx, prx = self._rules[offer.ptx], self._rules[offer.prx]
        if (self.boards[offer.ptx].cord_W and not ptx.gives_on_cable) or self._running[offer.prx]:
            return 0.0
        return ptx.power_W(prx, self._link.power_W)

    # Transfers.

    def _start(self, meeting: SimulatedMeeting, offer: Offer, power_W: float) -> None:
        ptx, prx, link = self[offer.ptx], self[offer.prx], self._link
        room_J = prx.capacity_J - prx.energy_J
        sent_J = min(
            offer.energy_J,
            ptx.energy_J - self._floor_J(ptx),
            room_J / link.efficiency + link.start_J,
        )
        takes_time = power_W < inf
        least = TINY if takes_time else 0.0
        if not sent_J > least * ptx.capacity_J or room_J <= least * prx.capacity_J:
            return
        if takes_time and self.now_s + sent_J / power_W <= self.now_s:
            return  # the clock cannot tell it from nothing
        transfer = SimulatedTransfer(meeting.contact, ptx, prx, offer.energy_J, self.now_s)
        self.transfers.append(transfer)
        if not takes_time:
            self._hand_over(transfer, sent_J)
            return
        meeting.transfer, transfer.power_W = transfer, power_W
        transfer.sent_J, transfer.received_J = -ptx.sent_J, -prx.received_J
        self._running[prx.id].append(transfer)
        self._running[ptx.id].append(transfer)
        ptx.tx_W = sum(each.power_W for each in self._running[ptx.id])
        self._watch(ptx)
        place, flows_s = self._place[ptx.id], self.now_s + link.start_J / power_W
        self._at(flows_s, Order.FLOWS, place, self._flow, transfer)
        done_s = self.now_s + offer.energy_J / power_W
        self._at(done_s, Order.DELIVERED, place, self._end, transfer, "done")

    def _flow(self, transfer: SimulatedTransfer) -> None:
        """Let energy arrive at the receiver, now that the start-up cost is paid."""
        if not transfer.ended_by:
            transfer.prx.advance(self.now_s)
            transfer.prx.rx_W = self._link.efficiency * transfer.power_W
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

    def _end_all(self, board: SimulatedBoard, why: str) -> None:
        for transfer in list(self._running[board.id]):
            self._end(transfer, why)

    def _end(self, transfer: SimulatedTransfer, why: str) -> None:
        if transfer.ended_by:
            return
        ptx, prx = transfer.ptx, transfer.prx
        for board in (ptx, prx):
            board.advance(self.now_s)
            self._running[board.id].remove(transfer)
        ptx.tx_W, prx.rx_W = sum(each.power_W for each in self._running[ptx.id]), 0.0
        flowed_J = transfer.power_W * (self.now_s - transfer.start_s)  # a pad's books are of all
        transfer.sent_J = flowed_J if ptx.pad else transfer.sent_J + ptx.sent_J
        transfer.received_J += prx.received_J
        transfer.end_s, transfer.ended_by = self.now_s, why
        self._watch(ptx)
        self._watch(prx)
        self._free(ptx, prx)
