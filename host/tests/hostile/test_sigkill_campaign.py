# SPDX-License-Identifier: MIT
"""`crowdcharge run` over eight boards is killed at random instants and started again.

CI kills it twice; a hundred: `pytest -m long host/tests/hostile/test_sigkill_campaign.py`.
"""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.boards import keys as key_file
from crowdcharge.boards.link import BoardLink
from crowdcharge.clock import BoardClock
from crowdcharge.ledger.settlement import DISPUTED
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify
from crowdcharge.radio import open_radio
from crowdcharge.radio.base import Advert

from ..command import COMMAND

pytestmark = [pytest.mark.bench, pytest.mark.slow]

BOARDS = 8
SPEED = 1.0
LEASE_s = 2.0
SAMPLE_s = 0.1
KEYS = {board_id: bytes([board_id]) * 32 for board_id in range(1, BOARDS + 1)}


def bench_config() -> BenchConfig:
    """Donors 1 3 5 7, each on the receiver after it; large cells, so that it never ends."""
    boards = tuple(
        BoardConfig(board_id, 80.0 if board_id % 2 else 25.0, 2000.0, key=KEYS[board_id].hex())
        for board_id in KEYS
    )
    pairs = tuple(Placement((a, a + 1)) for a in range(1, BOARDS, 2))
    return BenchConfig(boards, contacts=ContactsConfig((pairs,), 1e6), speed=SPEED)


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
slots = {BOARDS}
[transfer]
lease_ms = {int(LEASE_s * 1000)}
[contacts]
source = "bench"
control = "{bench.control_path}"
slot_s = 5.0
""",
        encoding="utf-8",
    )
    return path


def start_run(path: Path) -> subprocess.Popen[bytes]:
    command = [*COMMAND, "run", str(path)]
    return subprocess.Popen(
        [*command, "--json"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


async def coils_on(bench: Bench, wanted: int) -> None:
    """Wait until so many are on; 0: until none is."""
    while True:
        on = len((await bench.control.witness(since_s=1e12))["on"])
        if on >= wanted > 0 or (not wanted and not on):
            return
        await asyncio.sleep(0.02)


async def kill_once(bench: Bench, path: Path, rng: Random) -> float:
    """Bench seconds from the kill to the last coil going off."""
    run = start_run(path)
    try:
        if rng.random() < 0.75:  # else anywhere, even before the first grant
            await asyncio.wait_for(coils_on(bench, rng.choice((1, 4, 8))), 120)
        await asyncio.sleep(rng.uniform(0, 4))
    finally:
        os.kill(run.pid, signal.SIGKILL)
        await asyncio.to_thread(run.communicate)
    killed_s = (await bench.control.witness(since_s=1e12))["time_s"]
    await asyncio.wait_for(coils_on(bench, 0), 60)
    seen = await bench.control.witness(since_s=killed_s)
    return max([edge["time_s"] - killed_s for edge in seen["changes"]], default=0.0)


def check_ledger(folder: Path) -> tuple[int, int]:
    """(transfers, receipts): verified, all closed, none doubled, none disputed."""
    with Store.read(folder / "out" / "ledger.sqlite") as store:
        book = store.load()
        findings = [finding for finding in verify(store.rows(), KEYS) if finding.wrong]
        assert findings == []
        assert store.damage() is None
        assert book.unsettled() == []
        assert [each for each in book.transfers.values() if each.state == DISPUTED] == []
        raws = [row.fields()["raw"] for row in store.rows() if row.kind == "receipt"]
        assert len(raws) == len(set(raws))
        return len(book.transfers), len(raws)


async def check_meters(folder: Path, bench: Bench) -> None:
    """Check that the ledger says of each board what its odometers show, to the mJ;
    and the plant agrees, but for the samples in which coils went on and off.
    """
    with Store.read(folder / "out" / "ledger.sqlite") as store:
        transfers = list(store.load().transfers.values())
    plant = {board["id"]: board for board in (await bench.control.status())["boards"]}
    radio = open_radio(bench.transport)
    heard: set[str] = set()
    all_heard = asyncio.Event()

    def on_advert(advert: Advert) -> None:
        heard.add(advert.address)
        if heard >= set(bench.addresses.values()):
            all_heard.set()

    await radio.start_scan(on_advert)
    await asyncio.wait_for(all_heard.wait(), 60)
    for board_id, key in KEYS.items():
        address, random_bytes = bench.addresses[board_id], secrets.token_bytes
        link = await BoardLink.open(radio, address, board_id, key, random_bytes, BoardClock())
        beacon = await link.status()
        await link.close()
        sent = [each.sent_mJ for each in transfers if each.ptx == board_id]
        received = [each.received_mJ for each in transfers if each.prx == board_id]
        assert (sum(sent), sum(received)) == (beacon.sent_mJ, beacon.received_mJ)
        loose_mJ = 300 + 600 * len(sent + received)
        assert sum(sent) == pytest.approx(plant[board_id]["sent_J"] * 1000, abs=loose_mJ)
        assert sum(received) == pytest.approx(plant[board_id]["received_J"] * 1000, abs=loose_mJ)
    await radio.close()


async def campaign(folder: Path, kills: int, seed: int) -> None:
    rng = Random(seed)
    worst_s = 0.0
    async with launch(bench_config()) as bench:
        path = write_config(folder, bench, 600.0)
        for number in range(kills):
            after_s = await kill_once(bench, path, rng)
            worst_s = max(worst_s, after_s)
            assert after_s <= LEASE_s + SAMPLE_s, f"--seed {seed}, kill {number}"
        run = start_run(write_config(folder, bench, 15.0))
        _, err = await asyncio.to_thread(run.communicate)
        assert run.returncode == 0, err.decode()
        await check_meters(folder, bench)
    transfers, receipts = check_ledger(folder)
    assert transfers >= kills
    sys.stdout.write(
        f"{kills} kills, {transfers} transfers, {receipts} receipts,"
        f" last coil off {worst_s:.2f} s after a kill at the latest\n"
    )


@pytest.mark.timeout(600)
async def test_a_kill_leaves_no_coil_on_and_loses_nothing(tmp_path, seed):
    await campaign(tmp_path, 1, seed)


@pytest.mark.long
@pytest.mark.timeout(7200)
async def test_a_hundred_kills_leave_no_coil_on_and_lose_nothing(tmp_path, seed):
    await campaign(tmp_path, 100, seed)
