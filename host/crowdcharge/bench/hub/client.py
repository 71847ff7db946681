# SPDX-License-Identifier: MIT
"""The other end of a hub's control socket."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

from crowdcharge.errors import BenchError, InputError


class Control:
    """A connection on which calls may overlap; methods are those of bench/hub/control.py."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = asyncio.Lock()
        self._number = 0

    @classmethod
    async def connect(cls, path: Path | str) -> "Control":
        try:
            reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 26)
        except OSError as error:
            raise BenchError(f"no bench answers at {path} ({error.strerror})") from None
        return cls(reader, writer)

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def call(self, method: str, **params: Any) -> Any:
        """Return the result. `InputError`: the hub refused the call; `BenchError`: it is gone."""
        async with self._lock:
            self._number += 1
            request = {"id": self._number, "method": method, "params": params}
            try:
                self._writer.write(json.dumps(request).encode() + b"\n")
                await self._writer.drain()
                reply = await self._reply(self._number)
            except OSError:
                reply = None
        if reply is None:
            raise BenchError("the bench has ended")
        if "error" in reply:
            raise InputError(reply["error"])
        return reply["result"]

    async def _reply(self, number: int) -> dict[str, Any] | None:
        """Read the reply, skipping those to cancelled calls; None if the hub is gone."""
        while line := await self._reader.readline():
            reply: dict[str, Any] = json.loads(line)
            if reply["id"] in {number, None}:
                return reply
        return None

    async def status(self) -> dict[str, Any]:
        status: dict[str, Any] = await self.call("status")
        return status

    async def board(self, board_id: int) -> dict[str, Any]:
        """One board's part of `status`."""
        boards = {board["id"]: board for board in (await self.status())["boards"]}
        found: dict[str, Any] = boards[board_id]
        return found

    async def witness(self, since_s: float = 0.0, board: int | None = None) -> dict[str, Any]:
        seen: dict[str, Any] = await self.call("witness", since_s=since_s, board=board)
        return seen

    async def fault(self, fault: str, board: int, **parameters: Any) -> float:
        """Do a fault to a board; return the bench time of it in seconds."""
        done_s: float = await self.call("fault", name=fault, board=board, parameters=parameters)
        return done_s
