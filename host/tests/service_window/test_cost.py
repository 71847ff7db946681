# SPDX-License-Identifier: MIT
"""What a window costs: memory, and share of a core, alone and with a school watching."""

import os
import selectors
import socket
import time
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import pytest

from .engine import Engine, T0_s, hello, reading

WATCHED_s = 20
BOARDS, STREAMS = 10, 200
EVENTS_per_s = 10


def cpu_s(engine: Engine) -> float:
    fields = Path(f"/proc/{engine.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_MB(engine: Engine) -> float:
    status = Path(f"/proc/{engine.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line) / 1000


def share(engine: Engine) -> float:
    """Feed the window for a while; return its share of a core."""
    before_s, begin_s = cpu_s(engine), time.monotonic()
    for n in range(WATCHED_s * EVENTS_per_s):
        engine.emit(reading(n % BOARDS + 1, n, T0_s + n / EVENTS_per_s))
        time.sleep(max(0.0, begin_s + (n + 1) / EVENTS_per_s - time.monotonic()))
    return (cpu_s(engine) - before_s) / (time.monotonic() - begin_s)


def drain(connections: list[socket.socket]) -> None:
    """Read as browsers do, until the window ends."""
    left = selectors.DefaultSelector()
    for connection in connections:
        left.register(connection, selectors.EVENT_READ)
    while left.get_map():
        for key, _ in left.select():
            if not key.fileobj.recv(1 << 16):
                left.unregister(key.fileobj)
    left.close()


@pytest.mark.long
@pytest.mark.parametrize(
    ("streams", "most_share", "most_MB"), [(0, 0.05, 120), (STREAMS, 0.5, 150)]
)
def test_what_it_costs(tmp_path: Path, streams: int, most_share: float, most_MB: float) -> None:
    engine = Engine(tmp_path, hello(boards=BOARDS))
    with ExitStack() as stack:
        watching = [
            stack.enter_context(socket.create_connection(("127.0.0.1", engine.port)))
            for _ in range(streams)
        ]
        for each in watching:
            each.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        reader = Thread(target=drain, args=(watching,))
        reader.start()
        time.sleep(2)
        found, size_MB = share(engine), memory_MB(engine)
        assert engine.close() == ""
        reader.join()
    print(f"{streams} streams: {found:.1%} of a core, {size_MB:.0f} MB")  # noqa: T201
    assert found < most_share
    assert size_MB < most_MB
