# SPDX-License-Identifier: MIT
"""A transfer on real VMs while their ticks begin anew, as after 12.4 days (MicroPython, 2**30 ms)
and 6.2 (CircuitPython, 2**29, the first time 65 s after a start).
"""

import asyncio

import pytest

from crowdcharge.bench.hub.launch import launch
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.radio.bleak_radio import BleakRadio
from wptcore import ept

from .pair_on_bench import (
    LEASE_ms,
    Pair,
    SLACK_s,
    coil_is_on,
    dark_within,
    transfer,
    two_boards,
)

BEFORE_ms = 15_000
KINDS = {  # port, where the bench's ticks are BEFORE_ms before the end
    "virtual": ("micropython", 2**30 - BEFORE_ms),
    "feather_nrf52840": ("circuitpython", 65_536 - BEFORE_ms),
}


@pytest.mark.bench
@pytest.mark.vm
@pytest.mark.long  # a minute: pytest -m long host/tests/ports/test_ticks_on_bench.py
@pytest.mark.timeout(120)
@pytest.mark.asyncio(loop_scope="function")
@pytest.mark.parametrize("board", KINDS)
async def test_energy_lease_and_duration_across_the_end_of_the_ticks(tmp_path, board):
    port, start_ms = KINDS[board]
    config = two_boards(port, board, start_ms)
    async with launch(config, tmp_path) as bench:
        pair = Pair(bench, BleakRadio(*backends(bench.transport)))
        await pair.hear()
        renewals = await transfer(pair)
        began_s = (await bench.control.status())["time_s"]
        assert began_s < BEFORE_ms / 1000 - 2, "too late to cross the end"
        while (await bench.control.status())["time_s"] < BEFORE_ms / 1000 + 3:
            await renewals.go_on(0.5)
            assert await coil_is_on(bench)
        await dark_within(bench, LEASE_ms / 1000 + SLACK_s)
        ended_s = (await bench.control.status())["time_s"]
        await asyncio.sleep(0.5)
        newest = (await (await pair.link(1)).receipts())[0]
        assert newest.ept == ept.LEASE_LOST
        assert newest.duration_ms / 1000 == pytest.approx(ended_s - began_s, abs=1.5)
        truth = await bench.control.board(1)
        assert newest.energy_mJ / 1000 == pytest.approx(truth["sent_J"], rel=0.1)
        await pair.close()
