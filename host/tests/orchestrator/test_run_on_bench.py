# SPDX-License-Identifier: MIT
"""`crowdcharge run` on a virtual bench: real firmware, real BLE, the bench's own witness."""

import asyncio
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.boards import keys as key_file
from crowdcharge.ledger import kinds
from crowdcharge.ledger.settlement import SETTLED, VOID, TransferRecord
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify

from ..command import start_run

pytestmark = [pytest.mark.bench, pytest.mark.slow, pytest.mark.timeout(300)]

SPEED = 2.0
LEASE_s = 2.0
SAMPLE_s = 0.1
KEYS = {board_id: bytes([board_id]) * 32 for board_id in (1, 2, 3, 4)}
SOCS_pct = {1: 90.0, 2: 10.0, 3: 80.0, 4: 20.0}


def bench_config() -> BenchConfig:
    boards = tuple(
        BoardConfig(board_id, soc_pct, key=KEYS[board_id].hex())
        for board_id, soc_pct in SOCS_pct.items()
    )
    together = ((Placement((1, 2)), Placement((3, 4))),)
    return BenchConfig(boards, contacts=ContactsConfig(together, 1000.0), speed=SPEED)


def write_config(folder: Path, bench: Bench, duration_s: float) -> Path:
    key_file.save(folder / "keys.toml", KEYS)
    path = folder / "run.toml"
    path.write_text(
        f"""
[run]
policy = "oblivious-share"
keys = "keys.toml"
out = "out"
duration_s = {duration_s}
[radio]
transport = "{bench.transport}"
speed = {SPEED}
[transfer]
lease_ms = {int(LEASE_s * 1000)}
[contacts]
source = "bench"
control = "{bench.control_path}"
slot_s = 8.0
[crowd]
name = "bench"
rule = "received"
allowance_J = 1000
""",
        encoding="utf-8",
    )
    return path


async def finish(process: subprocess.Popen[bytes]) -> dict:
    out, err = await asyncio.to_thread(process.communicate)
    assert process.returncode == 0, err.decode()
    return json.loads(out)


async def coils_on(bench: Bench, wanted: int) -> dict:
    """Wait until so many transmitters and receivers are on, or none."""
    while True:
        status = await bench.control.status()
        on = sum(board["tx_on"] + board["rx_on"] for board in status["boards"])
        if on >= wanted > 0 or (not wanted and not on):
            return status
        await asyncio.sleep(0.02)


async def both_have_sent(bench: Bench, energy_J: float) -> None:
    """Wait until each pair's donor has sent so much, and both coils are on."""
    while True:
        boards = {board["id"]: board for board in (await coils_on(bench, 4))["boards"]}
        if min(boards[donor]["sent_J"] for donor in (1, 3)) >= energy_J:
            return
        await asyncio.sleep(0.02)


def transfers(folder: Path) -> dict[int, TransferRecord]:
    with Store.read(folder / "out" / "ledger.sqlite") as store:
        return dict(store.load().transfers)


def check(folder: Path) -> list[str]:
    """Return the states of the transfers in a ledger that verifies."""
    with Store.read(folder / "out" / "ledger.sqlite") as store:
        book = store.load()
        assert [each for each in verify(store.rows(), KEYS) if each.wrong] == []
        assert store.damage() is None
        assert book.unsettled() == []
        return [each.state for each in book.transfers.values()]


def earned_mJ(folder: Path) -> int:
    """Return what the crowd's givers have earned; a board may be giver and taker."""
    with Store.read(folder / "out" / "ledger.sqlite") as store:
        contents = [row.content() for row in store.rows()]
    return sum(each.amount_mJ for each in contents if isinstance(each, kinds.Credit))


LATE_mW = 150  # by how much a sample is off that the machine made late: it counts until then


