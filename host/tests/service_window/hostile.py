# SPDX-License-Identifier: MIT
"""Requests that nobody should send: malformed, huge, forged, rebound; by a seed, so repeatable."""

import random
import socket
from collections.abc import Callable

from crowdcharge.service.window.api import OPERATIONS, ROOT

PATHS = [
    ROOT + each.path.replace("{board_id}", "1").replace("{transfer_id}", "1")
    for each in OPERATIONS
] + ["/", "/owner", "/metrics", "/healthz", "/static/app.js", ROOT + "/openapi.json"]
_FORMS = ["{}"] * 6 + ["http://localhost{}", "//{}", "{}/", "{}?_method=POST", "/%61pi{}", "{}%00"]
_VERSIONS = ["1.1"] * 6 + ["1.0", "2.0", "0.9", "1.10"]
_HOSTS = [
    "localhost",
    "127.0.0.1",
    "[::1]",
    "bench.example.org",
    "evil.example.com",
    "LOCALHOST:1",
    "localhost.",
    "[::ffff:127.0.0.1]",
    "2130706433",
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
    b'{"name":"a","name":"b"}',
    b'{"name":"\\ud800"}',
    b'{"name":NaN}',
    b'{"ptx":1,"prx":2,"energy_J":' + b"9" * 400 + b"}",
    b"x" * 9000,
]
_TRICKS = [
    "X-Forwarded-For: 127.0.0.1",
    "X-HTTP-Method-Override: GET",
    "Origin: http://evil.example.com",
    "Origin: null",
    "Last-Event-ID: -1",
    "Connection: close",
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
    target = chance.choice(_FORMS).format(chance.choice(PATHS))
    lines = [
        f"{chance.choice(_METHODS)} {target} HTTP/{chance.choice(_VERSIONS)}",
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


def _pipelined(chance: random.Random) -> bytes:
    return b"".join(chance.choice((_action, _path))(chance) for _ in range(chance.randrange(2, 9)))


def _chunked(chance: random.Random) -> bytes:
    chunks = [
        b"2\r\n{}\r\n",
        b"-1\r\n",
        b"f" * 40 + b"\r\n",
        b"1\r\n{\r\n" * 900,
        b"0;x=1\r\n",
        b"\r\n",
    ]
    head = _path(chance).replace(b"GET", b"POST")[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(chance.choices(chunks, k=chance.randrange(1, 6)))


KINDS: tuple[Callable[[random.Random], bytes], ...] = (
    _bytes,
    _line,
    _action,
    _action,
    _path,
    _cut,
    _pipelined,
    _chunked,
)
_WHOLE = {_action, _path, _pipelined}  # they wait for their answer, as a client does
_ANSWER_s = 0.1


def request(chance: random.Random) -> tuple[bytes, bool]:
    """Return a request, and whether it is whole, so that it may get an answer."""
    kind = chance.choice(KINDS)
    return kind(chance), kind in _WHOLE


def send(port: int, data: bytes, is_whole: bool) -> bytes:
    """Send a request, end it, and return what comes back: before its end, if it is whole."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        try:
            connection.sendall(data)
            answer = _read(connection, _ANSWER_s) if is_whole else b""
            connection.shutdown(socket.SHUT_WR)
            return answer + _read(connection, 20)
        except (BrokenPipeError, ConnectionResetError):
            return b""


def _read(connection: socket.socket, wait_s: float) -> bytes:
    connection.settimeout(wait_s)
    try:
        return connection.recv(1 << 18)
    except TimeoutError:
        return b""
