# SPDX-License-Identifier: MIT
"""Server-sent events: a snapshot first, then each event with its number, and a tick a second.

What all clients get is encoded once. A client that does not keep up is let go: it comes back with
the number of its last event, and gets what it missed, or a snapshot.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from crowdcharge.service.window.hub import Numbered, Record, WindowHub
from crowdcharge.service.window.problems import NotDone
from crowdcharge.service.words import explained

STREAMS_MAX = 256
_QUEUE_MAX = 400  # messages that one client may be behind
_TICK_s = 1.0
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # a proxy must not collect
_TYPE = "text/event-stream"

Outbox = asyncio.Queue[bytes]


def encoded(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def message(kind: str, data: object, seq: int | None = None) -> bytes:
    """Return one message as the stream has it."""
    head = f"id: {seq}\n" if seq is not None else ""
    return f"{head}event: {kind}\ndata: ".encode() + encoded(data) + b"\n\n"


def event(seq: int, record: Record) -> bytes:
    return message("event", explained(record) | {"seq": seq}, seq)


class Broadcast:
    """Hand every message to every client; `run` does it, for as long as the window lives."""

    def __init__(self, hub: WindowHub) -> None:
        self._hub = hub
        self._outboxes: set[Outbox] = set()
        self._newest = b""
        self._newest_seq = -1

    async def run(self) -> None:
        records = self._hub.subscribe()
        try:
            await self._tell(records)
        finally:
            self._hub.unsubscribe(records)
            for outbox in list(self._outboxes):
                self._let_go(outbox)

    async def _tell(self, records: asyncio.Queue[Numbered]) -> None:
        tick_s = time.monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(tick_s):
                    while True:
                        self._send(event(*await records.get()))
            tick_s = max(tick_s + _TICK_s, time.monotonic())
            self._send(message("tick", {"time_s": time.time(), "seq": self._hub.seq}))

    def _send(self, data: bytes) -> None:
        for outbox in list(self._outboxes):
            try:
                outbox.put_nowait(data)
            except asyncio.QueueFull:
                self._let_go(outbox)

    def _let_go(self, outbox: Outbox) -> None:
        """End a stream with what it has."""
        self._outboxes.discard(outbox)
        with suppress(asyncio.QueueFull):
            outbox.put_nowait(b"")

    def _snapshot(self) -> bytes:
        """Return the newest snapshot, encoded once for all that ask between two events."""
        if self._newest_seq != self._hub.seq:
            self._newest_seq = self._hub.seq
            self._newest = message("snapshot", self._hub.snapshot(), self._hub.seq)
        return self._newest

    async def answer(self, request: Request) -> Response:
        """Answer one client, until it goes or is too slow."""
        after = self._begun_after(request)
        if request.method == "HEAD":
            return Response(headers=_HEADERS, media_type=_TYPE)
        if len(self._outboxes) >= STREAMS_MAX:
            raise NotDone(503, f"{STREAMS_MAX} pages already watch", {"Retry-After": "10"})
        outbox = Outbox(_QUEUE_MAX)
        return StreamingResponse(self._messages(outbox, after), headers=_HEADERS, media_type=_TYPE)

    def _begun_after(self, request: Request) -> int | None:
        """Return the number of the last event that the client has; None if it has none.

        Who comes anew may ask for the `last` events, so that it can tell what happened.
        """
        last = _number("last", request.query_params.get("last"))
        if last is not None:
            return self._hub.before(last)
        text = request.headers.get("last-event-id") or request.query_params.get("after")
        return _number("after", text)

    async def _messages(self, outbox: Outbox, after: int | None) -> AsyncIterator[bytes]:
        missed = None if after is None else self._hub.since(after)
        self._outboxes.add(outbox)
        try:
            yield self._snapshot() if missed is None else b"".join(event(*each) for each in missed)
            while outbox in self._outboxes or not outbox.empty():
                yield await _all_of(outbox)
        finally:
            self._outboxes.discard(outbox)


async def _all_of(outbox: Outbox) -> bytes:
    """Wait for a message, and return it with those that came meanwhile."""
    data = [await outbox.get()]
    while not outbox.empty():
        data.append(outbox.get_nowait())
    return b"".join(data)


def _number(name: str, text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 17):
        raise NotDone(422, f"{name} is a whole number")
    return int(text)
