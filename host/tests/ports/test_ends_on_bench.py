# SPDX-License-Identifier: MIT
"""Ctrl-C, a soft reset and an unplugged supply in each state of a board, on real VMs.

The bench's own recorder of the pins judges: nothing is on a pass later. Then the board starts, has
signed the receipt of what was cut off, and nothing latches that had not latched before.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.errors import WptError
from crowdcharge.radio.bleak_radio import BleakRadio
from wptcore import ept
from wptcore.declared import CLEAR_BY

from .pair_on_bench import Pair, SLACK_s, held_port, transfer, two_boards

pytestmark = [
    pytest.mark.bench,
    pytest.mark.vm,
    pytest.mark.long,  # four minutes: pytest -m long host/tests/ports/test_ends_on_bench.py
    pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="module"),
]
KINDS = {
    "virtual": "micropython",
    "feather_nrf52840": "circuitpython",
    "feather_esp32s3_cp": "circuitpython",
}
VICTIMS = {"idle": 1, "giver": 1, "taker": 2, "latched": 1}
WATCHDOG_s = 8.0


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def pair(request, tmp_path_factory) -> AsyncIterator[Pair]:
    config = two_boards(KINDS[request.param], request.param)
    async with launch(config, tmp_path_factory.mktemp("bench")) as bench:
        pair = Pair(bench, BleakRadio(*backends(bench.transport)))
        await pair.hear()
        yield pair
        await pair.close()


async def reach(pair: Pair, state: str) -> int:
    """Bring the victim into a state; return the number of its transfer, or 0."""
    if state == "idle":
        return 0
    renewals = await transfer(pair)
    await renewals.go_on(1.0)
    if state == "latched":
        await asyncio.sleep(2 * SLACK_s + 1.0)
        assert ept.LEASE_LOST in await (await pair.link(1)).faults()
    return renewals.number


async def press(bench: Bench, board_id: int, keys: bytes) -> None:
    with held_port(bench, board_id) as port:
        os.write(port, keys)
        await asyncio.sleep(0.1)


async def end(pair: Pair, board_id: int, how: str) -> None:
    """Do it, and see that no pin of the board is high a pass later."""
    bench = pair.bench
    if how == "unplug":
        await bench.control.fault("kill", board_id)
    else:
        await press(bench, board_id, b"\r\x03\x03")
    await asyncio.sleep(SLACK_s)
    on = (await bench.control.witness(board=board_id))["on"]
    assert board_id not in [each[0] for each in on], on
    if how == "unplug":
        await bench.control.fault("power-on", board_id)
    elif how == "soft reset":
        await press(bench, board_id, b"\x04")


async def back(pair: Pair, board_id: int) -> frozenset[int]:
    """Wait until the board answers and is whole; return what stands."""
    for _ in range(300):
        with contextlib.suppress(WptError, TimeoutError):
            faults = await (await pair.link(board_id)).faults()
            if not faults & {ept.SELF_TEST, ept.SOC_UNKNOWN}:
                return faults
        await asyncio.sleep(0.1)
    raise AssertionError(f"board {board_id} does not come back")


@pytest.mark.parametrize("state", VICTIMS)
@pytest.mark.parametrize("how", ["ctrl-c", "soft reset", "unplug"])
async def test_all_is_off_and_the_board_comes_back(pair, state, how):
    victim = VICTIMS[state]
    bench = pair.bench
    board = bench.config.boards[0].board
    number = await reach(pair, state)
    boots = (await bench.control.board(victim))["boots"]
    await end(pair, victim, how)
    if how == "ctrl-c" and board == "feather_esp32s3_cp":  # its watchdog ends with the program
        await asyncio.sleep(WATCHDOG_s + SLACK_s)
        assert (await bench.control.board(victim))["boots"] == boots
        await press(bench, victim, b"\x04")
    stands = {code for code in await back(pair, victim) if code in CLEAR_BY}
    assert stands == ({ept.LEASE_LOST} if state == "latched" else set())
    if how == "soft reset" and state == "idle":
        await asyncio.sleep(WATCHDOG_s + SLACK_s)
        assert (await bench.control.board(victim))["boots"] == boots + 1, "the watchdog is fed"
    if state in {"giver", "taker"}:
        newest = (await (await pair.link(victim)).receipts())[0]
        assert (newest.transfer_id, newest.ept) == (number, ept.REBOOTED)
    if number:
        await pair.clear(number)
