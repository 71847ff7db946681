# SPDX-License-Identifier: MIT
"""A window that dies, hangs or floods: the keeper goes on, and never waits for it."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from crowdcharge.service import window_keeper
from crowdcharge.service.listener import listen
from crowdcharge.service.window_keeper import WindowKeeper

# A window of its own: says who it is by an action, and asks for what its first event tells it to.
STAND_IN = """
import json, os, socket, sys
end = socket.socket(fileno=int(sys.argv[sys.argv.index("--channel") + 1]))
lines = end.makefile("r")
def ask(number, action, args):
    end.sendall((json.dumps({"id": number, "action": action, "args": args}) + "\\n").encode())
for line in lines:
    message = json.loads(line)
    if message["kind"] == "hello":
        ask(1, "hello", {"pid": os.getpid(), "kind": message["kind"]})
    elif message["kind"] == "event" and message["record"]["event"] == "Do":
        for number in range(message["record"]["times"]):
            ask(number, "work", {})
"""


class Engine:
    """What a keeper is given: it notes who has come, and what was asked."""

    def __init__(self, tmp_path: Path) -> None:
        self.came: list[int] = []
        self.worked = 0
        self.said: list[str] = []
        self.listener = listen("127.0.0.1", 0)
        command = (sys.executable, "-c", STAND_IN)
        self.keeper = WindowKeeper(
            self.listener,
            tmp_path,
            lambda: {"kind": "hello"},
            self.obey,
            self.said.append,
            command,
        )

    async def obey(self, action: str, args: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if action == "hello":
            assert args["kind"] == "hello"
            self.came.append(args["pid"])
        else:
            self.worked += 1
        return 200, {}

    def tell(self, event: str, **more: Any) -> None:
        self.keeper.send({"kind": "event", "record": {"event": event, **more}})

    async def until_came(self, times: int) -> int:
        async with asyncio.timeout(60):
            while len(self.came) < times:  # noqa: ASYNC110 - a process tells nobody
                await asyncio.sleep(0.02)
        return self.came[-1]


@asynccontextmanager
async def kept(tmp_path: Path) -> AsyncIterator[Engine]:
    engine = Engine(tmp_path)
    keeping = asyncio.create_task(engine.keeper.run())
    try:
        yield engine
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        engine.listener.close()


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_a_killed_window_is_replaced_and_told_of(tmp_path: Path) -> None:
    async with kept(tmp_path) as engine:
        os.kill(await engine.until_came(1), signal.SIGKILL)
        second = await engine.until_came(2)
        assert is_alive(second)
        assert "the window ended" in engine.said[0]
    assert not is_alive(second)  # it ends with its engine


async def test_a_window_that_does_not_read_costs_no_wait_and_is_replaced(tmp_path: Path) -> None:
    async with kept(tmp_path) as engine:
        deaf = await engine.until_came(1)
        os.kill(deaf, signal.SIGSTOP)
        filler = "x" * 100_000
        longest_s = 0.0
        for _ in range(80):  # 8 MB
            began_s = time.monotonic()
            engine.tell("Trouble", text=filler)
            longest_s = max(longest_s, time.monotonic() - began_s)
            await asyncio.sleep(0)
        assert longest_s < 0.5
        assert await engine.until_came(2) != deaf
        assert not is_alive(deaf)


async def test_a_window_that_hangs_is_replaced_though_little_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_keeper, "_DEAF_MAX_s", 1.0)
    async with kept(tmp_path) as engine:
        deaf = await engine.until_came(1)
        os.kill(deaf, signal.SIGSTOP)
        async with asyncio.timeout(60):
            while len(engine.came) < 2:
                engine.tell("Facts", text="x" * 3000)
                await asyncio.sleep(0.1)


async def test_what_is_left_out_before_a_window_is_given_up_is_said_as_a_whole(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path) as engine:
        deaf = await engine.until_came(1)
        os.kill(deaf, signal.SIGSTOP)
        for _ in range(2000):  # 20 MB, had they been kept
            engine.tell("Progress", text="x" * 10_000)
        os.kill(deaf, signal.SIGCONT)
        engine.tell("Do", times=1)
        async with asyncio.timeout(60):
            while not engine.worked or len(engine.came) < 2:
                engine.tell("Facts")
                await asyncio.sleep(0.02)
        assert engine.came == [deaf, deaf]  # greeted anew, not replaced


async def test_a_flood_of_actions_is_answered_and_bounded(tmp_path: Path) -> None:
    async with kept(tmp_path) as engine:
        first = await engine.until_came(1)
        engine.tell("Do", times=5000)
        async with asyncio.timeout(60):
            while engine.worked < 1:  # noqa: ASYNC110 - a process tells nobody
                await asyncio.sleep(0.02)
        os.kill(first, signal.SIGKILL)
        await engine.until_came(2)
