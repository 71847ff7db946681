# SPDX-License-Identifier: MIT
"""PURE: a ledger's rows as the records of a live run, each at its moment of the unix clock.

Rows count from the start of their run on the boards' clock. The time of day at which the run
started puts them in their place; a run that did not note it follows the one before.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from crowdcharge.boards import codes
from crowdcharge.ledger import kinds
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.rows import Row
from crowdcharge.ledger.settlement import TransferRecord
from wptcore import wire
from wptcore.shares import apportion

Record = dict[str, Any]


@dataclass(slots=True)
class _Meter:
    power_mW: int = 0
    energy_mJ: int = 0
    soc_permille: int | None = None
    heard_s: float | None = None


@dataclass(slots=True)
class Tape:
    """`play` each row in order; `book` is what they add up to, `time_s` their newest moment."""

    time_s: float = 0.0
    book: Book = field(default_factory=Book)
    _start_s: float = 0.0
    _sides: dict[int, tuple[_Meter, _Meter]] = field(default_factory=dict)

    def play(self, row: Row, content: kinds.Content) -> list[Record]:
        """Return what a page is told by this row; nothing by one that only the books need."""
        started_s = getattr(content, "started_unix_s", None)
        if isinstance(content, kinds.Run):
            self._start_s = self.time_s = max(started_s or 0.0, self.time_s)
        t_ms = getattr(content, "t_ms", None)
        if t_ms is not None:
            self.time_s = max(self.time_s, self._start_s + t_ms / 1000)
        before = self.book.transfers.get(getattr(content, "transfer_id", 0))
        self.book.apply(row, content)
        tell = _TELL.get(type(content))
        if tell is None or (before and not before.prx):
            return []
        return [{"time_s": self.time_s, **record} for record in tell(self, content)]

    def _parties(self, transfer_id: int) -> Record:
        transfer = self.book.transfers[transfer_id]
        return {"transfer_id": transfer_id, "ptx": transfer.ptx, "prx": transfer.prx}

    def _run(self, run: kinds.Run) -> Iterator[Record]:
        policy = {"name": run.policy, "options": {}, "says": ""}
        yield {"event": "Facts", "run": {"policy": policy, "seed": run.seed}}

    def _reading(self, reading: kinds.Reading) -> Iterator[Record]:
        board_id = reading.board_id
        names = ("board_id", "sent_mJ", "received_mJ", "capacity_mJ")
        told = {name: getattr(reading, name) for name in names}
        yield {"event": "Facts", "boards": [{"state": "IDLE", **told}]}
        soc_permille = reading.soc_permille
        yield {"event": "BoardReading", "board_id": board_id, "soc_permille": soc_permille}

    def _sample(self, sample: kinds.Sample) -> Iterator[Record]:
        """Progress of both sides, as far as they are known; the first sample is the start."""
        transfer_id = sample.transfer_id
        if transfer_id not in self.book.transfers:
            return
        transfers = self.book.together(self.book.transfers[transfer_id])
        if transfer_id not in self._sides:
            yield from self._started(transfers)
        ptx, prx = self._sides[transfer_id]
        side = ptx if sample.role == wire.PTX else prx
        side.power_mW, side.energy_mJ = sample.power_mW, sample.energy_mJ
        side.soc_permille, side.heard_s = sample.soc_permille, self.time_s
        yield from self._progress(transfers)

    def _started(self, transfers: list[TransferRecord]) -> Iterator[Record]:
        """Begin a pair, or all of a group, which have one transmitter."""
        ptx = _Meter()
        for each in transfers:
            self._sides[each.transfer_id] = (ptx, _Meter())
            member = self.book.members.get(each.transfer_id)
            group = {"group_id": member.group_id, "group_rule": member.rule} if member else {}
            told = self._parties(each.transfer_id) | {"energy_max_mJ": each.energy_max_mJ} | group
            yield {"event": "TransferStarted", **told}
        yield {"event": "Facts", "boards": self._resting(transfers)}

    def _progress(self, transfers: list[TransferRecord]) -> Iterator[Record]:
        """Tell how each goes; what a group's transmitter sends is apportioned, as it was live."""
        transfers = [each for each in transfers if each.transfer_id in self._sides]
        meters = [self._sides[each.transfer_id] for each in transfers]
        ptx = meters[0][0]
        powers_mW = apportion(ptx.power_mW, [prx.power_mW for _, prx in meters])
        energies_mJ = apportion(ptx.energy_mJ, [prx.energy_mJ for _, prx in meters])
        for each, (_, prx), power_mW, energy_mJ in zip(
            transfers, meters, powers_mW, energies_mJ, strict=True
        ):
            yield {
                "event": "Progress",
                **self._parties(each.transfer_id),
                "sent_mW": power_mW,
                "received_mW": prx.power_mW,
                "sent_mJ": energy_mJ,
                "received_mJ": prx.energy_mJ,
                "ptx_soc_permille": ptx.soc_permille,
                "prx_soc_permille": prx.soc_permille,
                "sent_age_s": self._age_s(ptx),
                "received_age_s": self._age_s(prx),
            }

    def _resting(self, transfers: list[TransferRecord]) -> list[Record]:
        """Boards that exchange energy lie on each other; a ledger tells of no others."""
        ptx, prxs = transfers[0].ptx, [each.prx for each in transfers]
        return [
            {"board_id": ptx, "contacts": prxs, "state": "POWER"},
            *({"board_id": prx, "contacts": [ptx], "state": "POWER"} for prx in prxs),
        ]

    def _age_s(self, side: _Meter) -> float | None:
        return None if side.heard_s is None else self.time_s - side.heard_s

    def _state(self, stands: kinds.State) -> Iterator[Record]:
        parties = self._parties(stands.transfer_id)
        ends = {name: codes.end_name(getattr(stands, name)) for name in ("ept_ptx", "ept_prx")}
        if self._sides.pop(stands.transfer_id, None):
            yield {"event": "TransferEnded", **parties, **ends}
            ended = [self.book.transfers[stands.transfer_id]]
            boards = [each | {"contacts": [], "state": "IDLE"} for each in self._resting(ended)]
            yield {"event": "Facts", "boards": boards}
        transfer = self.book.transfers[stands.transfer_id]
        energies = {
            name: getattr(transfer, name) for name in ("sent_mJ", "received_mJ", "loss_mJ")
        }
        told = {"transfer_id": stands.transfer_id, "state": stands.state}
        yield {"event": "Settled", **told, **energies}

    def _refusal(self, refusal: kinds.Refusal) -> Iterator[Record]:
        names = ("board_id", "transfer_id", "code", "name")
        yield {"event": "Refused", **{name: getattr(refusal, name) for name in names}}

    def _fault(self, fault: kinds.Fault) -> Iterator[Record]:
        event = "FaultRaised" if fault.raised else "FaultCleared"
        told = {"board_id": fault.board_id, "code": fault.code, "name": fault.name}
        yield {"event": event, **told}

    def _payment(self, paid: kinds.Payment) -> Iterator[Record]:
        names = ("transfer_id", "payer", "payee", "amount_u")
        yield {"event": "Paid", **{name: getattr(paid, name) for name in names}}


_TELL: dict[type, Callable[[Tape, Any], Iterable[Record]]] = {
    kinds.Run: Tape._run,
    kinds.Reading: Tape._reading,
    kinds.Sample: Tape._sample,
    kinds.State: Tape._state,
    kinds.Refusal: Tape._refusal,
    kinds.Fault: Tape._fault,
    kinds.Payment: Tape._payment,
}
