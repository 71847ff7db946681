# SPDX-License-Identifier: MIT
"""Play one session: the product's orchestrator, real cores and the bench's physics.

Time is virtual and jumps from event to event, so the same plan gives the same session, bit by
bit, on any machine.
"""

import asyncio
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

import numpy as np

from crowdcharge import policy as policies
from crowdcharge.bench.physics.arrangement import Arrangement
from crowdcharge.bench.physics.battery import Cell
from crowdcharge.bench.physics.coil import CoilLink
from crowdcharge.bench.physics.plant import Node, Plant
from crowdcharge.bench.sessions import plan as plans
from crowdcharge.bench.sessions.core_radio import CoreAir, CoreRadio
from crowdcharge.bench.sessions.faults import FAULTS
from crowdcharge.bench.sessions.jumping_time import JumpingLoop, LoopClock
from crowdcharge.bench.sessions.metered_board import MeteredBoard
from crowdcharge.bench.sessions.plan import SessionPlan
from crowdcharge.bench.sessions.tables import BoardRow, SampleRow, SessionRow, TransferRow
from crowdcharge.boards import codes
from crowdcharge.boards.models import Beacon
from crowdcharge.ledger.settlement import TransferRecord
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.events import Event, TransferEnded, TransferStarted
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.orchestrator.transfer import TransferTerms

TERMS = TransferTerms(lease_ms=2000, energy_min_J=0.5)
_BEACON_ms = 250
_SAMPLE_ms = 250
_TICK_ms = 5
_nJ_PER_mJ = 1_000_000


@dataclass(slots=True)
class Played:
    """The rows of one session, table by table."""

    sessions: list[SessionRow] = field(default_factory=list)
    boards: list[BoardRow] = field(default_factory=list)
    transfers: list[TransferRow] = field(default_factory=list)
    samples: list[SampleRow] = field(default_factory=list)


@dataclass(slots=True)
class _Flow:
    """When a transfer began and ended, and what the physics had counted in all when it began."""

    ptx: int
    prx: int
    started_s: float
    sent_before_nJ: int
    received_before_nJ: int
    ended_s: float | None = None


