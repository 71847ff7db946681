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

pytestmark = [pytest.mark.bench, pytest.mark.slow, pytest.mark.timeout(500)]

LEASE_s = 2.0
SAMPLE_s = 0.1


def keys(count: int) -> dict[int, bytes]:
    return {board_id: bytes([board_id]) * 32 for board_id in range(1, count + 1)}


def bench_config(hands, count: int, speed: float) -> BenchConfig:
    """Full and empty boards in pairs, the first half near the western proxy."""
    boards = tuple(
        BoardConfig(
            board_id,
            90.0 if board_id % 2 else 10.0,
            key=key.hex(),
            place_m=[-8.0 if board_id <= count / 2 else 8.0, 0.0],
        )
        for board_id, key in keys(count).items()
    )
    pairs = tuple(Placement((board_id, board_id + 1)) for board_id in range(1, count, 2))
    proxies = tuple(
        ProxyConfig(name=name, port=0, place_m=[x_m, 0.0], range_m=30.0, key=hands.KEY)
        for name, x_m in (("west", -9.0), ("east", 9.0))
    )
    contacts = ContactsConfig((pairs,), 1000.0)
    return BenchConfig(boards, contacts=contacts, speed=speed, proxies=proxies)


def write_run(folder: Path, bench: Bench, duration_s: float, local: bool) -> Path:
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
adapters = [{f'"{bench.transport}"' if local else ""}]
proxies = [{reached}]
speed = {config.speed}
[transfer]
lease_ms = {int(LEASE_s * 1000)}
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


async def test_a_killed_proxy_costs_no_transfer(tmp_path, hands):
    """At half speed: a busy machine takes longer to connect than the lease of real time has."""
    async with launch(bench_config(hands, 4, 0.5)) as bench:
        path = write_run(tmp_path, bench, 32.0, local=True)
        scanned = await asyncio.to_thread(
            subprocess.check_output, [*COMMAND, "scan", str(path), "--seconds", "4", "--json"]
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
        await asyncio.sleep(2.0)
        await bench.control.fault("proxy-power", 1)
        summary = await run.finish()
    run.check()
    assert "was lost; the other radios go on" in run.events("Trouble")[0]["text"]
    ends = {end for each in summary["transfers"] for end in (each["ept_ptx"], each["ept_prx"])}
    assert "LEASE_LOST" not in ends
    assert summary["imbalance_after"] < summary["imbalance_before"] / 2


@pytest.mark.parametrize("stall_s", [12.0, pytest.param(60.0, marks=pytest.mark.long)])
async def test_a_stalled_proxy_leaves_no_coil_on_and_the_boards_come_back(
    tmp_path, hands, stall_s
):
    async with launch(bench_config(hands, 4, 1.0)) as bench:
        run = Watched(write_run(tmp_path, bench, stall_s + 28.0, local=True))
        status = await coils_on(bench, 4)
        stalled_s = await bench.control.fault("proxy-stall", 1)
        told_s = datetime.now().timestamp()
        on = {board["id"] for board in status["boards"] if board["tx_on"] or board["rx_on"]}
        assert on >= {1, 2}
        await asyncio.sleep(stall_s)
        seen = await bench.control.witness(since_s=stalled_s)
        await bench.control.fault("proxy-stall", 1, on=False)
        await run.finish()
    run.check()
    lost = [each for each in run.events("Trouble") if "was lost" in each["text"]]
    assert when(lost[0]) - told_s < 5.0
    west = {1, 2}
    offs = [
        each["time_s"] for each in seen["changes"] if each["board_id"] in west and not each["on"]
    ]
    settled = [when(each) for each in run.events("Settled") if when(each) > told_s]
    started = [each for each in run.events("TransferStarted") if when(each) > told_s]
    assert offs
    assert settled
    assert any({each["ptx"], each["prx"]} == west for each in started)


@pytest.mark.long
async def test_twelve_boards_over_two_proxies_and_an_adapter(tmp_path, hands):
    """Thirteen connections, and ten when a proxy has gone."""
    async with launch(bench_config(hands, 12, 0.4)) as bench:
        run = Watched(write_run(tmp_path, bench, 80.0, local=True))
        await coils_on(bench, 4)
        await bench.control.fault("proxy-power", 1)
        summary = await run.finish()
    run.check()
    assert summary["imbalance_after"] < summary["imbalance_before"] / 2
