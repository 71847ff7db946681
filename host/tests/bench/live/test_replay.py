# SPDX-License-Identifier: MIT
"""A board that was recorded: today's firmware, shown its readings, says what it said then."""

import asyncio
import json
from itertools import groupby
from pathlib import Path

import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.boards.models import Beacon
from crowdcharge.radio import open_radio
from crowdcharge.radio.base import Advert

pytestmark = [pytest.mark.bench, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

RECORDING = Path(__file__).parents[1] / "recordings" / "virtual-hot-coil.jsonl"
COIL_C = 2  # thermistor, converter and a reading between two adverts
BUS_mV = 100  # gain of another board's meter
PATIENCE_s = 90.0


def recorded() -> list[Beacon]:
    lines = [json.loads(line) for line in RECORDING.read_text(encoding="utf-8").splitlines()]
    return [Beacon.unpack(bytes.fromhex(line["data"])) for line in lines if "data" in line]


def problems(beacons: list[Beacon]) -> list[bool]:
    """How the problem flag changed."""
    return [flag for flag, _ in groupby(beacon.problem for beacon in beacons)]


def tripped_C(beacons: list[Beacon]) -> int:
    """Return the temperature at which a hot coil was first told."""
    return next(each.temperature_C for each in beacons if each.problem and each.temperature_C > 50)


async def heard(transport: str, enough) -> list[Beacon]:
    """Return the board's beacons until `enough` says so."""
    beacons: list[Beacon] = []
    done = asyncio.Event()

    def on_advert(advert: Advert) -> None:
        beacons.append(Beacon.unpack(advert.data))
        if enough(beacons):
            done.set()

    radio = open_radio(transport)
    await radio.start_scan(on_advert)
    async with asyncio.timeout(PATIENCE_s):
        await done.wait()
    await radio.close()
    return beacons


async def test_the_firmware_does_with_recorded_readings_what_the_board_did():
    then = recorded()
    hottest_C = max(beacon.temperature_C for beacon in then)
    board = BoardConfig(1, 60.0, key=bytes(range(32)).hex(), replay=str(RECORDING))
    async with launch(BenchConfig((board,), speed=2.0)) as bench:

        def cooled(beacons: list[Beacon]) -> bool:
            was_hot = any(abs(beacon.temperature_C - hottest_C) <= COIL_C for beacon in beacons)
            return was_hot and beacons[-1].temperature_C <= then[-1].temperature_C + COIL_C

        now = await heard(bench.transport, cooled)
    assert problems(then)[-3:] == [False, True, False], "the recording shows a trip and its end"
    assert problems(now)[-3:] == problems(then)[-3:]
    assert abs(tripped_C(now) - tripped_C(then)) <= COIL_C
    assert abs(now[-1].bus_mV - then[-1].bus_mV) <= BUS_mV
