# SPDX-License-Identifier: MIT
"""Requests that nobody should send: malformed, huge, forged, rebound; by a seed, so repeatable."""

import random
import socket
from collections.abc import Callable

from crowdcharge.service.window.api import OPERATIONS, ROOT

PATHS = [
    ROOT + each.path.replace("{board_id}", "1").replace("{transfer_id}", "1")
    for each in OPERATIONS
]
_HOSTS = [
    "localhost",
    "127.0.0.1",
    "[::1]",
    "bench.example.org",
    "evil.example.com",
    "",
    "a b",
    "\x00",
]
_BEARERS = ["x", "", "x" * 43, "\xff" * 43, "null", "Bearer", "x" * 5000]
_BODIES = [
    b"",
    b"{}",
    b"[",
    b"null",
    b"\x00" * 100,
    b'{"name":' * 900,
    b'{"a":1e400}',
    b"x" * 9000,
]
_TRICKS = [
    "X-Forwarded-For: 127.0.0.1",
    "X-HTTP-Method-Override: GET",
    "Origin: http://evil.example.com",
    "Origin: null",
    "Content-Length: -1",
    "Content-Length: 99999999999999999999",
    "Expect: 100-continue",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: x",
    "Upgrade: websocket\r\nConnection: Upgrade",
    "Cookie: token=1",
    "Range: bytes=0-99999999",
    "Host: localhost",
    "A" * 20_000 + ": 1",
    "X: " + "a" * 20_000,
    " folded: 1",
    "No-colon",
    "If-None-Match: *",
]
_METHODS = ["POST", "PUT", "GET", "OPTIONS", "BREW"]


def _bytes(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(1, 400))


def _line(chance: random.Random) -> bytes:
    return (
        b" ".join(
            chance.choice([b"GET", b"POST", b"/", b"HTTP/1.1", b"", b"\xff"]) for _ in range(4)
        )
        + b"\r\n\r\n"
    )


def _action(chance: random.Random) -> bytes:
    """Ask for an action as an attacker would: everything right but the token, or that and more."""
    body = chance.choice(_BODIES)
    lines = [
        f"{chance.choice(_METHODS)} {chance.choice(PATHS)} HTTP/1.1",
        f"Host: {chance.choice(_HOSTS)}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    if chance.random() < 0.7:
        lines.append(f"Authorization: Bearer {chance.choice(_BEARERS)}")
    lines += chance.sample(_TRICKS, chance.randrange(3))
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def _path(chance: random.Random) -> bytes:
    parts = [
        "..",
        "%2e%2e",
        "%00",
        "static",
        "api",
        "v1",
        "boards",
        "é",
        "%",
        "\\",
        "//",
        "?after=",
        "9" * 400,
    ]
    path = "/" + "/".join(chance.choice(parts) for _ in range(chance.randrange(1, 9)))
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode("latin-1")


def _cut(chance: random.Random) -> bytes:
    whole = _action(chance)
    return whole[: chance.randrange(1, len(whole))]


KINDS: tuple[Callable[[random.Random], bytes], ...] = (
    _bytes,
    _line,
    _action,
    _action,
    _path,
    _cut,
)


def request(chance: random.Random) -> bytes:
    return chance.choice(KINDS)(chance)


def send(port: int, data: bytes) -> bytes:
    """Send a request, end it, and return what comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(4096)
        except (BrokenPipeError, ConnectionResetError):
            return b""
