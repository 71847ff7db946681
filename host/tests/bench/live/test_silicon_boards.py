# SPDX-License-Identifier: MIT
"""The firmware of both ports on unkind chips: gauge, VBUS and thermistor."""

import asyncio
import os
import signal

import pytest
import pytest_asyncio

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.errors import WptError
from crowdcharge.flash.serial_line import SerialLine

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.asyncio(loop_scope="module")]
BOARDS = (
    BoardConfig(1, 80.0, vbus=True),
    BoardConfig(2, 50.0, board="feather_nrf52840", port="circuitpython"),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(tmp_path_factory):
    async with launch(BenchConfig(BOARDS), tmp_path_factory.mktemp("bench")) as running:
        yield running


async def status(bench, board_id: int) -> dict[str, str]:
    def ask() -> dict[str, str]:
        with SerialLine(bench.serial_ports[board_id]) as line:
            return line.ask("status")

    return await asyncio.to_thread(ask)


async def until(bench, board_id: int, good) -> dict[str, str]:
    ends_s = asyncio.get_running_loop().time() + 30
    while not good(found := await status(bench, board_id)):
        assert asyncio.get_running_loop().time() < ends_s, found
        await asyncio.sleep(0.2)
    return found


@pytest.mark.parametrize("board_id", [1, 2])
async def test_a_bus_that_comes_off_is_a_fault_and_no_crash(bench, board_id):
    """At a start CircuitPython has no bus at all then: it stays so until the next start."""

    def well(found: dict[str, str]) -> bool:
        return found["soc_permille"] != "unknown" and not bad(found)

    def bad(found: dict[str, str]) -> bool:
        return "SELF_TEST" in found["faults"] or "METER_STALE" in found["faults"]

    await until(bench, board_id, well)
    boots = (await bench.control.board(board_id))["boots"]
    await bench.control.fault("bus-open", board_id)
    await until(bench, board_id, lambda found: found["soc_permille"] == "unknown")
    await bench.control.fault("bus-open", board_id, on=False)
    await until(bench, board_id, well)
    await bench.control.fault("bus-open", board_id)
    await bench.control.fault("reset", board_id)
    await until(bench, board_id, lambda found: found["soc_permille"] == "unknown")
    if BOARDS[board_id - 1].port == "circuitpython":
        await until(bench, board_id, bad)
    await bench.control.fault("bus-open", board_id, on=False)
    await bench.control.fault("reset", board_id)
    await until(bench, board_id, well)
    assert (await bench.control.board(board_id))["boots"] == boots + 2, "none but those asked for"


async def test_an_nrf52840_that_crashed_waits_for_a_hand(bench):
    """Safe mode after a hard fault: no program, no radio, no coil until somebody presses reset."""
    boots = (await bench.control.board(2))["boots"]
    os.kill((await bench.control.board(2))["pid"], signal.SIGSEGV)
    await asyncio.sleep(2)
    board = await bench.control.board(2)
    assert (board["boots"], board["last_reset"]) == (boots + 1, "signal 11")
    with pytest.raises(WptError):
        await status(bench, 2)
    await bench.control.fault("reset", 2)
    await until(bench, 2, lambda found: found["faults"] == "none")


async def test_an_nrf52840_notes_a_brown_out_in_safe_mode_and_starts_again(bench):
    await until(bench, 2, lambda found: found["faults"] == "none")
    boots = (await bench.control.board(2))["boots"]
    await bench.control.fault("brown-out", 2)
    await until(bench, 2, lambda found: found["faults"] == "none")
    board = await bench.control.board(2)
    assert (board["boots"], board["last_reset"]) == (boots + 2, "software reset")


@pytest.mark.parametrize("board_id", [1, 2])
async def test_the_gauge_outlives_a_reset_of_the_board_and_its_own_makes_it_unknown(
    bench, board_id
):
    def is_true(found: dict[str, str]) -> bool:
        soc = found["soc_permille"]
        return soc != "unknown" and abs(int(soc) - 10 * BOARDS[board_id - 1].soc_pct) < 10

    await until(bench, board_id, is_true)
    await bench.control.fault("reset", board_id)
    await until(bench, board_id, is_true)
    await bench.control.fault("gauge-reset", board_id)
    await until(bench, board_id, lambda found: found["soc_permille"] == "unknown")


@pytest.mark.parametrize("board_id", [1, 2])
async def test_room_temperature_reads_as_such_on_either_adc(bench, board_id):
    found = await until(bench, board_id, lambda found: int(found["coil_dC"]) != 0)
    assert int(found["coil_dC"]) == pytest.approx(250, abs=15)
    await bench.control.fault("sensor", board_id, which="coil", broken="open")
    await until(bench, board_id, lambda found: int(found["coil_dC"]) > 1000)
    await bench.control.fault("sensor", board_id, which="coil", on=False)


async def test_a_cable_with_vbus_holds_the_board_off_and_says_so(bench):
    conflict = "ROLE_CONFLICT"
    await until(bench, 1, lambda found: conflict in found["faults"])
    assert conflict not in (await status(bench, 2))["faults"]


async def test_a_board_with_a_flat_cell_sleeps_until_a_cable_comes(tmp_path):
    config = BenchConfig((BoardConfig(1, 1.0, idle_W=0.1),), speed=5.0)
    async with launch(config, tmp_path) as bench:

        async def until_it_is(asleep: bool) -> dict:
            ends_s = asyncio.get_running_loop().time() + 60
            while (found := await bench.control.board(1))["asleep"] is not asleep:
                assert asyncio.get_running_loop().time() < ends_s, found
                await asyncio.sleep(0.1)
            return found

        for boots in (1, 2):
            before = await until_it_is(asleep=True)
            assert (before["running"], before["boots"]) == (False, boots)
            await bench.control.fault("cable", 1)
            assert (await until_it_is(asleep=False))["last_reset"] == "deep sleep"
            await bench.control.fault("cable", 1, on=False)
        await until(bench, 1, lambda found: found["faults"] == "none")  # and no BOOT_LOOP
