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
from wptcore.shares import apportion

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
    reached_s: float = 0.0  # how long a field has reached it, as a receiver
    powered_s: float = 0.0  # how long it has drawn power from that field
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


@dataclass(frozen=True, slots=True)
class _Load:
    """A receiver that a field has found."""

    node: Node
    coupling: float


class Plant:
    """All boards of a bench. Change pins, contacts and faults only after `advance_to(now)`."""

    def __init__(self, nodes: Iterable[Node], link: CoilLink) -> None:
        self.now_s = 0.0
        self.link = link
        self.nodes = {node.board_id: node for node in nodes}
        self._contacts: dict[int, list[Placement]] = {}
        self._relaxed_s = 0.0

    @property
    def contacts(self) -> list[Placement]:
        placed = (contact for contacts in self._contacts.values() for contact in contacts)
        return list({id(contact): contact for contact in placed}.values())

    def set_contacts(self, contacts: Iterable[Placement]) -> None:
        """Set the contacts from now on; a board on which several lie feeds them all."""
        self._contacts = {}
        for contact in contacts:
            for board_id in contact.boards:
                self._contacts.setdefault(board_id, []).append(contact)

    def peers(self, board_id: int) -> list[int]:
        """Return the boards that lie on this one."""
        return [contact.other(board_id) for contact in self._contacts.get(board_id, ())]

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
                node.on_s = node.coupled_s = 0.0
        reached = {found for node in senders for found in self._transmit(node, dt_s)}
        for node in self.nodes.values():
            if node.board_id not in reached:
                node.reached_s = node.powered_s = 0.0
        self.now_s += dt_s
        if self.now_s - self._relaxed_s >= THERMAL_STEP_s - 1e-9:
            for node in self.nodes.values():
                node.relax(self.now_s - self._relaxed_s)
            self._relaxed_s = self.now_s

    def _transmit(self, donor: Node, dt_s: float) -> list[int]:
        """Let a donor's field work for one step; return the receivers that it has found."""
        loads = self._loads(donor, dt_s)
        draws_W = self._draws_W(donor, loads)
        for load, draw_W in zip(loads, draws_W, strict=True):
            load.node.powered_s = load.node.powered_s + dt_s if draw_W else 0.0
        sent_nJ = donor.draw(self._sent_W(donor, loads, draws_W, dt_s), dt_s)
        share = min(1.0, sent_nJ / dt_s / _nJ_PER_J / sum(draws_W)) if any(draws_W) else 0.0
        received_nJ = [
            load.node.charge(draw_W * share, self.link, dt_s) if draw_W else 0
            for load, draw_W in zip(loads, draws_W, strict=True)
        ]
        self._lose(donor, loads, sent_nJ, received_nJ)
        donor.on_s += dt_s
        return [load.node.board_id for load in loads]

    def _loads(self, donor: Node, dt_s: float) -> list[_Load]:
        """Return the receivers that a donor's field has found; they are found by a ping only."""
        loads = []
        for contact in self._contacts.get(donor.board_id, ()):
            coupling = self.link.coupling(contact.gap_mm, contact.offset_mm)
            if coupling >= self.link.coupling_min:
                loads.append(_Load(self.nodes[contact.other(donor.board_id)], coupling))
        found = donor.coupled_s > 0.0 or self.link.pings(donor.on_s)
        donor.coupled_s = donor.coupled_s + dt_s if loads and found else 0.0
        if not donor.coupled_s:
            return []
        for load in loads:
            load.node.reached_s += dt_s
            if load.node.reached_s > self.link.handshake_s:
                load.node.rx_bus_V = self.link.output_V
        return loads

    def _draws_W(self, donor: Node, loads: list[_Load]) -> list[float]:
        """Power out of each receiver; a transmitter's limit cuts all by the same share."""
        link = self.link
        draws_W = [
            min(link.power_W * load.coupling, load.node.power_acceptance_W(link))
            if load.node.rx_on and load.node.reached_s > link.handshake_s
            else 0.0
            for load in loads
        ]
        if donor.tx_limit_W is None or not any(draws_W):
            return draws_W
        most_W = link.received_W(donor.tx_limit_W, _joint_coupling(loads, draws_W))
        share = min(1.0, most_W / sum(draws_W))
        return [draw_W * share for draw_W in draws_W]

    def _sent_W(self, donor: Node, loads: list[_Load], draws_W: list[float], dt_s: float) -> float:
        """Mean power in the donor's lead over the step."""
        link = self.link
        if not donor.coupled_s:
            base_W = link.search_W(donor.on_s, dt_s)
        elif donor.coupled_s <= link.handshake_s:
            base_W = min(link.ping_W, link.fixed_W)
        else:
            base_W = link.sent_W(sum(draws_W), _joint_coupling(loads, draws_W)) + donor.foreign_W
        return base_W + link.peaks_W(donor.on_s, [load.node.powered_s for load in loads], dt_s)

    def _lose(self, donor: Node, loads: list[_Load], sent_nJ: int, received_nJ: list[int]) -> None:
        """Warm the coils by what was sent and not received: each receiver's by what it got."""
        loss_nJ = sent_nJ - sum(received_nJ)
        donor.loss_nJ += loss_nJ
        donor_nJ = round(loss_nJ * _TX_COIL_SHARE) if loads else loss_nJ
        donor.warm_coil(donor_nJ)
        heats_nJ = apportion(loss_nJ - donor_nJ, received_nJ) if loads else []
        for load, heat_nJ in zip(loads, heats_nJ, strict=True):
            load.node.warm_coil(heat_nJ)


def _joint_coupling(loads: list[_Load], draws_W: list[float]) -> float:
    """Return the coupling of the one receiver that several together are to their transmitter."""
    if not any(draws_W):
        return 1.0
    through_W = (draw_W / load.coupling for load, draw_W in zip(loads, draws_W, strict=True))
    return sum(draws_W) / sum(through_W)
