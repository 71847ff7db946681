# SPDX-License-Identifier: MIT
"""Two real-VM boards that share no crowd, and the fingers of their two owners."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
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

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.slow]
GIVER, TAKER = 1, 2
WINDOW_s = 10.0
SPEED = 2.0
KEYS = {number: bytes([number]) * 32 for number in (GIVER, TAKER)}


def config() -> BenchConfig:
    boards = tuple(
        BoardConfig(number, soc_pct, key=KEYS[number].hex(), gives_to="host strangers", links=4)
        for number, soc_pct in ((GIVER, 90.0), (TAKER, 84.0))
    )
    contacts = ContactsConfig(((Placement((GIVER, TAKER)),),))
    return BenchConfig(boards, link=CoilLink(power_W=0.5), contacts=contacts, speed=SPEED)


async def pause(board_s: float) -> None:
    await asyncio.sleep(board_s / SPEED)


async def press(bench: Bench, board: int) -> None:
    await bench.control.fault("button", board)
    await pause(0.5)  # a busy machine may miss a tap
    await bench.control.fault("button", board, down=False)


async def coil_changes(bench: Bench, since_s: float) -> list[bool]:
    """Return what the pin recorder saw of the giver's coil: True where it went on."""
    told = await bench.control.witness(since_s, GIVER)
    return [change["on"] for change in told["changes"] if change["coil"] == "tx"]


async def until_off(bench: Bench, since_s: float) -> None:
    """Wait until the coil has been on and is off again."""
    end_s = asyncio.get_running_loop().time() + 60
    while not (changes := await coil_changes(bench, since_s)) or changes[-1]:
        assert asyncio.get_running_loop().time() < end_s, await bench.control.board(GIVER)
        await asyncio.sleep(0.2)


async def gathered(
    bench: Bench, path: Path, keys: dict[int, bytes]
) -> tuple[list[Any], list[int]]:
    """Return the transfers in a new ledger of who has these keys, and who only claims."""
    radio = BleakRadio(*backends(bench.transport))
    with Store.create(path) as store:
        store.append([Run("collect", None, None)])
        try:
            found = await collect(radio, store, keys, BoardClock(SPEED), lambda _event: None, 5.0)
        finally:
            await radio.close()
        assert not judge(store.rows(), keys).is_wrong
        return [*store.book.transfers.values()], found.claimed


@pytest.mark.timeout(200)
async def test_a_press_of_both_buttons_is_one_transfer_of_at_most_one_watt(tmp_path: Path) -> None:
    async with launch(config()) as bench:
        await bench.heard()
        await press(bench, TAKER)
        await pause(WINDOW_s + 1)
        await press(bench, GIVER)  # too late
        await pause(5)
        assert await coil_changes(bench, 0.0) == []

        await press(bench, GIVER)
        at_s = await bench.control.fault("button", TAKER)
        await pause(0.5)
        await bench.control.fault("button", TAKER, down=False)
        await until_off(bench, at_s)
        assert await coil_changes(bench, at_s) == [True, False]
        await pause(3)
        await press(bench, TAKER)  # and that was all: another one takes both again
        await pause(5)
        assert await coil_changes(bench, at_s) == [True, False]

        transfers, claimed = await gathered(bench, tmp_path / "giver", {GIVER: KEYS[GIVER]})
        assert [each.state for each in transfers] == ["one-sided"] and claimed == [TAKER]
        transfers, claimed = await gathered(bench, tmp_path / "both", KEYS)
        assert [each.state for each in transfers] == ["settled"] and claimed == []
        (each,) = transfers
        assert (each.ptx, each.prx) == (GIVER, TAKER)
        truth = await bench.control.board(GIVER)
        assert each.sent_mJ == pytest.approx(truth["sent_J"] * 1000, rel=0.03)
        assert 0 < each.received_mJ < each.sent_mJ
