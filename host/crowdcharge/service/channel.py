# SPDX-License-Identifier: MIT
"""The one connection between the engine and its window: JSON lines over a socket pair.

Nothing here ever waits for the other side to read. What it has not read yet is `backlog_size`;
the sender decides what that may cost.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

Message = dict[str, Any]
LINE_MAX_bytes = 1 << 24  # a hello of a hundred boards with their curves has less than a tenth


class Channel:
    """One end; `async for message in channel` ends when the other end is closed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def of(cls, end: socket.socket) -> "Channel":
        """Take over one end of a connected pair."""
        return cls(*await asyncio.open_connection(sock=end, limit=LINE_MAX_bytes))

    @property
    def backlog_size(self) -> int:
        """Bytes that were sent and that the other side has not read yet."""
        return self._writer.transport.get_write_buffer_size()

    def send(self, message: Message) -> None:
        """Queue a message; one for an end that is closed is dropped."""
        if not self._writer.is_closing():
            self._writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Yield each message of the other side; a line that is no object ends it."""
        try:
            while line := await self._reader.readline():
                message = json.loads(line)
                if not isinstance(message, dict):
                    return
                yield message
        except (OSError, ValueError, RecursionError):
            return

    def close(self) -> None:
        """Drop the connection with all that was not sent yet."""
        self._writer.transport.abort()
