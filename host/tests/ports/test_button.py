# SPDX-License-Identifier: MIT
"""A finger on the button of real-VM boards, of both ports: taps, and a long press.

The bench runs slowly, so that a busy machine misses nothing that a board would not.
"""

import asyncio
import secrets

import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.boards.link import BoardLink
from crowdcharge.boards.listening import addresses_of
from crowdcharge.clock import BoardClock
from crowdcharge.radio.bleak_radio import BleakRadio
from wptcore import ept, wire

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(200)]
KEYS = {number: bytes([number]) * 32 for number in (1, 2)}
SPEED = 0.5
TAP_s = 0.06
TAPS = 4
ATTENDED_s = 1
LONG_s = 5.2


def config() -> BenchConfig:
    micro = BoardConfig(1, 50.0, key=KEYS[1].hex(), attended_s=ATTENDED_s)
    circuit = BoardConfig(
        2,
        50.0,
        port="circuitpython",
        board="feather_esp32s3_cp",
        key=KEYS[2].hex(),
        attended_s=ATTENDED_s,
    )
    return BenchConfig((micro, circuit), speed=SPEED)


async def pause(board_s: float) -> None:
    await asyncio.sleep(board_s / SPEED)


async def press(bench: Bench, board: int, held_s: float) -> None:
    await bench.control.fault("button", board)
    await pause(held_s)
    await bench.control.fault("button", board, down=False)
    await pause(0.3)


async def asked(link: BoardLink, number: int) -> int:
    """Ask the board to receive more than it may unattended; return its answer."""
    limits = (2000, 1000, 5000, 0, 1000, 0)
    code = (await link.command(wire.GRANT, number, wire.PRX, 9, 0, 0, *limits)).code
    if code == ept.NONE:
        await link.command(wire.STOP, number)
    return code


async def finger(bench: Bench, board: int, link: BoardLink) -> None:
    for number in range(1, 1 + TAPS):
        assert await asked(link, 50 + number) == ept.UNATTENDED
        await press(bench, board, TAP_s)
        assert await asked(link, number) == ept.NONE, f"board {board}, tap {number}"
        await pause(ATTENDED_s)
    await press(bench, board, LONG_s)
    assert await asked(link, 90) == ept.OWNER_OFF


async def test_a_tap_is_a_press_and_a_long_one_switches_off() -> None:
    async with launch(config()) as bench:
        radio, clock = BleakRadio(*backends(bench.transport)), BoardClock(SPEED)
        try:
            found = await addresses_of(radio, KEYS, 60.0, KEYS)
            links = [
                await BoardLink.open(radio, found[each], each, key, secrets.token_bytes, clock)
                for each, key in KEYS.items()
            ]
            await asyncio.gather(
                *(finger(bench, board, link) for board, link in zip(KEYS, links, strict=True))
            )
            for link in links:
                await link.close()
        finally:
            await radio.close()
