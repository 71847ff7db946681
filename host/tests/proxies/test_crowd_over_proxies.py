# SPDX-License-Identifier: MIT
"""`crowdcharge run` over virtual proxies: real firmware, real BLE, the proxies' real API."""

import asyncio
import json
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig, ProxyConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.boards import keys as key_file
from crowdcharge.ledger.settlement import SETTLED, VOID
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify

from ..command import COMMAND
from .conftest import KEY

pytestmark = [pytest.mark.bench, pytest.mark.slow, pytest.mark.timeout(500)]

LEASE_s = 2.0
NOTICED_s = 0.5  # from the end of a lease to the coil's, as the bench's witness sees it
BACK_s = 5.0


def keys(count: int) -> dict[int, bytes]:
    return {board_id: bytes([board_id]) * 32 for board_id in range(1, count + 1)}


def bench_config(count: int, speed: float, capacity_J: float = 100.0) -> BenchConfig:
    """Full and empty boards in pairs, the first half near the western proxy.

    Of twelve, eight lie in pairs at a time: with a proxy away, ten connections are left.
    """
    boards = tuple(
        BoardConfig(
            board_id,
            90.0 if board_id % 2 else 10.0,
            capacity_J,
            key=key.hex(),
            place_m=[-8.0 if board_id <= count / 2 else 8.0, 0.0],
        )
        for board_id, key in keys(count).items()
    )
    pairs = tuple(Placement((board_id, board_id + 1)) for board_id in range(1, count, 2))
    proxies = tuple(
        ProxyConfig(name=name, port=0, place_m=[x_m, 0.0], range_m=30.0, key=KEY)
        for name, x_m in (("west", -9.0), ("east", 9.0))
    )
    cycle = (pairs,) if count <= 8 else (pairs[:4], pairs[2:])
    contacts = ContactsConfig(cycle, 30.0)
    return BenchConfig(boards, contacts=contacts, speed=speed, proxies=proxies)


def write_run(folder: Path, bench: Bench, duration_s: float, lease_s: float = LEASE_s) -> Path:
    config = bench.config
    key_file.save(folder / "keys.toml", keys(len(config.boards)))
    reached = ", ".join(
        f'{{ host = "{each["host"]}", port = {each["port"]}, key = "{each["key"]}" }}'
        for each in bench.proxies
    )
    path = folder / "run.toml"
    path.write_text(
        f"""
[run]
policy = "oblivious-share"
keys = "keys.toml"
out = "out"
duration_s = {duration_s}
[radio]
adapters = ["{bench.transport}"]
proxies = [{reached}]
speed = {config.speed}
[transfer]
lease_ms = {int(lease_s * 1000)}
[contacts]
source = "bench"
control = "{bench.control_path}"
slot_s = 20.0
""",
        encoding="utf-8",
    )
    return path


class Watched:
    """A run as a process, and its log."""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        self._log = self.folder / "log.jsonl"
        command = [*COMMAND, "run", str(path), "--json", "--log-file", str(self._log)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdout=pipe, stderr=pipe)

    def events(self, *kinds: str) -> list[dict]:
        if not self._log.exists():
            return []
        lines = self._log.read_text().splitlines()
        return [each for each in map(json.loads, lines) if each["event"] in kinds]

    async def finish(self) -> dict:
        out, err = await asyncio.to_thread(self.process.communicate)
        assert self.process.returncode == 0, err.decode()
        return json.loads(out)

    def check(self) -> None:
        with Store.read(self.folder / "out" / "ledger.sqlite") as store:
            book = store.load()
            assert [each for each in verify(store.rows(), keys(12)) if each.wrong] == []
            assert store.damage() is None
            assert book.unsettled() == []
            assert {each.state for each in book.transfers.values()} <= {SETTLED, VOID}


async def coils_on(bench: Bench, wanted: int) -> dict:
    """Wait until so many transmitters and receivers are on."""
    async with asyncio.timeout(120):
        while True:
            status = await bench.control.status()
            if sum(board["tx_on"] + board["rx_on"] for board in status["boards"]) >= wanted:
                return status
            await asyncio.sleep(0.05)


def when(event: dict) -> float:
    return datetime.fromisoformat(event["time"]).timestamp()


