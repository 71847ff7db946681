# SPDX-License-Identifier: MIT
"""PURE: what a ledger's rows say of one board, in the order in which it happened.

Receipts and faults carry no time of their own that outlives a run, so each takes that of the
newest row before it. A run without a start in calendar time begins where the one before it ended.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from crowdcharge.boards.fleet import odometer_rise_mJ
from crowdcharge.ledger import kinds
from crowdcharge.ledger.rows import Row
from wptcore import wire

_PERMILLE = 1000.0
_SOON_s = 120.0  # so soon after a transfer a reading tells the charge at its end, without load


@dataclass(frozen=True, slots=True)
class Terminal:
    """What the meter in the cell's lead showed; `current_A` > 0 leaves the cell.

    `soc` is read without load: at rest, or before the transfer and less what was given since.
    """

    time_s: float
    soc: float
    bus_V: float
    current_A: float


@dataclass(frozen=True, slots=True)
class Discharge:
    """A transfer in which the board gave: what its meter counted, the charge before and after."""

    time_s: float
    energy_J: float
    before: float
    after: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Quiet:
    """From a reading to what comes next, no transfer between; `swing` > 0: charge was lost."""

    time_s: float
    duration_s: float
    swing: float


@dataclass(frozen=True, slots=True)
class CoilMoment:
    time_s: float
    transfer_id: int
    coil_C: float


@dataclass(slots=True)
class History:
    """Of one board; energies in mJ, charges as shares 0..1."""

    board_id: int
    rows: int = 0
    last_hash: str = ""
    capacity_mJ: int | None = None  # as the board declared it last
    cells: int = 1  # a board that declares another capacity has another cell
    sent_mJ: int = 0
    received_mJ: int = 0
    unexplained_mJ: int = 0  # on no receipt of the ledger
    given_s: float = 0.0
    taken_s: float = 0.0
    first_unix_s: int | None = None
    end_s: float = 0.0
    charges: list[float] = field(default_factory=list)
    terminals: list[Terminal] = field(default_factory=list)
    discharges: list[Discharge] = field(default_factory=list)
    quiet: list[Quiet] = field(default_factory=list)
    coil: list[CoilMoment] = field(default_factory=list)
    peaks_C: list[float] = field(default_factory=list)  # of receipts
    faults: Counter[str] = field(default_factory=Counter)
    _base_s: float = 0.0
    _read: tuple[float, float] | None = None  # time and charge of a reading not yet paired
    _opened_s: dict[int, float] = field(default_factory=dict)  # by transfer
    _loads: dict[int, kinds.Meter] = field(default_factory=dict)  # by transfer
    _gave_until_s: float | None = None  # the end of a discharge that no reading followed yet

    @property
    def knows_the_board(self) -> bool:
        return bool(self.capacity_mJ or self.coil or self.peaks_C or self.faults)

    def add(self, content: kinds.Content) -> None:
        match content:
            case kinds.Run():
                self._begin(content)
            case kinds.Reading(board_id=self.board_id):
                self._reading(content)
            case kinds.Sample(board_id=self.board_id):
                self._sample(content)
            case kinds.Meter(board_id=self.board_id):
                self._meter(content)
            case kinds.ReceiptRow(board_id=self.board_id):
                self._receipt(content)
            case kinds.Gap(board_id=self.board_id):
                self._read = None
                self.unexplained_mJ += odometer_rise_mJ(content.from_mJ, content.to_mJ)
            case kinds.Fault(board_id=self.board_id, raised=True):
                self.faults[content.name] += 1
            case kinds.Open():
                self._opened_s[content.transfer_id] = self._at(content.t_ms)

    def _begin(self, run: kinds.Run) -> None:
        self._read = self._gave_until_s = None
        self._base_s = self.end_s
        if run.started_unix_s is not None:
            self._base_s = float(run.started_unix_s)
            if self.first_unix_s is None:
                self.first_unix_s = run.started_unix_s

    def _at(self, t_ms: int) -> float:
        time_s = self._base_s + t_ms / 1000
        self.end_s = max(self.end_s, time_s)
        return time_s

    def _reading(self, reading: kinds.Reading) -> None:
        time_s = self._at(reading.t_ms)
        if self.capacity_mJ not in {None, reading.capacity_mJ}:
            self._another_cell()
        self.capacity_mJ = reading.capacity_mJ
        if reading.soc_permille is None:
            self._read = None
            return
        soc = reading.soc_permille / _PERMILLE
        self._rest(time_s, soc)
        if self._gave_until_s is not None and time_s - self._gave_until_s <= _SOON_s:
            self.discharges[-1] = replace(self.discharges[-1], after=soc)
        self._read, self._gave_until_s = (time_s, soc), None
        self.charges.append(soc)

    def _another_cell(self) -> None:
        """Forget what was seen of the cell before; what was counted stays the board's."""
        self.cells += 1
        for seen in (self.terminals, self.discharges, self.quiet, self._loads):
            seen.clear()
        self._read = self._gave_until_s = None

    def _sample(self, sample: kinds.Sample) -> None:
        time_s = self._at(sample.t_ms)
        self.coil.append(CoilMoment(time_s, sample.transfer_id, sample.coil_dC / 10))
        if sample.soc_permille is not None:
            self.charges.append(sample.soc_permille / _PERMILLE)

    def _meter(self, meter: kinds.Meter) -> None:
        time_s, soc = self._at(meter.t_ms), _share(meter.soc_permille)
        if meter.transfer_id:
            self._loads[meter.transfer_id] = meter
        elif soc is not None:
            self._terminal(time_s, soc, meter)

    def _terminal(self, time_s: float, soc: float, meter: kinds.Meter) -> None:
        volts, amperes = meter.bus_mV / 1000, meter.current_mA / 1000
        self.terminals.append(Terminal(time_s, soc, volts, amperes))

    def _rest(self, time_s: float, soc: float) -> None:
        if self._read is not None and time_s > self._read[0]:
            self.quiet.append(Quiet(time_s, time_s - self._read[0], self._read[1] - soc))

    def _receipt(self, receipt: kinds.ReceiptRow) -> None:
        self.peaks_C.append(receipt.peak_dC / 10)
        duration_s = receipt.duration_ms / 1000
        opened_s = self._opened_s.get(receipt.transfer_id)
        before = _share(receipt.soc_before_permille)
        if opened_s is not None and before is not None:
            self._rest(opened_s, before)
        self._read = self._gave_until_s = None
        if receipt.role != wire.PTX:
            self.received_mJ += receipt.energy_mJ
            self.taken_s += duration_s
            return
        self.sent_mJ += receipt.energy_mJ
        self.given_s += duration_s
        load = self._loads.pop(receipt.transfer_id, None)
        if load is not None and before is not None and self.capacity_mJ:
            self._terminal(self.end_s, before - load.energy_mJ / self.capacity_mJ, load)
        after = _share(receipt.soc_after_permille)
        if not receipt.energy_mJ or before is None or after is None:
            return
        begun_s = self.end_s if opened_s is None else opened_s
        energy_J = receipt.energy_mJ / 1000
        self.discharges.append(Discharge(begun_s, energy_J, before, after, duration_s))
        self._gave_until_s = begun_s + duration_s


def _share(permille: int | None) -> float | None:
    return None if permille is None else permille / _PERMILLE


def history(rows: Iterable[Row], board_id: int) -> History:
    """Read all rows; LedgerError names one that is unreadable."""
    return histories(rows, [board_id])[board_id]


def histories(rows: Iterable[Row], boards: Iterable[int]) -> dict[int, History]:
    """Read all rows once, for several boards."""
    found = {board_id: History(board_id) for board_id in boards}
    for row in rows:
        content = row.content()
        for each in found.values():
            each.add(content)
            each.rows, each.last_hash = row.seq, row.hash
    return found
