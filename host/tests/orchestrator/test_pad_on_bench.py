# SPDX-License-Identifier: MIT
"""One pad and three receivers: real firmware on real VMs, real BLE, the bench's own witness."""

import asyncio
import json
import signal
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from crowdcharge.bench import config as bench_config
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.boards import keys as key_file
from crowdcharge.ledger.book import Book
from crowdcharge.ledger.settlement import SETTLED
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify
from wptcore import ept

from ..command import start_run

pytestmark = [pytest.mark.bench, pytest.mark.slow, pytest.mark.timeout(300)]

BENCH = Path(__file__).with_name("pad.toml")
SPEED = 2.0
LEASE_s = 2.0
KEYS = {board_id: bytes([board_id]) * 32 for board_id in (1, 2, 3, 4)}
RUN = """
[run]
policy = "oblivious-share"
keys = "keys.toml"
out = "out"
[radio]
transport = "{transport}"
speed = {speed}
[transfer]
lease_ms = {lease_ms}
power_max_mW = 8000
group = "equal"
[contacts]
source = "bench"
control = "{control}"
slot_s = 1000.0
"""


@asynccontextmanager
async def running(folder: Path):
    """Run a host beside the bench of pad.toml until the test has seen all it waits for."""
    async with launch(bench_config.load(BENCH)) as bench:
        key_file.save(folder / "keys.toml", KEYS)
        values = {
            "transport": bench.transport,
            "speed": SPEED,
            "lease_ms": int(LEASE_s * 1000),
            "control": bench.control_path,
        }
        (folder / "run.toml").write_text(RUN.format(**values), encoding="utf-8")
        host = start_run(folder / "run.toml")
        try:
            yield bench
            host.send_signal(signal.SIGINT)
            out, err = await asyncio.to_thread(host.communicate)
            assert host.returncode == 0, err.decode()
            json.loads(out)
        finally:
            host.kill()
            host.wait()


async def receiving(bench: Bench, *boards: int) -> dict:
    """Wait until exactly these receive from the pad; return the bench's status."""
    while True:
        status = await bench.control.status()
        by_id = {each["id"]: each for each in status["boards"]}
        on = {k for k in (2, 3, 4) if by_id[k]["rx_on"] and by_id[k]["rx_W"] > 0.3}
        if on == set(boards) and by_id[1]["tx_on"] == bool(boards):
            return status
        await asyncio.sleep(0.05)


async def pad_off_s(bench: Bench, since_s: float) -> float:
    """Return the bench time at which the pad's pin fell first after `since_s`."""
    while True:
        seen = await bench.control.witness()
        for change in seen["changes"]:
            is_pads = change["board_id"] == 1 and change["coil"] == "tx"
            if is_pads and not change["on"] and change["time_s"] > since_s:
                return change["time_s"]
        await asyncio.sleep(0.05)


def book_of(folder: Path) -> Book:
    """Return the book of a ledger that verifies."""
    with Store.read(folder / "out" / "ledger.sqlite") as store:
        book = store.load()
        assert [each for each in verify(store.rows(), KEYS) if each.wrong] == []
        assert store.damage() is None
    assert sum(book.balances_mJ.values()) == 0
    return book


def receivers(book: Book, first: set[int]) -> list[set[int]]:
    """Return the receivers of each group in turn; one that began anew as it was counts once.

    From `first` on, because whoever is ready before the others begins alone.
    """
    found = [{book.transfers[each].prx for each in group} for group in book.groups.values()]
    found = [one for one, before in zip(found, [set(), *found], strict=False) if one != before]
    return found[found.index(first) :]


@pytest.mark.long
async def test_one_comes_one_goes_and_the_sums_are_exact(tmp_path):
    async with running(tmp_path) as bench:
        await receiving(bench, 2, 3)
        await asyncio.sleep(2.0)
        await bench.control.fault("move", 4, peer=1)
        await receiving(bench, 2, 3, 4)
        await asyncio.sleep(4.0)
        await bench.control.fault("move", 2, peer=0)
        status = await receiving(bench, 3, 4)
        await asyncio.sleep(4.0)
        truth = await bench.control.status()
    book = book_of(tmp_path)
    assert status["boards"][0]["tx_on"]
    assert [{2, 3}, {2, 3, 4}, {3, 4}] == receivers(book, {2, 3})[:3]
    done = [each for each in book.transfers.values() if each.sent_mJ]
    assert {each.state for each in done} == {SETTLED}
    assert sum(each.sent_mJ for each in done) == book.last_reading[1].sent_mJ
    for prx in (2, 3, 4):
        received_mJ = sum(each.received_mJ for each in done if each.prx == prx)
        assert received_mJ == book.last_reading[prx].received_mJ
    assert truth["boards"][0]["sent_J"] > 0


async def test_a_killed_receiver_ends_the_group_within_one_lease(tmp_path):
    async with running(tmp_path) as bench:
        await receiving(bench, 2, 3)
        await asyncio.sleep(3.0)
        killed_s = (await bench.control.status())["time_s"]
        await bench.control.fault("kill", 3)
        off_s = await pad_off_s(bench, killed_s)
        assert off_s - killed_s <= LEASE_s
        await receiving(bench, 2)
    assert receivers(book_of(tmp_path), {2, 3})[:2] == [{2, 3}, {2}]


@pytest.mark.long
async def test_a_foreign_object_under_one_of_three_trips(tmp_path):
    async with running(tmp_path) as bench:
        await bench.control.fault("move", 4, peer=1)
        await receiving(bench, 2, 3, 4)
        await asyncio.sleep(4.0)
        laid_s = (await bench.control.status())["time_s"]
        await bench.control.fault("foreign-object", 1, power_W=1.2)
        off_s = await pad_off_s(bench, laid_s)
        assert off_s - laid_s <= 2 * LEASE_s
    book = book_of(tmp_path)
    assert ept.FOREIGN_OBJECT in {each.ept_ptx for each in book.transfers.values()}
