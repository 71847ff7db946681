# SPDX-License-Identifier: MIT
"""Boards with INA228 meters on a bench: calibrated as a user does it, then a run that settles."""

import asyncio
import json
import statistics
import subprocess

import pytest
import pytest_asyncio

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.boards import keys as key_file
from crowdcharge.flash.calibrate import calibrate_meter
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.ledger.settlement import SETTLED
from crowdcharge.ledger.store import Store
from wptcore.calibration import current_uA

from ...command import COMMAND

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.asyncio(loop_scope="module")]
KEYS = {board_id: bytes([board_id]) * 32 for board_id in (1, 2)}
SHUNT_uOhm = 15_000
SPEED = 2.0
PASS_s = 0.02
RUN = """
[run]
policy = "oblivious-share"
keys = "keys.toml"
out = "out"
duration_s = 14.0
[radio]
transport = "{transport}"
speed = {speed}
[transfer]
lease_ms = 2000
[contacts]
source = "bench"
control = "{control}"
slot_s = 8.0
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(tmp_path_factory):
    boards = tuple(
        BoardConfig(board_id, soc_pct, board="virtual_ina228", key=KEYS[board_id].hex())
        for board_id, soc_pct in ((1, 90.0), (2, 10.0))
    )
    contacts = ContactsConfig(((Placement((1, 2)),),), 1000.0)
    config = BenchConfig(boards, contacts=contacts, speed=SPEED)
    async with launch(config, tmp_path_factory.mktemp("bench")) as running:
        yield running


def held_up_mJ(changes: list[dict], board_id: int, energy_mJ: float) -> float:
    """Return what a busy machine may add to, or take from, what this board meters.

    A sample stands for the time since the one before, so at each edge of the flow up to a pass
    is counted too much or too little. A pass of 20 ms is longer by as much as the machine kept
    the board waiting in it: on average so, twice that because waits come in bursts.
    """
    own = [each for each in changes if each["board_id"] == board_id]
    first, last = own[::2], own[1::2]
    flow_s = sum(b["time_s"] - a["time_s"] for a, b in zip(first, last, strict=True))
    waited_s = sum(b["waited_s"] - a["waited_s"] for a, b in zip(first, last, strict=True))
    longer_s = 2 * PASS_s * waited_s / (flow_s - waited_s)
    return len(own) * longer_s * energy_mJ / flow_s


async def test_a_run_settles_and_both_meters_tell_the_truth_as_built(bench, tmp_path):
    key_file.save(tmp_path / "keys.toml", KEYS)
    text = RUN.format(transport=bench.transport, speed=SPEED, control=bench.control_path)
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    command = [*COMMAND, "run", str(tmp_path / "run.toml"), "--json"]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    told = {board["board_id"]: board for board in json.loads(done.stdout)["boards"]}
    with Store.read(tmp_path / "out" / "ledger.sqlite") as store:
        assert SETTLED in [each.state for each in store.load().transfers.values()]
    changes = (await bench.control.witness())["changes"]
    for board in (await bench.control.status())["boards"]:
        for told_mJ, true_J in (("sent_mJ", "sent_J"), ("received_mJ", "received_J")):
            true_mJ = board[true_J] * 1000
            off_mJ = max(0.01 * true_mJ, 60) + held_up_mJ(changes, board["id"], true_mJ)
            assert told[board["id"]][told_mJ] == pytest.approx(true_mJ, abs=off_mJ)
    assert told[1]["sent_mJ"] > told[2]["received_mJ"] > 1000


async def test_calibrate_finds_the_shunt_that_is_off(bench, tmp_path):
    loop = asyncio.get_running_loop()

    def load(current_mA: float) -> None:
        fault = bench.control.fault("load", 1, side="tx", current_mA=current_mA)
        asyncio.run_coroutine_threadsafe(fault, loop).result(10)

    def loads():
        for current_mA in (200.0, 1500.0):
            load(current_mA)
            yield current_mA

    def calibrate():
        with SerialLine(bench.serial_ports[1]) as line:
            line.maintain(True)
            found = calibrate_meter(line, "tx", loads(), 500.0, tmp_path / "c.json", True)[1]
            streamed = list(line.stream("meter", "tx", 20))
            load(0.0)
            line.maintain(False)
        return found, [int(pairs["shunt_uV"]) for pairs in streamed]

    await bench.control.fault("shunt", 1, side="tx", ppm=20_000.0)
    found, shunt_uV = await asyncio.to_thread(calibrate)
    raw_mA = statistics.mean(current_uA(each, SHUNT_uOhm) for each in shunt_uV) / 1000
    assert raw_mA == pytest.approx(1500 * 1.02, rel=0.002)
    true_mA = (raw_mA - found.offset / 1000) * (1 + found.gain_ppm / 1e6)
    assert true_mA == pytest.approx(1500, rel=0.001)
