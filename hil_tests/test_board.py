# SPDX-License-Identifier: MIT
"""One board alone: its console, sensors, adverts and connections."""

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hil_tests.dut import Dut, until
from hil_tests.open_bench import OpenBench

from wptcore import ept, transfer

if TYPE_CHECKING:
    from crowdcharge.boards.models import Beacon

_LISTEN_s = 2.5
_BEACON_s = 0.5  # an advert every 0.25 s; some scanners miss every other one
_CONNECTIONS = 3


async def test_the_console_says_who_it_is(open_bench: OpenBench, dut: Dut) -> None:
    answer = await dut.console(lambda line: line.hello())
    assert answer["board"] == dut.kind
    identity = await dut.console(lambda line: line.ask("identity"))
    assert int(identity["board_id"]) == dut.id
    assert identity["key"] != "none"
    assert open_bench.host.keys[dut.id].hex() not in str(identity)


async def test_its_sensors_pass_the_self_test(dut: Dut) -> None:
    answer = await dut.console(lambda line: line.ask("selftest", timeout_s=5.0))
    assert answer["result"] == "pass", answer
    assert -100 < int(answer["coil_dC"]) < 500


async def test_console_and_radio_tell_the_same(dut: Dut) -> None:
    answer = await dut.console(lambda line: line.ask("status"))
    beacon = await dut.status()
    assert answer["state"] == transfer.STATE_NAMES[beacon.state]
    assert int(answer["epoch"]) == beacon.epoch
    assert int(answer["sent_mJ"]) == beacon.sent_mJ
    assert abs(int(answer["bus_mV"]) - beacon.bus_mV) < 100
    assert answer["coil_on"] == "0"


async def test_it_advertises_as_often_as_it_should(open_bench: OpenBench, dut: Dut) -> None:
    """A host must see a board that is not connected twice a second."""
    link = await dut.link()
    address = link.address
    await link.close()
    beacons: list[tuple[float, Beacon]] = []
    loop = asyncio.get_running_loop()
    seen = open_bench.host.view(dut.id)
    heard_before = seen.heard if seen else 0
    began_s = loop.time()

    async def advertises() -> bool:
        view = open_bench.host.view(dut.id)
        if view and view.heard > heard_before and (not beacons or beacons[-1][1] != view.newest):
            beacons.append((loop.time(), view.newest))
        return loop.time() - began_s > _LISTEN_s and len(beacons) > 1

    await until(advertises, f"board {dut.id} is heard at {address}")
    gaps_s = sorted(b - a for (a, _), (b, _) in pairwise(beacons))
    assert gaps_s[len(gaps_s) // 2] <= 3 * _BEACON_s, gaps_s
    assert {beacon.board_id for _, beacon in beacons} == {dut.id}


async def test_it_can_be_connected_to_again_and_again(dut: Dut) -> None:
    epoch = (await dut.status()).epoch
    for _ in range(_CONNECTIONS):
        link = await dut.link()
        assert (await link.ask()).code == ept.NONE
        await link.close()
    assert (await dut.status()).epoch == epoch


@pytest.mark.feature("pin-witness")
async def test_a_board_at_rest_never_touched_its_coil(open_bench: OpenBench, dut: Dut) -> None:
    now_s = await open_bench.instruments.time_s()
    await asyncio.sleep(0.5)
    assert await open_bench.instruments.coil_changes(dut.id, now_s) == []
    assert await open_bench.instruments.power_W(dut.id, "tx") < 0.02


@pytest.mark.feature("power-cut")
async def test_a_board_that_loses_its_power_comes_back(open_bench: OpenBench, dut: Dut) -> None:
    before = await dut.status()
    await open_bench.instruments.act(dut.id, "power-cut")
    if open_bench.host.pool.is_connected(dut.id):
        await (await open_bench.host.pool.get(dut.id)).close()
    await open_bench.instruments.act(dut.id, "power-cut", on=False)
    after = await dut.status()
    assert after.epoch == before.epoch + 1
    assert (after.sent_mJ, after.received_mJ) == (before.sent_mJ, before.received_mJ)
