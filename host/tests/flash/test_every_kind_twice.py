# SPDX-License-Identifier: MIT
"""Each kind of board gets its own image twice in a row, as a user gives it, and loses nothing.

MicroPython's kinds by mpremote over their ports, CircuitPython's over their drives. A drive here
is the folder of the board's files, with the `boot_out.txt` that CircuitPython writes at a start.
"""

import asyncio
import json

import pytest
import pytest_asyncio

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.boards import codes
from crowdcharge.flash import firmware_tree, tree
from crowdcharge.flash.serial_line import SerialLine
from wptcore.declared import CLEAR_BY

from .conftest import Transfer, done, until

pytestmark = [
    pytest.mark.bench,
    pytest.mark.vm,
    pytest.mark.long,  # five minutes: pytest -m long host/tests/flash/test_every_kind_twice.py
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="module"),
]
BOOT_OUT = "Adafruit CircuitPython 9.2.1 on 2024-11-20; a board\n"
KINDS = [
    tree.board_kind(path.stem) for path in sorted((firmware_tree.root() / "boards").glob("*.py"))
]
LATCHES = {codes.name(code) for code in CLEAR_BY}


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=KINDS, ids=lambda kind: kind.name
)
async def bench(request, tmp_path_factory):
    """Board 1 of the kind on board 2 of the bench's own, of which one can give to the other."""
    kind = request.param
    boards = (
        BoardConfig(1, 90.0, 1000.0, board=kind.name, port=kind.vm, key="5a" * 32),
        BoardConfig(2, 30.0, 1000.0, key="a5" * 32),
    )
    config = BenchConfig(boards, contacts=ContactsConfig(((Placement((1, 2)),),)))
    async with launch(config, tmp_path_factory.mktemp("bench")) as running:
        yield running


async def asked(bench, *words):
    def ask():
        with SerialLine(bench.serial_ports[1]) as line:
            line.hello()
            return line.ask(*words)

    return await asyncio.to_thread(ask)


async def flashed(bench) -> dict:
    """Flash board 1 as its user does; CircuitPython starts what is new when its button says so."""
    board = bench.config.boards[0]
    port = bench.serial_ports[1]
    if board.port == "circuitpython":
        port = bench.folder / "board-1" / "flash"
        (port / "boot_out.txt").write_text(BOOT_OUT)
    said = json.loads(await done("flash", "--board", board.board, "--port", port, "--json"))
    if board.port == "circuitpython":
        await bench.control.fault("reset", 1)
    return said


async def gave(bench) -> int:
    """Return the number of a transfer in which board 1 has given something."""
    transfer = Transfer(bench)
    sent_J = (await bench.control.board(1))["sent_J"]
    async with transfer.running():
        await until(bench, 1, lambda board: board["sent_J"] > sent_J + 1)
        await transfer.stop()
    assert (await asked(bench, "status"))["state"] == "IDLE"
    return transfer.number


async def kept(bench) -> dict[int, int]:
    """Return the energy of each receipt that the board keeps."""
    air = Transfer(bench)
    await air.on_air(1)
    link = await air.link(1)
    receipts = {each.transfer_id: each.energy_mJ for each in await link.receipts()}
    await link.close()
    return receipts


async def test_flashed_twice_it_runs_and_keeps_its_key_and_its_receipts(bench):
    gives = bool(tree.board_kind(bench.config.boards[0].board).pins["ROLES"])
    first = await gave(bench) if gives else 0
    before, identity = await kept(bench), await asked(bench, "identity")
    assert (first in before) is gives
    copied = []
    for _ in range(2):
        copied.append((await flashed(bench))["copied"])
        status = await asked(bench, "status")
        assert not set(status["faults"].split(",")) & LATCHES, status
        assert (status["state"], status["watchdog"]) == ("IDLE", "1")
        assert await asked(bench, "identity") == identity
        assert await kept(bench) == before
    assert copied[0] and not copied[1], "the second finds all of it there"
    if gives:
        last = await gave(bench)
        assert (await kept(bench)).keys() == {*before, last}
