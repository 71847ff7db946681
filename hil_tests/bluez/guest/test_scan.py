# SPDX-License-Identifier: MIT
"""`crowdcharge scan` finds real MicroPython boards through bluetoothd."""

import json

from hil_tests.bluez.guest import bluez
from hil_tests.bluez.guest.bench import launch_plugged

from crowdcharge.bench.config import BenchConfig, BoardConfig


async def test_scan_lists_every_board() -> None:
    boards = (BoardConfig(1, 90.0), BoardConfig(2, 10.0))
    async with launch_plugged(BenchConfig(boards)):
        heard = json.loads(await bluez.product("scan", "--seconds", "15", "--json"))["boards"]
    assert [(board["board_id"], board["soc_pct"]) for board in heard] == [(1, 90), (2, 10)]
