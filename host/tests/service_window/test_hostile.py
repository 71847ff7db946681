# SPDX-License-Identifier: MIT
"""Requests that nobody should send change nothing, break nothing and leak nothing."""

import random
import re
import socket
import time
from contextlib import ExitStack, suppress

import pytest

from crowdcharge.service.window.server import CONNECTIONS_MAX, SLOW_s

from .engine import Engine, until
from .hostile import request, send

STATUS = re.compile(rb"^HTTP/1\.1 (\d{3}) ", re.MULTILINE)
BEGINNINGS = (b"", b"GET / HT", b"POST /api/v1/stop HTTP/1.1\r\nHost: localhost\r\n")
FEW, MANY = 3000, 100_000


def assault(engine: Engine, count: int, seed: int) -> dict[int, int]:
    """Send so many hostile requests; return how often which status came, 0: none."""
    chance = random.Random(seed)
    found: dict[int, int] = {}
    for _ in range(count):
        data, is_whole = request(chance)
        codes = STATUS.findall(send(engine.port, data, is_whole))
        for code in map(int, codes or [0]):
            assert code < 500, data
            found[code] = found.get(code, 0) + 1
    return found


def assert_unharmed(engine: Engine) -> None:
    assert engine.asked == []
    assert engine.process.poll() is None
    with engine.client() as client:
        assert client.get("/api/v1/boards").status_code == 200


@pytest.mark.slow
def test_hostile_requests_change_nothing(engine: Engine) -> None:
    found = assault(engine, FEW, seed=1)
    assert_unharmed(engine)
    assert {200, 400, 401, 421} <= found.keys()  # they came as far as each of these
    until(lambda: engine.connections() == 0, SLOW_s + 10)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_hundred_thousand_hostile_requests(engine: Engine) -> None:
    before_kB = memory_kB(engine)
    started_s = time.monotonic()
    found = assault(engine, MANY, seed=2)
    took_s = time.monotonic() - started_s
    grown_kB = memory_kB(engine) - before_kB
    print(f"{MANY} in {took_s:.0f} s, memory grew by {grown_kB} kB, {found}")  # noqa: T201
    assert_unharmed(engine)
    assert grown_kB < 20_000


def memory_kB(engine: Engine) -> int:
    with open(f"/proc/{engine.process.pid}/status", encoding="ascii") as status:  # noqa: PTH123
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


@pytest.mark.slow
def test_slow_requests_end_and_keep_nobody_out(engine: Engine) -> None:
    """More of them than there are places: who asks properly gets in, and they are gone in time."""
    with ExitStack() as stack:
        for number in range(CONNECTIONS_MAX + 50):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", engine.port)))
            slow.sendall(BEGINNINGS[number % 3])
        with engine.client() as client:
            assert client.get("/api/v1/boards").status_code == 200
        assert engine.connections() <= CONNECTIONS_MAX
        until(lambda: engine.connections() == 0, SLOW_s + 10)


CHUNKED = b" HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("line", [b"POST /api/v1/stop", b"GET /api/v1/events", b"GET /"])
@pytest.mark.parametrize("late", [False, True])
def test_nonsense_after_a_head_is_answered_once_and_logged_by_nobody(
    engine: Engine, line: bytes, late: bool
) -> None:
    """`late`: when its answer has begun. What the window says is looked at in the end."""
    with socket.create_connection(("127.0.0.1", engine.port), timeout=5) as connection:
        if late:
            connection.sendall(line + CHUNKED)
            assert STATUS.match(connection.recv(12 + 1))
            connection.sendall(b"zz\r\n")
        else:
            connection.sendall(line + CHUNKED + b"zz\r\n")
        with suppress(ConnectionResetError):
            answers = b"".join(iter(lambda: connection.recv(1 << 16), b""))
            assert len(STATUS.findall(answers)) == (0 if late else 1)
    assert_unharmed(engine)


def test_a_body_that_never_comes_ends(engine: Engine) -> None:
    head = "POST /api/v1/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n"
    token = f"Authorization: Bearer {engine.tokens.act}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", engine.port), timeout=SLOW_s + 10) as connection:
        connection.sendall((head + token).encode())
        assert connection.recv(100) == b""
    assert_unharmed(engine)
