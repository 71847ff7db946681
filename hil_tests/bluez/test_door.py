# SPDX-License-Identifier: MIT
"""The bench's door as QEMU uses it, without a guest: one process for each connection."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from crowdcharge.bench import config as bench_config

pytestmark = [pytest.mark.bench, pytest.mark.timeout(120)]


async def connect(results: Path, wanted: dict[str, str]) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "hil_tests.bluez.door", str(results)]
    root = Path(__file__).parents[2]
    door = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=root)
    assert door.stdin
    door.stdin.write(json.dumps(wanted).encode() + b"\n")
    return door


async def answer(door: asyncio.subprocess.Process) -> dict:
    assert door.stdout
    return json.loads(await door.stdout.readline())


async def test_a_hub_lives_as_long_as_its_connection_and_answers_calls(tmp_path: Path) -> None:
    hub = await connect(tmp_path, {"bench": bench_config.dump(bench_config.default())})
    ready = await answer(hub)
    call = await connect(tmp_path, {"control": ready["control"]})
    assert call.stdin
    for number in (1, 2):
        call.stdin.write(json.dumps({"id": number, "method": "status", "params": {}}).encode())
        call.stdin.write(b"\n")
        status = await answer(call)
        assert status["id"] == number
        assert len(status["result"]["boards"]) == len(ready["boards"])
    assert hub.stdin
    hub.stdin.close()
    assert await hub.wait() == 0
    assert await call.wait() == 0
    kept = {path.name for path in tmp_path.rglob("*.log")}
    assert {"hub.log", "console.log"} <= kept
    assert not Path(ready["folder"]).exists()
