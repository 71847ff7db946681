# SPDX-License-Identifier: MIT
"""What a maker does on the first evening latches no board, of any kind, on either port."""

import asyncio
import functools

import pytest
import pytest_asyncio

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.boards import codes
from crowdcharge.flash import firmware_tree, tree
from crowdcharge.flash.serial_line import SerialLine
from wptcore.declared import CLEAR_BY

pytestmark = [
    pytest.mark.bench,
    pytest.mark.vm,
    pytest.mark.long,  # three minutes: pytest -m long host/tests/bench/live/test_every_kind.py
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="module"),
]
KINDS = [
    tree.board_kind(path.stem) for path in sorted((firmware_tree.root() / "boards").glob("*.py"))
]
POWER_UPS, UP_s, DOWN_s = 20, 5.0, 0.5
KEY = "5a" * 32
LATCHES = {codes.name(code) for code in CLEAR_BY}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(tmp_path_factory):
    boards = tuple(
        BoardConfig(number, 60.0, board=kind.name, port=kind.vm)
        for number, kind in enumerate(KINDS, 1)
    )
    async with launch(BenchConfig(boards), tmp_path_factory.mktemp("bench")) as running:
        yield running


def by_number():
    ids = [kind.name for kind in KINDS]
    return pytest.mark.parametrize("board_id", range(1, len(KINDS) + 1), ids=ids)


async def asked(bench, board_id: int, call):
    def ask():
        with SerialLine(bench.serial_ports[board_id]) as line:
            line.hello()
            return call(line)

    return await asyncio.to_thread(ask)


async def latched(bench, board_id: int) -> set[str]:
    status = await asked(bench, board_id, lambda line: line.ask("status"))
    return set(status["faults"].split(",")) & LATCHES


async def test_twenty_power_ups_latch_nothing(bench):
    """All boards at once. The watchdog and a crash do latch: test_fault_matrix.py."""
    for _ in range(POWER_UPS):
        for board_id in bench.serial_ports:
            await bench.control.fault("power-on", board_id)
        await asyncio.sleep(UP_s)
        for board_id in bench.serial_ports:
            await bench.control.fault("kill", board_id)
        await asyncio.sleep(DOWN_s)
    for board_id in bench.serial_ports:
        await bench.control.fault("power-on", board_id)
    for board_id in bench.serial_ports:
        assert (await bench.control.board(board_id))["boots"] > POWER_UPS
        assert await latched(bench, board_id) == set(), KINDS[board_id - 1].name


@by_number()
async def test_provisioned_and_calibrated_twice_latches_nothing(bench, board_id):
    def twice(line: SerialLine, gain_ppm: int) -> dict[str, str]:
        with line.maintenance():
            line.ask("provision", board_id, KEY)
            line.ask("calibrate", "tx", gain_ppm, -100)
            line.ask("calibrate", "curve", 250, 1350, 50, 400)
        return line.ask("identity")

    for gain_ppm in (1500, 2500):
        found = await asked(bench, board_id, functools.partial(twice, gain_ppm=gain_ppm))
        assert (found["board_id"], found["tx_gain_ppm"]) == (str(board_id), str(gain_ppm))
    assert await latched(bench, board_id) == set()
