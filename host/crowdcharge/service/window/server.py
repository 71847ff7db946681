# SPDX-License-Identifier: MIT
"""The HTTP server: uvicorn with what it leaves open, a limit for everything that can be slow."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from crowdcharge.service.window.guard import HEAD_MAX

CONNECTIONS_MAX = 600
SLOW_s = 10.0  # for a request to be whole, and for a full buffer to be read
_SEND_bytes = 1 << 17
_IDLE_s = 20  # between two requests


class LimitedProtocol(H11Protocol):
    """A connection that ends if its request does not come, or its answer is not read, in time."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._watch(True)
        if len(self.connections) > CONNECTIONS_MAX:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        partial = self.conn.their_state is h11.SEND_BODY or self.conn.trailing_data[0]
        self._watch(bool(partial) or self.flow.write_paused)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, once: an answer that has begun ends, one that has not is off.

        Two answers would be a fault of ours, which strangers could write into the log at will.
        """
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            super().send_400_response(msg)
        else:
            self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch(True)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._watch(False)

    def connection_lost(self, exc: Exception | None) -> None:
        self._watch(False)
        super().connection_lost(exc)

    @property
    def waits(self) -> bool:
        """Tell whether this connection holds up something that its client owes."""
        return self._deadline is not None

    def _watch(self, waits: bool) -> None:
        """Begin to wait, go on with it, or stop."""
        if not waits and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        elif waits and self._deadline is None:
            self._deadline = self.loop.call_later(SLOW_s, self.transport.abort)

    def _make_room(self) -> None:
        """Give up a connection that only waits; if all of them work, the new one."""
        others: Any = self.connections - {self}
        given_up = next((each for each in others if each.waits), self)
        self.connections.discard(given_up)
        given_up.transport.abort()


class Server(uvicorn.Server):
    """A server that leaves the signals alone: the engine's end is the window's end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server(app: ASGIApp) -> Server:
    """Return the server. Its own log is silent: strangers could fill a disk by it."""
    config = uvicorn.Config(
        app,
        http=LimitedProtocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=HEAD_MAX,
        timeout_keep_alive=_IDLE_s,
        timeout_graceful_shutdown=1,
    )
    return Server(config)


def inherited(descriptor: int) -> socket.socket:
    """Return the socket that the engine listens with: it outlives each window.

    Its connections have its buffer: the kernel's own would hold megabytes for who never reads.
    """
    listener = socket.socket(fileno=descriptor)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_bytes)
    return listener
