# SPDX-License-Identifier: MIT
"""The physics of the bench: cells, coils and temperatures of all boards, in bench seconds.

It is pure: no clock, no I/O. Energy is booked in whole nanojoules, each flow out of one account
and into another, so it is conserved exactly and not within a tolerance:
stored + heat + loss == stored at the start, and sent == received + loss. docs/explanation/plant.md
says what is modelled, from which sources, and what is not.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import exp

from crowdcharge.bench.physics.battery import Cell, open_circuit_V
from crowdcharge.bench.physics.coil import CoilLink
from crowdcharge.bench.physics.thermal import Lump

STEP_s = 0.01  # integration step while power flows; a shorter remainder is one step
THERMAL_STEP_s = 0.1
_nJ_PER_J = 1_000_000_000
# A cell's voltage comes to rest with a time constant of minutes: one RC element, of a size that is
# usual for 2 Ah cells (our choice).
_RELAX_Ohm = 0.05
_RELAX_s = 120.0
_TX_COIL_SHARE = 0.6  # of the link's loss; the rest heats the receiver's coil


@dataclass(frozen=True, slots=True)
class Placement:
    """Two boards that lie on each other, in either direction."""

    boards: tuple[int, int]
    gap_mm: float = 3.0
    offset_mm: float = 0.0

    def other(self, board_id: int) -> int:
        return self.boards[self.boards[0] == board_id]


@dataclass(slots=True)
class Node:
    """The physical state of a board. Accounts are in nJ; `*_A` and `*_V` are of the last step."""

    board_id: int
    cell: Cell
    stored_nJ: int
    shunt_Ohm: float = 0.1
    idle_W: float = 0.0
    coil: Lump = field(default_factory=lambda: Lump(25.0, 15.0, 10.0))
    battery: Lump = field(default_factory=lambda: Lump(25.0, 20.0, 20.0))
    sent_nJ: int = 0
    received_nJ: int = 0
    heat_nJ: int = 0  # cell, shunt, charger, idle consumption
    loss_nJ: int = 0  # of the links in which this board was the transmitter
    tx_on: bool = False  # both breaks conduct
    rx_on: bool = False  # the receiver's switch conducts
    cable: bool = False  # only sensed: it brings no energy
    foreign_W: float = 0.0  # taken by an object on the coil while there is a field
    tx_limit_W: float | None = None  # set by a Qi chip that limits its power
    tx_A: float = 0.0
    rx_A: float = 0.0
    rx_bus_V: float = 0.0
    cell_A: float = 0.0  # > 0 leaves the cell
    on_s: float = 0.0  # how long its transmitter has had power
    coupled_s: float = 0.0  # how long its field has reached a receiver
    powered_s: float = 0.0  # how long that receiver has drawn power
    relax_V: float = 0.0  # diffusion: > 0 after charging; only the fuel gauge sees it
    _coil_heat_nJ: int = 0
    _battery_heat_nJ: int = 0

    @property
    def soc(self) -> float:
        return self.stored_nJ / (self.cell.capacity_J * _nJ_PER_J)

    def set_soc(self, soc: float) -> None:
        self.stored_nJ = round(soc * self.cell.capacity_J * _nJ_PER_J)

    @property
    def ocv_V(self) -> float:
        return open_circuit_V(self.soc)

    @property
    def cell_V(self) -> float:
        return self.ocv_V - self.cell_A * self.cell.resistance_Ohm

    @property
    def tx_bus_V(self) -> float:
        return self.cell_V - self.tx_A * self.shunt_Ohm

    @property
    def transmits(self) -> bool:
        return self.tx_on and self.stored_nJ > 0

    def rest(self) -> None:
        """Set all flows to zero; the next step sets those that remain."""
        self.tx_A = self.rx_A = self.rx_bus_V = self.cell_A = 0.0

    def draw(self, power_W: float, dt_s: float) -> int:
        """Take `power_W` out through the transmitter's meter; return the energy sent in nJ."""
        ocv_V = self.ocv_V
        self.tx_A = self.cell.discharge_A(ocv_V, power_W, self.shunt_Ohm)
        self.cell_A += self.tx_A
        series_Ohm = self.cell.resistance_Ohm + self.shunt_Ohm
        heat_nJ = round(self.tx_A**2 * series_Ohm * dt_s * _nJ_PER_J)
        sent_nJ = round((ocv_V - self.tx_A * series_Ohm) * self.tx_A * dt_s * _nJ_PER_J)
        sent_nJ = min(sent_nJ, max(self.stored_nJ - heat_nJ, 0))
        self.stored_nJ -= sent_nJ + heat_nJ
        self.sent_nJ += sent_nJ
        self.heat_nJ += heat_nJ
        self._battery_heat_nJ += heat_nJ
        return sent_nJ

    def charge(self, power_W: float, link: CoilLink, dt_s: float) -> int:
        """Take `power_W` in through the receiver's meter; return the energy received in nJ."""
        ocv_V = self.ocv_V
        cell_A = self.cell.charge_A(ocv_V, power_W * link.charger_efficiency)
        self.cell_A -= cell_A
        self.rx_A = Cell(1.0, self.shunt_Ohm).discharge_A(link.output_V, power_W)
        self.rx_bus_V = link.output_V - self.rx_A * self.shunt_Ohm
        received_nJ = round(power_W * dt_s * _nJ_PER_J)
        kept_nJ = min(round(ocv_V * cell_A * dt_s * _nJ_PER_J), received_nJ)
        self.stored_nJ += kept_nJ
        self.received_nJ += received_nJ
        self.heat_nJ += received_nJ - kept_nJ
        self._battery_heat_nJ += received_nJ - kept_nJ
        return received_nJ

    def warm_coil(self, heat_nJ: int) -> None:
        self._coil_heat_nJ += heat_nJ

    def relax(self, dt_s: float) -> None:
        """Apply idle consumption and temperatures over `dt_s`."""
        idle_nJ = min(round(self.idle_W * dt_s * _nJ_PER_J), self.stored_nJ)
        self.stored_nJ -= idle_nJ
        self.heat_nJ += idle_nJ
        final_V = -self.cell_A * _RELAX_Ohm
        self.relax_V = final_V + (self.relax_V - final_V) * exp(-dt_s / _RELAX_s)
        self.coil.step(dt_s, self._coil_heat_nJ / _nJ_PER_J)
        self.battery.step(dt_s, self._battery_heat_nJ / _nJ_PER_J)
        self._coil_heat_nJ = self._battery_heat_nJ = 0

    def power_acceptance_W(self, link: CoilLink) -> float:
        """Power that the charger would take from the receiver now."""
        cell_A = self.cell.acceptance_A(self.ocv_V)
        terminals_V = self.ocv_V + cell_A * self.cell.resistance_Ohm
        return cell_A * terminals_V / link.charger_efficiency