def play(plan: SessionPlan) -> Played:
    """Play one session to its end and return its rows."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(_Session(plan).run())


class _Session:
    def __init__(self, plan: SessionPlan) -> None:
        self._plan = plan
        nodes = [
            Node(number, Cell(plans.CAPACITY_J), 0) for number in range(1, len(plan.socs_pct) + 1)
        ]
        for node, soc_pct in zip(nodes, plan.socs_pct, strict=True):
            node.set_soc(soc_pct / 100)
        self._plant = Plant(nodes, CoilLink())
        self._arrangement = Arrangement(plan.cycle, plans.SLOT_s)
        self._plant.set_contacts(self._arrangement.contacts_at(0.0))
        rng = Random(plan.seed)
        self._coupling = self._plant.link.coupling(plan.gap_mm, plan.offset_mm)
        self._boards = {
            node.board_id: MeteredBoard(node, self._plant, self._coupling, rng) for node in nodes
        }
        self._air = CoreAir(self._boards)
        self._stepped_ms = dict.fromkeys(self._boards, 0)
        self._flows: dict[int, _Flow] = {}
        self._is_faulty = plan.fault == "none"
        self._played = Played()

    async def run(self) -> Played:
        living = asyncio.create_task(self._live())
        try:
            transfers = await self._host()
        finally:
            living.cancel()
            with suppress(asyncio.CancelledError):
                await living
        self._note_end(transfers)
        return self._played

    async def _host(self) -> list[TransferRecord]:
        plan = self._plan
        slots = tuple(tuple(each.boards for each in slot) for slot in plan.cycle)
        with (
            tempfile.TemporaryDirectory(prefix="crowdcharge-") as folder,
            Store.create(Path(folder) / "ledger.sqlite") as store,
        ):
            orchestrator = Orchestrator(
                radio=CoreRadio(self._air),
                store=store,
                keys={board.board_id: board.key for board in self._boards.values()},
                policy=policies.make(plan.policy),
                contacts=ContactSchedule(plans.SLOT_s, slots),
                clock=LoopClock(),
                rng=np.random.default_rng(plan.seed),
                emit=self._on_event,
                terms=TERMS,
            )
            await orchestrator.run(plans.LENGTH_s)
            return list(store.book.transfers.values())

    # -- the boards' world --

    async def _live(self) -> None:
        """Let physics, boards and adverts go on, whatever the host does."""
        clock = LoopClock()
        now_ms = 0
        while True:
            self._plant.advance_to(now_ms / 1000)
            self._arrange(now_ms / 1000)
            for board_id, board in self._boards.items():
                since_ms = now_ms - self._stepped_ms[board_id]
                if since_ms >= board.period_ms:
                    board.step(since_ms)
                    self._stepped_ms[board_id] = now_ms
            if now_ms % _BEACON_ms == 0:
                self._advertise()
            if now_ms % _SAMPLE_ms == 0:
                self._sample(now_ms / 1000)
            now_ms += _TICK_ms
            await clock.sleep(now_ms / 1000 - clock.now_s())

    def _arrange(self, now_s: float) -> None:
        plan = self._plan
        if not self._is_faulty and now_s >= plan.fault_s:
            self._is_faulty = True
            FAULTS[plan.fault](self._boards[plan.fault_board], self._air)
        away = {plan.fault_board} if self._is_faulty and plan.fault == "move" else set()
        contacts = self._arrangement.contacts_at(now_s)
        self._plant.set_contacts(each for each in contacts if not away & set(each.boards))

    def _advertise(self) -> None:
        for board in self._boards.values():
            if board.address not in self._air.out_of_reach:
                self._air.advertise(board)

    # -- what is noted --

    def _on_event(self, event: Event) -> None:
        if isinstance(event, TransferStarted):
            sender, receiver = self._plant.nodes[event.ptx], self._plant.nodes[event.prx]
            self._flows[event.transfer_id] = _Flow(
                event.ptx, event.prx, event.time_s, sender.sent_nJ, receiver.received_nJ
            )
        elif isinstance(event, TransferEnded):
            self._flows[event.transfer_id].ended_s = event.time_s

    def _sample(self, now_s: float) -> None:
        for transfer, flow in self._flows.items():
            if flow.ended_s is None:
                self._played.samples.append(self._sample_of(transfer, flow, now_s))

    def _sample_of(self, transfer: int, flow: _Flow, now_s: float) -> SampleRow:
        sender, receiver = self._boards[flow.ptx], self._boards[flow.prx]
        tx, rx = Beacon.unpack(sender.beacon()), Beacon.unpack(receiver.beacon())
        return SampleRow(
            session=self._plan.session,
            transfer=transfer,
            time_s=now_s,
            tx_bus_mV=tx.bus_mV,
            tx_current_mA=tx.current_mA,
            rx_bus_mV=rx.bus_mV,
            rx_current_mA=-rx.current_mA,
            true_tx_mW=round(sender.node.tx_A * sender.node.tx_bus_V * 1000, 3),
            true_rx_mW=round(receiver.node.rx_A * receiver.node.rx_bus_V * 1000, 3),
            tx_coil_C=tx.temperature_C,
            rx_coil_C=rx.temperature_C,
            tx_soc_pct=tx.soc_pct,
            rx_soc_pct=rx.soc_pct,
        )

    def _note_end(self, transfers: list[TransferRecord]) -> None:
        plan, played = self._plan, self._played
        faulty = plan.fault != "none"
        played.sessions.append(
            SessionRow(
                session=plan.session,
                policy=plan.policy,
                boards=len(self._boards),
                gap_mm=plan.gap_mm,
                offset_mm=plan.offset_mm,
                coupling=round(self._coupling, 4),
                fault=plan.fault,
                fault_board=plan.fault_board if faulty else None,
                fault_s=plan.fault_s if faulty else None,
                length_s=plans.LENGTH_s,
            )
        )
        played.boards += [self._board_row(board) for board in self._boards.values()]
        played.transfers += [self._transfer_row(each) for each in transfers]

    def _board_row(self, board: MeteredBoard) -> BoardRow:
        told, node = Beacon.unpack(board.beacon()), board.node
        latch = board.core.faults[:1]
        return BoardRow(
            session=self._plan.session,
            board=board.board_id,
            capacity_J=plans.CAPACITY_J,
            true_soc_before_pct=self._plan.socs_pct[board.board_id - 1],
            true_soc_after_pct=round(node.soc * 100, 4),
            soc_after_pct=told.soc_pct,
            tx_shunt_error_ppm=round(board.meters["tx"].shunt.error_ppm, 1),
            rx_shunt_error_ppm=round(board.meters["rx"].shunt.error_ppm, 1),
            sent_mJ=told.sent_mJ,
            received_mJ=told.received_mJ,
            true_sent_mJ=_mJ(node.sent_nJ),
            true_received_mJ=_mJ(node.received_nJ),
            stands=codes.name(latch[0]) if latch else None,
        )

    def _transfer_row(self, record: TransferRecord) -> TransferRow:
        flow = self._flows.get(record.transfer_id)
        return TransferRow(
            session=self._plan.session,
            transfer=record.transfer_id,
            ptx=record.ptx,
            prx=record.prx,
            offered_mJ=record.energy_max_mJ,
            state=record.state,
            started_s=_rounded(flow.started_s if flow else None),
            ended_s=_rounded(flow.ended_s if flow else None),
            ended_by_ptx=_name(record.ept_ptx),
            ended_by_prx=_name(record.ept_prx),
            sent_mJ=record.sent_mJ,
            received_mJ=record.received_mJ,
            true_sent_mJ=_mJ(self._true_nJ(record, "sent")),
            true_received_mJ=_mJ(self._true_nJ(record, "received")),
        )

    def _true_nJ(self, record: TransferRecord, way: Literal["sent", "received"]) -> int:
        """Return what flowed from this transfer's beginning to the next one of that board."""
        flow = self._flows.get(record.transfer_id)
        if flow is None:
            return 0
        who = {"sent": "ptx", "received": "prx"}[way]
        board = getattr(flow, who)
        later = [
            getattr(each, f"{way}_before_nJ")
            for transfer, each in self._flows.items()
            if transfer > record.transfer_id and getattr(each, who) == board
        ]
        final = getattr(self._plant.nodes[board], f"{way}_nJ")
        return int(min([final, *later]) - getattr(flow, f"{way}_before_nJ"))


def _mJ(energy_nJ: int) -> float:
    return round(energy_nJ / _nJ_PER_mJ, 3)


def _rounded(time_s: float | None) -> float | None:
    return None if time_s is None else round(time_s, 3)


def _name(code: int | None) -> str | None:
    return None if code is None else codes.name(code)
