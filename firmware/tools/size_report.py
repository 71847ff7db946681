# SPDX-License-Identifier: MIT
"""Flash and heap that the firmware needs on each board, against what the board has.

`python firmware/tools/size_report.py` prints a table and exits 1 if a board is over its budget.
Flash is the size of the files as they are deployed. Heap is what is live while the compiled
MicroPython firmware runs on the virtual bench, without the bench's own modules, which stand for
silicon. A board that may meet others is measured as a member of a crowd whose owner has switched
strangers on. The bench's VM has 64 bits; the same firmware on a 32-bit build of the VM took 0.67
of it (code and strings do not shrink). CircuitPython's port shares most of its code and gets the
same figure.
"""

import asyncio
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.flash import micropython, mpremote
from crowdcharge.flash.tree import BoardKind, board_kind, build

HARDWARE = Path(__file__).parents[2] / "hardware"
RATIO_32_BIT = 0.67
_LIVE = "import gc\ngc.collect()\ntell(gc.mem_alloc())"


@dataclass(frozen=True, slots=True)
class Size:
    """The firmware's size on one board; `vm_heap_kB` is that of the 64-bit VM."""

    board: str
    files: int
    flash_kB: float
    flash_budget_kB: int
    vm_heap_kB: float
    heap_budget_kB: int

    @property
    def fits(self) -> bool:
        return self.flash_kB <= self.flash_budget_kB and self.heap_kB <= self.heap_budget_kB

    @property
    def heap_kB(self) -> float:
        """What a 32-bit board needs."""
        return self.vm_heap_kB * RATIO_32_BIT


def budget_kB(board: str) -> tuple[int, int]:
    """Return (file system, heap) that the stock VM leaves to us, from hardware/mcus.toml."""
    values = _board(board)
    mcu = tomllib.loads((HARDWARE / "mcus.toml").read_text(encoding="utf-8"))[values["mcu"]]
    mcu |= mcu.get(values["vm"], {})
    return mcu["flash_kB"], mcu["heap_kB"]


def _board(name: str) -> dict[str, Any]:
    """Return a board with what it takes from another."""
    values = tomllib.loads((HARDWARE / "boards" / f"{name}.toml").read_text(encoding="utf-8"))
    return (_board(values["extends"]) if "extends" in values else {}) | values


def size(kind: BoardKind, vm_heap_kB: float) -> Size:
    with tempfile.TemporaryDirectory() as scratch:
        files = build(kind, Path(scratch))
        flash_kB = sum(path.stat().st_size for path in files.values()) / 1024
    flash_budget_kB, heap_budget_kB = budget_kB(kind.name)
    return Size(kind.name, len(files), flash_kB, flash_budget_kB, vm_heap_kB, heap_budget_kB)


async def live_heap_kB(meets: bool) -> float:
    """Measure a provisioned board that idles, without the bench's own modules.

    `meets`: it has loaded all that meets other boards.
    """
    more = {"crowd_key": "c0" * 32, "gives_to": "host crowd strangers"} if meets else {}
    board = BoardConfig(1, 80.0, key=bytes(range(32)).hex(), **more)
    async with launch(BenchConfig((board,))) as bench:
        return await asyncio.to_thread(_live_heap_kB, bench.serial_ports[1])


def _live_heap_kB(port: str) -> float:
    micropython.flash(board_kind("virtual"), port)
    running = mpremote.run(port, ["resume"], mpremote.script(_LIVE))  # what Ctrl-C leaves
    bare = mpremote.run(port, mpremote.script(_LIVE))  # after a soft reset, without main.py
    return float(running - bare) / 1024


def table(sizes: list[Size]) -> str:
    head = "board                 files   flash kB    of   heap kB, 64 bit   32 bit, about     of"
    rows = [
        f"{each.board:<20} {each.files:>6} {each.flash_kB:>10.0f} {each.flash_budget_kB:>5}"
        f" {each.vm_heap_kB:>17.0f} {each.heap_kB:>15.0f} {each.heap_budget_kB:>6}"
        f"{'' if each.fits else '  OVER BUDGET'}"
        for each in sizes
    ]
    return "\n".join([head, *rows])


def main() -> None:
    names = sorted(path.stem for path in (HARDWARE / "boards").glob("*.toml"))
    real = [name for name in names if not name.startswith("virtual")]
    vm_heap_kB = {meets: asyncio.run(live_heap_kB(meets)) for meets in (False, True)}
    sizes = [
        size(board_kind(name), vm_heap_kB["peers" in _board(name)["features"]]) for name in real
    ]
    print(table(sizes))
    sys.exit(0 if all(each.fits for each in sizes) else 1)


if __name__ == "__main__":
    main()
