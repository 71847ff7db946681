# SPDX-License-Identifier: MIT
"""Read a bench file (TOML): the boards of a bench by what they are, not by their ports.

The words are labgrid's: a bench offers `features`, a test needs some, and is skipped where one is
missing. Reading a bench file starts nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from crowdcharge.files import read_text
from crowdcharge.toml_table import Table

BENCHES = Path(__file__).parent / "benches"


@dataclass(frozen=True, slots=True)
class BenchBoard:
    """A board; `usb` is its USB serial number, `actions` are name -> (on, off) commands."""

    id: int
    board: str  # module of firmware/boards
    usb: str = ""
    port: str = "micropython"  # of the firmware, on the virtual bench
    soc_pct: float = 50.0
    shunt_ppm: Mapping[str, float] = field(default_factory=dict)
    actions: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two boards that lie on each other."""

    name: str
    donor: int
    receiver: int
    coil: str = ""
    gap_mm: float = 3.0
    offset_mm: float = 0.0

    @property
    def boards(self) -> tuple[int, int]:
        return (self.donor, self.receiver)


@dataclass(frozen=True, slots=True)
class Reference:
    """An INA219 breakout on the bench's Raspberry Pi, in the lead of one meter of one board."""

    id: str
    board: int
    side: str
    address: int
    calibration: str  # hash of its calibration record
    expires: date
    shunt_uOhm: int = 100_000
    gain_ppm: int = 0
    offset_uA: int = 0
    bus_gain_ppm: int = 0
    bus_offset_uV: int = 0


@dataclass(frozen=True, slots=True)
class Scpi:
    """A VISA resource; `library` is "@sim", or a file for pyvisa-sim."""

    resource: str
    library: str = "@py"


@dataclass(frozen=True, slots=True)
class MeteringLimits:
    """Limits that no test may exceed on this bench."""

    load_max_mA: float = 1500.0
    supply_V: float = 5.0
    transfer_max_s: float = 120.0


@dataclass(frozen=True, slots=True)
class BenchFile:
    name: str
    kind: Literal["virtual", "real"]
    boards: tuple[BenchBoard, ...]
    pairs: tuple[Pair, ...]
    speed: float = 1.0
    seed: int = 1
    capacity_J: float = 2000.0
    keys: str = ""
    adapter: str = ""
    references: tuple[Reference, ...] = ()
    supply: Scpi | None = None
    load: Scpi | None = None
    limits: MeteringLimits = field(default_factory=MeteringLimits)

    def board(self, board_id: int) -> BenchBoard:
        return next(board for board in self.boards if board.id == board_id)

    def pair(self, name: str) -> Pair:
        return next(pair for pair in self.pairs if pair.name == name)


def load(name: str) -> BenchFile:
    """Read a bench file; `name` is "virtual", or a path from here or from hil_tests."""
    path = BENCHES / "virtual.toml" if name == "virtual" else Path(name)
    if not path.exists() and (BENCHES.parent / path).exists():
        path = BENCHES.parent / path
    top = Table.parse(read_text(path), str(path))
    bench = top.record(
        BenchFile,
        name=top.string("name", path.stem),
        boards=tuple(table.record(BenchBoard) for table in top.tables("boards")),
        pairs=tuple(table.record(Pair) for table in top.tables("pairs")),
        references=tuple(table.record(Reference) for table in top.tables("references")),
        supply=top.table("supply").record(Scpi) if "supply" in top else None,
        load=top.table("load").record(Scpi) if "load" in top else None,
        limits=top.table("limits").record(MeteringLimits),
    )
    _check_boards(bench, top)
    return bench


def _check_boards(bench: BenchFile, top: Table) -> None:
    ids = [board.id for board in bench.boards]
    if len(set(ids)) != len(ids):
        raise top.fail("boards", "an id is there twice")
    named = {board for pair in bench.pairs for board in pair.boards}
    named |= {reference.board for reference in bench.references}
    if named - set(ids):
        raise top.fail("boards", f"there is no board {min(named - set(ids))}")
    for board in bench.boards:
        if bench.kind == "real" and not board.usb:
            raise top.fail("boards", f"board {board.id} needs usb, its USB serial number")
