# SPDX-License-Identifier: MIT
"""CircuitPython boards, which only accept connections, give to and take from MicroPython boards.

Two pairs in one room: 1 (CircuitPython) gives to 2, which asks; 3 calls 4 (CircuitPython) and
gives to it. Then 4 is carried out of range, and everything is collected.
"""

import asyncio
from pathlib import Path

import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig, Port
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.physics.coil import CoilLink
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.clock import BoardClock
from crowdcharge.ledger.kinds import Run
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import judge
from crowdcharge.orchestrator.collecting import collect
from crowdcharge.radio.bleak_radio import BleakRadio
from wptcore import ept

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(200)]
MICRO: tuple[Port, str] = ("micropython", "virtual")
CIRCUIT: tuple[Port, str] = ("circuitpython", "feather_esp32s3_cp")
BOARDS = {1: (90.0, CIRCUIT), 2: (30.0, MICRO), 3: (90.0, MICRO), 4: (30.0, CIRCUIT)}
KEYS = {number: bytes([number]) * 32 for number in BOARDS}
LEASE_s = 4.0
SLACK_s = 1.0  # a pass of the loop, and a busy machine
PAIRS = ((1, 2), (3, 4))


def config() -> BenchConfig:
    boards = tuple(
        BoardConfig(
            number,
            soc_pct,
            capacity_J=1000.0,
            port=port,
            board=board,
            key=KEYS[number].hex(),
            crowd_key="c0" * 32,
            gives_to="host crowd",
        )
        for number, (soc_pct, (port, board)) in BOARDS.items()
    )
    contacts = ContactsConfig((tuple(Placement(pair) for pair in PAIRS),))
    return BenchConfig(boards, link=CoilLink(power_W=0.5), contacts=contacts)


async def until(bench: Bench, patience_s: float, good) -> None:
    end_s = asyncio.get_running_loop().time() + patience_s
    while not good(board := {each: await bench.control.board(each) for each in BOARDS}):
        assert asyncio.get_running_loop().time() < end_s, board
        await asyncio.sleep(0.1)


async def test_boards_that_only_accept_give_and_take(tmp_path: Path) -> None:
    async with launch(config()) as bench:
        await until(bench, 90.0, lambda board: board[2]["received_J"] > 1 < board[4]["received_J"])
        at_s = await bench.control.fault("link-drop", 4)
        await until(bench, 30.0, lambda board: not board[3]["tx_on"])
        told = await bench.control.witness(at_s, 3)
        off_s = [each["time_s"] - at_s for each in told["changes"] if not each["on"]]
        assert off_s and off_s[0] <= LEASE_s + SLACK_s
        await bench.control.call("hold", pairs=[])
        await bench.control.fault("link-drop", 4, on=False)
        await until(bench, 30.0, lambda board: not any(each["tx_on"] for each in board.values()))
        await asyncio.sleep(2)  # the links of what ended go
        await check_books(bench, tmp_path / "ledger.sqlite")


async def check_books(bench: Bench, path: Path) -> None:
    radio = BleakRadio(*backends(bench.transport))
    with Store.create(path) as store:
        store.append([Run("collect", None, None)])
        try:
            found = await collect(radio, store, KEYS, BoardClock(1.0), lambda _event: None, 20.0)
        finally:
            await radio.close()
        assert sorted(found.boards) == list(BOARDS), found.failed
        assert not judge(store.rows(), KEYS).is_wrong
        transfers = list(store.book.transfers.values())
    assert {each.state for each in transfers} == {"settled"}
    assert {(each.ptx, each.prx) for each in transfers} == {*PAIRS}
    lost = next(each for each in transfers if (each.ptx, each.prx) == PAIRS[1])
    assert lost.ept_ptx == ept.PEER_LOST
