# SPDX-License-Identifier: MIT
"""`crowdcharge serve` with real firmware: what is killed, and what must not notice it."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.boards import keys as key_file
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify

from .process import COMMAND, Served, serving

SPEED = 2.0
LEASE_s = 5.0
KEYS = {board_id: bytes([board_id]) * 32 for board_id in (1, 2)}
SOCS_pct = {1: 95.0, 2: 5.0}
CAPACITY_J = 5000.0  # it takes many minutes until they are balanced
pytestmark = pytest.mark.timeout(300)


def write_config(folder: Path, transport: str = "", control: str = "", start: str = "") -> Path:
    key_file.save(folder / "keys.toml", KEYS)
    path = folder / "run.toml"
    path.write_text(
        f"""
[run]
policy = "oblivious-share"
keys = "keys.toml"
out = "out"
site = "lab"
[radio]
transport = "{transport}"
speed = {SPEED}
[transfer]
lease_ms = {int(LEASE_s * 1000)}
[contacts]
source = "bench"
control = "{control}"
slot_s = 40.0
[serve]
http_port = 0
{f'start = "{start}"' if start else ""}
""",
        encoding="utf-8",
    )
    return path


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    boards = tuple(
        BoardConfig(board_id, soc_pct, CAPACITY_J, key=KEYS[board_id].hex())
        for board_id, soc_pct in SOCS_pct.items()
    )
    contacts = ContactsConfig(((Placement((1, 2)),),), 1000.0)
    async with launch(BenchConfig(boards, contacts=contacts, speed=SPEED)) as running:
        yield running


def flowing(shown: dict) -> bool:
    return any(each["received_mW"] and not each["ended_s"] for each in shown["transfers"])


async def coils_come_on(bench: Bench) -> bool:
    """Whether energy flows, or does so again after the pause between two meetings."""
    for _ in range(100):
        if (await bench.control.witness())["on"]:
            return True
        await asyncio.sleep(0.1)
    return False


async def until_dark(bench: Bench, within_s: float) -> None:
    """Wait until no coil is on."""
    give_up_s = time.monotonic() + within_s
    while (await bench.control.witness())["on"]:
        assert time.monotonic() < give_up_s


def check_ledger(out: Path) -> Store:
    with Store.read(out / "ledger.sqlite") as store:
        assert [each for each in verify(store.rows(), KEYS) if each.wrong] == []
        store.load()
    return store


@pytest.mark.bench
@pytest.mark.slow
async def test_kills_of_window_and_engine(bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "out"
    path = write_config(tmp_path, bench.transport, str(bench.control_path), start="running")
    with serving("serve", str(path), out=out) as served:
        before = served.until(flowing)
        os.kill(served.window(), signal.SIGKILL)
        after = served.snapshot()  # the listening socket was open all the time
        known = {each["transfer_id"] for each in before["transfers"]}
        assert known <= {each["transfer_id"] for each in after["transfers"]}
        served.until(flowing)
        assert not [fault for board in served.snapshot()["boards"] for fault in board["faults"]]

        os.kill(served.window(), signal.SIGSTOP)  # a window that hangs costs nothing either
        await asyncio.sleep(3 * LEASE_s / SPEED)
        assert await coils_come_on(bench)
        os.kill(served.window(), signal.SIGKILL)

        served.until(flowing)
        url = served.url
        served.process.kill()
        served.process.wait()
        await until_dark(bench, LEASE_s / SPEED + 2.0)
        await asyncio.to_thread(until_closed, served)

    path = write_config(tmp_path, bench.transport, str(bench.control_path))
    port = url.rstrip("/").rpartition(":")[2]
    with serving("serve", str(path), "--http-port", port, out=out) as served:
        assert served.url == url
        shown = served.until(lambda each: all(board["floor_pct"] for board in each["boards"]))
        assert (shown["run"]["state"], shown["run"]["name"]) == ("paused", "lab")
        assert shown["boards"][0]["contacts"] == [2]
        assert not flowing(shown)
        acknowledge_all(served)
        served.until(lambda each: all(map(is_held, each["boards"])))
        assert served.post("resume") == (200, {"state": "running"})
        served.until(flowing)
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(60) == 0
    await until_dark(bench, 1.0)
    store = check_ledger(out)
    assert len(store.book.transfers) >= 2
    assert store.book.unsettled() == []
    assert (out / "report.html").exists()


def is_held(board: dict) -> bool:
    return "paused" in (board["waits"] or "")


def until_closed(served: Served) -> None:
    """Wait until nobody answers any more: a window goes with its engine."""
    give_up_s = time.monotonic() + 15.0
    with contextlib.suppress(urllib.error.URLError):
        while time.monotonic() < give_up_s:
            served.get("boards", timeout_s=5)
            time.sleep(0.1)
        pytest.fail("the window has outlived its engine")


def acknowledge_all(served: Served) -> None:
    """Clear what the killed engine left behind; a paused run leaves that to a person."""
    for board in served.snapshot()["boards"]:
        for fault in board["faults"]:
            if fault["clear_by"] is None:
                continue
            assert fault["clear_by"] == "host"
            status, body = served.post(
                f"boards/{board['board_id']}/acknowledge", fault=fault["name"]
            )
            assert status == 200, body


def test_a_port_that_is_taken_is_one_line_before_any_work(tmp_path: Path) -> None:
    path = write_config(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [*COMMAND, "serve", str(path), "--http-port", port]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"port {port} of 127.0.0.1 is taken" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_run_that_cannot_begin_says_no_address(tmp_path: Path) -> None:
    path = write_config(tmp_path, "tcp-client:127.0.0.1:9")  # where nobody has a radio
    command = [*COMMAND, "serve", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip()


def test_a_window_that_is_not_installed_is_one_line_before_any_work(tmp_path: Path) -> None:
    code = "import sys; sys.modules['uvicorn'] = None; from crowdcharge.cli import main; main()"
    command = [sys.executable, "-c", code, "serve", str(write_config(tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "-m pip install 'uvicorn" in done.stderr
    assert not (tmp_path / "out").exists()