async def test_four_boards_balance(tmp_path):
    async with launch(bench_config()) as bench:
        summary = await finish(start_run(write_config(tmp_path, bench, 34.0)))
        status = await bench.control.status()
    states = check(tmp_path)
    assert set(states) <= {SETTLED, VOID}
    assert SETTLED in states
    assert summary["vm"].startswith("MicroPython")
    assert summary["imbalance_after"] < summary["imbalance_before"] / 2
    assert summary["sent_mJ"] - summary["received_mJ"] == summary["loss_mJ"]
    all_mJ = [(each.sent_mJ, each.received_mJ) for each in transfers(tmp_path).values()]
    assert sum(received_mJ for _, received_mJ in all_mJ) == summary["received_mJ"]
    # One so short that under 40 % arrived by the two meters earns nobody anything.
    earned = [received_mJ for sent_mJ, received_mJ in all_mJ if received_mJ >= 0.4 * sent_mJ]
    assert earned_mJ(tmp_path) == sum(earned) > 0.9 * summary["received_mJ"]
    for board in status["boards"]:
        (told,) = [each for each in summary["boards"] if each["board_id"] == board["id"]]
        late_mJ = 60 + LATE_mW * board["waited_s"]
        for told_mJ, true_J in (
            (told["sent_mJ"], board["sent_J"]),
            (told["received_mJ"], board["received_J"]),
        ):
            assert told_mJ == pytest.approx(true_J * 1000, rel=0.02, abs=late_mJ)


async def test_a_killed_host_leaves_no_coil_on_and_settles_when_it_is_back(tmp_path):
    async with launch(bench_config()) as bench:
        path = write_config(tmp_path, bench, 50.0)
        process = start_run(path)
        await both_have_sent(bench, 2.0)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        killed = await bench.control.status()
        waited_s = {board["id"]: board["waited_s"] for board in killed["boards"]}
        dark = await coils_on(bench, 0)
        begun = transfers(tmp_path).keys()
        seen = await bench.control.witness()
        for each in seen["changes"]:
            busy_s = max(each["waited_s"] - waited_s[each["board_id"]], 0.0)  # the machine
            assert each["on"] or each["time_s"] - killed["time_s"] - busy_s <= LEASE_s + SAMPLE_s
        await finish(start_run(write_config(tmp_path, bench, 10.0)))
    states = check(tmp_path)
    assert set(states) <= {SETTLED, VOID}
    found = transfers(tmp_path)
    for donor in (1, 3):  # a grant that a busy machine lost on its way is void: no energy
        own = [found[each] for each in begun if found[each].ptx == donor]
        settled_mJ = sum(each.sent_mJ for each in own if each.state == SETTLED)
        (sent_J,) = [board["sent_J"] for board in dark["boards"] if board["id"] == donor]
        assert settled_mJ == pytest.approx(sent_J * 1000, rel=0.3)  # how exact: elsewhere


async def test_ctrl_c_settles_what_runs_and_a_dead_hub_is_one_line(tmp_path):
    async with launch(bench_config()) as bench:
        path = write_config(tmp_path, bench, 0.0)
        process = start_run(path)
        await coils_on(bench, 4)
        process.send_signal(signal.SIGINT)
        summary = await finish(process)
        assert "STOPPED" in {each["ept_ptx"] for each in summary["transfers"]}
        assert set(check(tmp_path)) <= {SETTLED, VOID}
        process = start_run(path)
        await coils_on(bench, 2)
        bench.process.kill()
        out, err = await asyncio.to_thread(process.communicate)
    assert process.returncode == 1
    assert out == b""
    assert err.decode().startswith("crowdcharge: ")
    assert err.count(b"\n") == 1


async def test_contacts_are_found_by_short_fields(tmp_path):
    async with launch(bench_config()) as bench:
        path = write_config(tmp_path, bench, 24.0)
        text = path.read_text(encoding="utf-8")
        path.write_text(text.partition("[contacts]")[0] + '[contacts]\nsource = "ping"\n')
        summary = await finish(start_run(path))
    pairs = {(each["ptx"], each["prx"]) for each in summary["transfers"]}
    assert pairs
    assert pairs <= {(1, 2), (3, 4), (2, 1), (4, 3)}
    assert set(check(tmp_path)) <= {SETTLED, VOID}