class Plant:
    """All boards of a bench. Change pins, contacts and faults only after `advance_to(now)`."""

    def __init__(self, nodes: Iterable[Node], link: CoilLink) -> None:
        self.now_s = 0.0
        self.link = link
        self.nodes = {node.board_id: node for node in nodes}
        self._contacts: dict[int, Placement] = {}
        self._relaxed_s = 0.0

    @property
    def contacts(self) -> list[Placement]:
        return list({id(contact): contact for contact in self._contacts.values()}.values())

    def set_contacts(self, contacts: Iterable[Placement]) -> None:
        """Set the contacts from now on; a board lies on at most one other."""
        self._contacts = {board_id: contact for contact in contacts for board_id in contact.boards}

    def peer(self, board_id: int) -> int | None:
        contact = self._contacts.get(board_id)
        return contact.other(board_id) if contact else None

    def step(self, dt_s: float) -> None:
        self.advance_to(self.now_s + dt_s)

    def advance_to(self, time_s: float) -> None:
        while (left_s := time_s - self.now_s) > 1e-9:
            senders = [node for node in self.nodes.values() if node.transmits]
            dt_s = min(left_s, STEP_s) if senders else min(left_s, THERMAL_STEP_s)
            self._step(senders, dt_s)

    def _step(self, senders: list[Node], dt_s: float) -> None:
        for node in self.nodes.values():
            node.rest()
            if not node.transmits:
                node.on_s = node.coupled_s = node.powered_s = 0.0
        for node in senders:
            self._transmit(node, dt_s)
        self.now_s += dt_s
        if self.now_s - self._relaxed_s >= THERMAL_STEP_s - 1e-9:
            for node in self.nodes.values():
                node.relax(self.now_s - self._relaxed_s)
            self._relaxed_s = self.now_s

    def _transmit(self, donor: Node, dt_s: float) -> None:
        receiver, coupling = self._receiver(donor)
        self._search(donor, receiver, dt_s)
        received_W = 0.0
        if receiver and donor.coupled_s > self.link.handshake_s:
            receiver.rx_bus_V = self.link.output_V
            if receiver.rx_on:
                received_W = self._received_W(donor, receiver, coupling)
        donor.powered_s = donor.powered_s + dt_s if received_W else 0.0
        sent_nJ = donor.draw(self._sent_W(donor, received_W, coupling, dt_s), dt_s)
        received_nJ = 0
        if receiver and received_W:
            received_nJ = receiver.charge(min(received_W, sent_nJ / dt_s / 1e9), self.link, dt_s)
        self._lose(donor, receiver, sent_nJ - received_nJ)
        donor.on_s += dt_s

    def _search(self, donor: Node, receiver: Node | None, dt_s: float) -> None:
        """Count how long a receiver has been found; one is found by a ping only."""
        found = donor.coupled_s > 0.0 or self.link.pings(donor.on_s)
        donor.coupled_s = donor.coupled_s + dt_s if receiver and found else 0.0

    def _sent_W(self, donor: Node, received_W: float, coupling: float, dt_s: float) -> float:
        """Mean power in the donor's lead over the step."""
        link = self.link
        if not donor.coupled_s:
            base_W = link.search_W(donor.on_s, dt_s)
        elif donor.coupled_s <= link.handshake_s:
            base_W = min(link.ping_W, link.fixed_W)
        else:
            base_W = link.sent_W(received_W, coupling) + donor.foreign_W
        return base_W + link.peaks_W(donor.on_s, donor.powered_s, dt_s)

    def _receiver(self, donor: Node) -> tuple[Node | None, float]:
        """Return the board that answers the donor's ping, and the coupling."""
        contact = self._contacts.get(donor.board_id)
        if contact is None:
            return None, 1.0
        coupling = self.link.coupling(contact.gap_mm, contact.offset_mm)
        if coupling < self.link.coupling_min:
            return None, 1.0
        return self.nodes[contact.other(donor.board_id)], coupling

    def _received_W(self, donor: Node, receiver: Node, coupling: float) -> float:
        wanted_W = min(self.link.power_W * coupling, receiver.power_acceptance_W(self.link))
        if donor.tx_limit_W is None:
            return wanted_W
        return min(wanted_W, self.link.received_W(donor.tx_limit_W, coupling))

    def _lose(self, donor: Node, receiver: Node | None, loss_nJ: int) -> None:
        donor.loss_nJ += loss_nJ
        donor_nJ = round(loss_nJ * _TX_COIL_SHARE) if receiver else loss_nJ
        donor.warm_coil(donor_nJ)
        if receiver:
            receiver.warm_coil(loss_nJ - donor_nJ)
