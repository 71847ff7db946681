# SPDX-License-Identifier: MIT
"""A CircuitPython board, as it is flashed, compiles its firmware and runs a metered transfer.

The bench's VM is MicroPython: this measures the port's heap, not CircuitPython's own. With
`CROWDCHARGE_MICROPYTHON` naming a VM of 32 bits (Debian's micropython for i386) the same test
holds the figures of docs/explanation/circuitpython.md directly.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from crowdcharge.bench.board import micropython
from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.flash import firmware_tree, tree

from .conftest import KEYS, Transfer, until

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.timeout(300)]
KIND = "feather_nrf52840"
# Heap by the VM's bits: what the firmware has, and what the shims take that stand for silicon and
# for CircuitPython's own modules (gc.mem_alloc() before the firmware starts, and its tables).
# With 11 less (64 bits) and 5 less (32) it failed.
HEAP_kB = {64: 187 + 113, 32: 122 + 78}


def bits() -> int:
    asked = [str(micropython.binary()), "-c", "import sys; print(sys.maxsize)"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=30).stdout
    return int(said).bit_length() + 1


def flash(folder: Path, files: dict[str, Path]) -> None:
    """Put on a board's drive what `crowdcharge flash` puts there; its settings stay."""
    for source in [*folder.rglob("*.py")]:
        source.unlink()
    for name in files.keys() - {firmware_tree.SETTINGS}:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(files[name], folder / name)


async def test_a_transfer_between_two_boards_that_compile_themselves(tmp_path):
    files = tree.build(tree.board_kind(KIND), tmp_path / "built")
    boards = tuple(
        BoardConfig(
            number,
            soc_pct,
            capacity_J=1000.0,
            board=KIND,
            port="circuitpython",
            key=KEYS[number].hex(),
            heap_kB=HEAP_kB[bits()],
        )
        for number, soc_pct in ((1, 90.0), (2, 30.0))
    )
    config = BenchConfig(boards, contacts=ContactsConfig(((Placement((1, 2)),),)))
    async with launch(config, tmp_path / "bench") as bench:
        for board in boards:
            flash(bench.folder / f"board-{board.id}" / "flash", files)
            await bench.control.fault("reset", board.id)
        async with Transfer(bench).running():
            await until(bench, 2, lambda board: board["received_J"] > 2)
        truth = {board.id: await bench.control.board(board.id) for board in boards}
    assert truth[1]["sent_J"] > truth[2]["received_J"] > 2
