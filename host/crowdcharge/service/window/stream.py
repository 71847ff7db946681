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

from crowdcharge.service.window.hub import Record, WindowHub
from crowdcharge.service.window.problems import NotDone
from crowdcharge.service.words import explained

STREAMS_MAX = 256
_PACE_s = 0.2  # events are handed out together: two hundred clients cost little, and see it live
_OUTBOX_MAX = 60  # pieces that one client may be behind, some ten seconds
_TOGETHER_bytes = 1 << 15
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
        self._seq = hub.seq  # of the last event that was handed out
        self._outboxes: set[Outbox] = set()

    async def run(self) -> None:
        tick_s = time.monotonic()
        try:
            while True:
                await asyncio.sleep(_PACE_s)
                self._hand_out()
                now_s = time.monotonic()
                if now_s >= tick_s:
                    tick_s = max(tick_s + _TICK_s, now_s)
                    self._send(message("tick", {"time_s": time.time(), "seq": self._seq}))
        finally:
            for outbox in list(self._outboxes):
                self._let_go(outbox)

    def _hand_out(self) -> None:
        """Hand out what came since the last time, in one piece."""
        if self._hub.seq != self._seq:
            self._send(self._since(self._seq))
            self._seq = self._hub.seq

    def _since(self, seq: int) -> bytes:
        """Return the events after one, or a snapshot if they are no longer all there."""
        missed = self._hub.since(seq)
        if missed is None:
            return message("snapshot", self._hub.snapshot(), self._hub.seq)
        return b"".join(event(*each) for each in missed)

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

    async def answer(self, request: Request) -> Response:
        """Answer one client, until it goes or is too slow."""
        after = self._begun_after(request)
        if request.method == "HEAD":
            return Response(headers=_HEADERS, media_type=_TYPE)
        if len(self._outboxes) >= STREAMS_MAX:
            raise NotDone(503, f"{STREAMS_MAX} pages already watch", {"Retry-After": "10"})
        return StreamingResponse(self._messages(after), headers=_HEADERS, media_type=_TYPE)

    def _begun_after(self, request: Request) -> int:
        """Return the number of the last event that the client has; 0 if it has none.

        Who comes anew may ask for the `last` events, so that it can tell what happened.
        """
        last = request.query_params.get("last")
        if last:
            return self._hub.before(_number("last", last))
        text = request.headers.get("last-event-id") or request.query_params.get("after")
        return _number("after", text)

    async def _messages(self, after: int) -> AsyncIterator[bytes]:
        self._hand_out()  # so that the others and this one go on from the same event
        outbox = Outbox(_OUTBOX_MAX)
        self._outboxes.add(outbox)
        try:
            yield self._since(after)
            while outbox in self._outboxes or not outbox.empty():
                yield await next_piece(outbox)
        finally:
            self._outboxes.discard(outbox)


async def next_piece(outbox: Outbox) -> bytes:
    """Wait for a message, and return it with those that came meanwhile.

    Not with all of a long backlog: in an outbox they are one copy for all, joined one for each.
    """
    data = await outbox.get()
    while not outbox.empty() and len(data) < _TOGETHER_bytes:
        data += outbox.get_nowait()
    return data


def _number(name: str, text: str | None) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 17):
        raise NotDone(422, f"{name} is a whole number")
    return int(text)
