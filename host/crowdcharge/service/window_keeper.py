# SPDX-License-Identifier: MIT
"""Keeps a window open: a child process that is started again when it dies or does not read.

Nothing here waits for the window, so that the loop which renews leases never does.
"""

import asyncio
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

from crowdcharge.service.channel import Channel, Message
from crowdcharge.service.objections import Objection

COMMAND = (sys.executable, "-m", "crowdcharge.service.window")
_RETRY_FIRST_s, _RETRY_MAX_s = 0.2, 10.0
_LIVED_s = 30.0  # a window that lived so long did not die of its start
_DEAF_MAX_s = 30.0  # longer than a window takes to start on a slow machine
_KERNEL_bytes = 1 << 14  # what the kernel holds for a window is no sign that it reads
_BACKLOG_LEAN_bytes, _BACKLOG_MAX_bytes = 1 << 20, 1 << 22
_DISPENSABLE = {"Facts", "Progress"}  # a hello says all of it again
_ACTIONS_MAX = 32  # at work at once

Obey = Callable[[str, dict[str, Any]], Awaitable[tuple[int, dict[str, Any]]]]


class WindowKeeper:
    """`hello` makes the first message for each window, `obey` carries out what it asks for.

    `out` is the folder of the tokens. `say` is told when a window has to be replaced.
    """

    def __init__(
        self,
        listener: socket.socket,
        out: Path,
        hello: Callable[[], Message],
        obey: Obey,
        say: Callable[[str], None],
        command: tuple[str, ...] = COMMAND,
    ) -> None:
        self._listener = listener
        self._out = out
        self._hello = hello
        self._obey = obey
        self._say = say
        self._command = command
        self._channel: Channel | None = None
        self._read_s = 0.0  # when it had read all that it was told
        self._left_out = False  # something, so that it needs the whole anew
        self._at_work: set[asyncio.Task[None]] = set()

    def send(self, message: Message) -> None:
        """Tell the window, if there is one that reads; a slow one loses what comes again."""
        channel = self._channel
        if channel is None:
            return
        backlog_size = channel.backlog_size
        now_s = asyncio.get_running_loop().time()
        if not backlog_size:
            self._read_s = now_s
            if self._left_out:
                self._left_out = False
                channel.send(self._hello())
        if backlog_size > _BACKLOG_MAX_bytes or now_s - self._read_s > _DEAF_MAX_s:
            self._channel = None
            channel.close()
        elif backlog_size < _BACKLOG_LEAN_bytes or not _is_dispensable(message):
            channel.send(message)
        else:
            self._left_out = True

    async def run(self) -> None:
        """Keep a window open until cancelled."""
        loop = asyncio.get_running_loop()
        retry_s = _RETRY_FIRST_s
        while True:
            began_s = loop.time()
            code = await self._one()
            if loop.time() - began_s > _LIVED_s:
                retry_s = _RETRY_FIRST_s
            self._say(f"the window ended (exit code {code}); a new one opens in {retry_s:g} s")
            await asyncio.sleep(retry_s)
            retry_s = min(retry_s * 2, _RETRY_MAX_s)

    async def _one(self) -> int | None:
        """Open a window and serve it until it ends."""
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_bytes)
        with theirs:
            process = await self._start(theirs.fileno())
        channel = await Channel.of(ours)
        try:
            self._read_s, self._left_out = asyncio.get_running_loop().time(), False
            channel.send(self._hello())
            self._channel = channel
            async for request in channel:
                self._begin(channel, request)
                await asyncio.sleep(0)  # a flood that has already arrived must not hold the loop
        finally:
            self._channel = None
            channel.close()
            await _ended(process)
        return process.returncode

    async def _start(self, channel: int) -> Process:
        """Start the process in a group of its own, so that Ctrl-C reaches the engine only."""
        listener = self._listener.fileno()
        return await asyncio.create_subprocess_exec(
            *self._command,
            *("--channel", str(channel), "--listen", str(listener), "--out", str(self._out)),
            pass_fds=(channel, listener),
            stdin=DEVNULL,
            stdout=DEVNULL,
            process_group=0,
        )

    def _begin(self, channel: Channel, request: Message) -> None:
        if len(self._at_work) >= _ACTIONS_MAX:
            refusal = Objection(HTTPStatus.SERVICE_UNAVAILABLE, "too many at once")
            _reply(channel, request, *refusal.answer())
            return
        task = asyncio.create_task(self._answer(channel, request))
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)

    async def _answer(self, channel: Channel, request: Message) -> None:
        action, args = request.get("action"), request.get("args")
        if isinstance(action, str) and isinstance(args, dict):
            status, body = await self._obey(action, args)
        else:
            status, body = Objection(HTTPStatus.BAD_REQUEST, "no action, or no args").answer()
        _reply(channel, request, status, body)


def _reply(channel: Channel, request: Message, status: int, body: Message) -> None:
    number = request.get("id")
    channel.send({"kind": "answer", "id": number, "status": int(status), "body": body})


def _is_dispensable(message: Message) -> bool:
    return message["kind"] == "event" and message["record"]["event"] in _DISPENSABLE


async def _ended(process: Process) -> None:
    """Wait until the process has ended, which it does by itself when its channel closes."""
    try:
        async with asyncio.timeout(2.0):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