def ends_of(summary: dict) -> set[str]:
    return {end for each in summary["transfers"] for end in (each["ept_ptx"], each["ept_prx"])}


async def test_a_killed_proxy_costs_no_transfer(tmp_path):
    """At half speed: a busy machine takes longer to connect than the lease of real time has."""
    async with launch(bench_config(4, 0.5, capacity_J=40.0)) as bench:
        path = write_run(tmp_path, bench, 12.0)
        scanned = await asyncio.to_thread(
            subprocess.check_output, [*COMMAND, "scan", str(path), "--seconds", "3", "--json"]
        )
        heard = json.loads(scanned)["boards"]
        assert len(heard) == 4
        for board in heard:
            nearest = bench.proxies[0 if board["board_id"] <= 2 else 1]
            assert len(board["radios"]) == 3
            assert max(board["radios"], key=board["radios"].get) == (
                f"{nearest['host']}:{nearest['port']}"
            )
        run = Watched(path)
        await coils_on(bench, 4)
        await asyncio.sleep(1.0)
        await bench.control.fault("proxy-power", 1)
        summary = await run.finish()
    run.check()
    assert "was lost; the other radios go on" in run.events("Trouble")[0]["text"]
    assert "LEASE_LOST" not in ends_of(summary)
    assert summary["imbalance_after"] < summary["imbalance_before"] / 2


@pytest.mark.long
@pytest.mark.parametrize("faults", [("proxy-power",), ("proxy-leak", "proxy-stale")], ids=str)
async def test_twelve_boards_over_two_proxies_and_an_adapter_lose_no_transfer(tmp_path, faults):
    """Thirteen connections; in the middle of transfers they get fewer, or are kept for nobody.

    The lease is what one adapter needs for three connections on a busy machine.
    """
    async with launch(bench_config(12, 0.4)) as bench:
        run = Watched(write_run(tmp_path, bench, 80.0, lease_s=4.0))
        await coils_on(bench, 8)
        for fault in faults:
            await bench.control.fault(fault, 1)
        summary = await run.finish()
    run.check()
    assert "LEASE_LOST" not in ends_of(summary)
    assert {each["ptx"] for each in summary["transfers"]} >= {1, 3, 5, 7, 9, 11}
    assert summary["imbalance_after"] < summary["imbalance_before"] / 2


@pytest.mark.parametrize(
    ("count", "speed", "stall_s"),
    [
        (4, 1.0, 8.0),
        pytest.param(4, 1.0, 60.0, marks=pytest.mark.long),
        pytest.param(12, 0.4, 60.0, marks=pytest.mark.long),
    ],
)
async def test_a_stalled_proxy_leaves_no_coil_on_and_the_boards_come_back(
    tmp_path, count, speed, stall_s
):
    """The lease is two seconds by a person's clock, less than a host needs to notice.

    What the radio needs takes longer on a slow bench: the boards are back by their own clock.
    """
    lease_s = LEASE_s * speed
    async with launch(bench_config(count, speed)) as bench:
        run = Watched(write_run(tmp_path, bench, 12.0 + (stall_s + 4.0) * speed, lease_s))
        await coils_on(bench, min(count, 8))
        await asyncio.sleep(1.0)
        stalled_s = await bench.control.fault("proxy-stall", 1)
        told_s = datetime.now().timestamp()
        await asyncio.sleep(stall_s)
        seen = await bench.control.witness(since_s=stalled_s)
        await bench.control.fault("proxy-stall", 1, on=False)
        await run.finish()
    run.check()
    lost = [each for each in run.events("Trouble") if "was lost" in each["text"]]
    assert when(lost[0]) - told_s < BACK_s / speed
    west = set(range(1, count // 2 + 1))
    off = {
        each["board_id"]
        for each in seen["changes"]
        if not each["on"] and each["time_s"] < stalled_s + lease_s + NOTICED_s
    }
    assert len(off & west) >= 2
    started = run.events("TransferStarted")
    pairs = {each["transfer_id"]: {each["ptx"], each["prx"]} for each in started}
    settled = [each for each in run.events("Settled") if when(each) > told_s]
    for board_id in off:
        its = [each for each in settled if board_id in pairs[each["transfer_id"]]]
        assert when(its[0]) - told_s < BACK_s / speed
    assert any(each["ptx"] in off and when(each) > told_s for each in started)
