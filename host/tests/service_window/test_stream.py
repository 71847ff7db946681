# SPDX-License-Identifier: MIT
"""Server-sent events: what comes first, what is resumed, and who is let go."""

import asyncio
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from crowdcharge.service.window.server import SLOW_s
from crowdcharge.service.window.stream import STREAMS_MAX, next_piece

from .engine import Engine, T0_s, reading, until
from .sse import next_of, stream

EVENTS = "/api/v1/events"
MANY = 200  # streams at once, as a school may have


def test_a_snapshot_then_events_then_ticks(engine: Engine) -> None:
    with engine.client() as client, stream(client) as told:
        first = next(told)
        assert (first.kind, first.seq) == ("snapshot", first.data["seq"])
        assert len(first.data["boards"]) == 4
        sent_s = time.monotonic()
        engine.emit(reading(3, 700))
        event = next_of(told, "event")
        assert time.monotonic() - sent_s < 1
        assert event.seq == event.data["seq"] == first.seq + 1
        assert (event.data["event"], event.data["soc_permille"]) == ("BoardReading", 700)
        ticks = [next_of(told, "tick").data for _ in range(2)]
        assert ticks[1]["seq"] == event.seq
        assert 0.5 < ticks[1]["time_s"] - ticks[0]["time_s"] < 3


@pytest.mark.parametrize("by", ["header", "query"])
def test_a_client_resumes_with_what_it_missed(engine: Engine, by: str) -> None:
    with engine.client() as client:
        with stream(client) as told:
            seen = next(told).seq
        for n in range(5):
            engine.emit(reading(1, 100 + n))
        until(lambda: client.get("/api/v1/snapshot").json()["seq"] == seen + 5)
        headers = {"Last-Event-ID": str(seen + 2)} if by == "header" else {}
        path = EVENTS if headers else f"{EVENTS}?after={seen + 2}"
        with stream(client, path, **headers) as told:
            missed = [next(told) for _ in range(3)]
    assert [each.data.get("soc_permille") for each in missed] == [102, 103, 104]


def test_a_newcomer_hears_the_last_story(engine: Engine) -> None:
    """Samples in between do not push it out."""
    with engine.client() as client:
        before = client.get("/api/v1/snapshot").json()["seq"]
        for n in range(3):
            engine.emit(reading(4, 900 + n))
            for _ in range(20):
                engine.emit({"event": "Facts", "time_s": T0_s})
        until(lambda: client.get("/api/v1/snapshot").json()["seq"] == before + 63)
        with stream(client, f"{EVENTS}?last=2") as told:
            story = [next(told).data for _ in range(42)]
        assert [each["soc_permille"] for each in story if each["event"] != "Facts"] == [901, 902]
        with stream(client, f"{EVENTS}?last=0") as told:
            assert next(told).kind == "tick"


@pytest.mark.parametrize("after", ["0", "1700000000000", "9999999999999999"])
def test_what_cannot_be_resumed_begins_with_a_snapshot(engine: Engine, after: str) -> None:
    with engine.client() as client, stream(client, f"{EVENTS}?after={after}") as told:
        assert next(told).kind == "snapshot"


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "9" * 17, "٣"])
def test_a_number_that_is_none_is_refused(engine: Engine, after: str) -> None:
    with engine.client() as client:
        assert client.get(EVENTS, params={"after": after}).status_code == 422


def test_a_head_does_not_open_a_stream(engine: Engine) -> None:
    with engine.client() as client:
        assert client.head(EVENTS).status_code == 200


def test_many_pupils_watch_at_once(engine: Engine) -> None:
    """Each of them gets the event within a second or so, and the next after them all is served."""

    async def watch(told: list[float]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", engine.port, limit=1 << 20)
        writer.write(f"GET {EVENTS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await reader.readuntil(b"event: snapshot")
        ready.release()
        await reader.readuntil(b'"soc_permille":987')
        told.append(time.monotonic())
        writer.close()
        await writer.wait_closed()

    async def all_watch() -> list[float]:
        told: list[float] = []
        watching = [asyncio.create_task(watch(told)) for _ in range(MANY)]
        for _ in range(MANY):
            await ready.acquire()
        sent_s = time.monotonic()
        await asyncio.to_thread(engine.emit, reading(1, 987))
        await asyncio.gather(*watching)
        return [each - sent_s for each in told]

    ready = asyncio.Semaphore(0)
    took_s = asyncio.run(all_watch())
    assert len(took_s) == MANY
    assert max(took_s) < 5  # a loaded machine; a tenth of it alone


def test_streams_have_an_end_in_number(engine: Engine) -> None:
    with ExitStack() as stack, engine.client() as client:
        for _ in range(STREAMS_MAX):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", engine.port)))
            connection.sendall(f"GET {EVENTS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        until(lambda: client.get(f"{EVENTS}?after=0x").status_code == 422)
        until(lambda: _opened(client) == 503)
    until(lambda: _opened(client := engine.client()) == 200 or bool(client.close()), 20)


def _opened(client: object) -> int:
    with client.stream("GET", EVENTS) as answer:  # type: ignore[attr-defined]
        return int(answer.status_code)


def _is_let_go(engine: Engine) -> bool:
    """Go on until the system's buffers are full: who lags far behind gets fewer events."""
    for n in range(200):
        engine.emit(reading(1, n) | {"filled": "x" * 400})
    return engine.connections() == 0


async def test_a_long_backlog_is_joined_in_parts() -> None:
    """For two hundred at once, all of it would be two hundred copies."""
    outbox: asyncio.Queue[bytes] = asyncio.Queue()
    for number in range(60):
        outbox.put_nowait(bytes([number]) * 10_000)
    told = b""
    while not outbox.empty():
        piece = await next_piece(outbox)
        assert len(piece) < 50_000
        told += piece
    assert told == b"".join(bytes([number]) * 10_000 for number in range(60))


@pytest.mark.slow
def test_a_client_that_does_not_read_is_let_go(tmp_path: Path) -> None:
    """The window closes its socket; the system may hold on to what was sent."""
    engine = Engine(tmp_path)
    until(lambda: engine.connections() == 0)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # later it may have grown
        deaf.connect(("127.0.0.1", engine.port))
        deaf.sendall(f"GET {EVENTS} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        until(lambda: engine.connections() == 1)
        until(lambda: _is_let_go(engine), SLOW_s + 60)
    assert engine.close() == ""
