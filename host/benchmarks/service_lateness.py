# SPDX-License-Identifier: MIT
"""How late renewals are with a hostile crowd at the page: run this file, without arguments.

A virtual bench of four boards in two transfers, the engine, and a real window. Quiet stretches and
stretches under attack take turns: 200 event streams, and requests that are garbage, huge, slow, or
for another host, as fast as they go. Lateness is how much later than its schedule a renewal's turn
came in the engine's loop, in real time; the radio's own time is not in it.
"""

import asyncio
import contextlib
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from crowdcharge import policy as policies
from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.bench.runs.bench_run import bench_run
from crowdcharge.clock import BoardClock
from crowdcharge.orchestrator.config import ServeSection
from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.orchestrator.run_folder import RunFolder
from crowdcharge.orchestrator.transfer import RENEWALS_PER_LEASE, TransferTerms
from crowdcharge.radio.bleak_radio import BleakRadio
from crowdcharge.service.about import about_demo
from crowdcharge.service.engine import Engine
from crowdcharge.service.listener import listen

LEASE_s = 2.0
CAPACITY_J = 10_000.0  # energy flows for as long as it takes
STREAMS, HAMMERS = 200, 16
ROUNDS, STRETCH_s = 4, 15.0
PAIRS = ((1, 2), (3, 4))
SOCS_pct = {1: 95.0, 2: 5.0, 3: 94.0, 4: 6.0}
REQUESTS = (
    b"GET /api/v1/snapshot HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    b"POST /api/v1/stop HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9\r\n\r\nnot JSON!",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 no HTTP at all\r\n\r\n",
    b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: {host}\r\n\r\n",
    b"POST /api/v1/transfers HTTP/1.1\r\nHost: {host}\r\nContent-Length: 999999999\r\n\r\n[[[[",
    b"GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
)


class WitnessClock(BoardClock):
    """A clock that notes by how much each wait for a renewal came out too long."""

    def __init__(self) -> None:
        super().__init__(1.0)
        self.late_s: list[float] = []

    async def sleep(self, duration_s: float) -> None:
        due_s = time.monotonic() + max(duration_s, 0.0)
        await super().sleep(duration_s)
        if 0 < duration_s <= LEASE_s / RENEWALS_PER_LEASE:
            self.late_s.append(time.monotonic() - due_s)


async def attack(port: int) -> None:
    """Until killed; prints how many requests were made each second, on stderr."""
    host = f"127.0.0.1:{port}".encode()
    made = [0]

    async def stream() -> None:
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"GET /api/v1/events HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
                while await reader.read(65536):
                    pass
            await asyncio.sleep(0.5)

    async def hammer(number: int) -> None:
        while True:
            with contextlib.suppress(OSError, TimeoutError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(REQUESTS[number % len(REQUESTS)].replace(b"{host}", host))
                async with asyncio.timeout(0.3):  # the slow ones stay and say nothing more
                    await reader.read(65536)
                writer.close()
            made[0] += 1
            number += 1

    async with asyncio.TaskGroup() as crowd:
        for _ in range(STREAMS):
            crowd.create_task(stream())
        for number in range(HAMMERS):
            crowd.create_task(hammer(number))
        while True:
            await asyncio.sleep(1.0)
            print(made[0], flush=True)


async def stretches(clock: WitnessClock, port: int) -> None:
    late_s: dict[str, list[float]] = {"quiet": [], "attacked": []}
    requests = 0
    for _ in range(ROUNDS):
        for kind in late_s:
            crowd = None
            if kind == "attacked":
                command = (sys.executable, __file__, "--attack", str(port))
                crowd = await asyncio.create_subprocess_exec(*command, stdout=-1)
                await asyncio.sleep(3.0)
            clock.late_s.clear()
            await asyncio.sleep(STRETCH_s)
            late_s[kind] += clock.late_s
            if crowd is not None:
                crowd.kill()
                told, _ = await crowd.communicate()
                requests += int(told.split()[-1]) if told.split() else 0
    for kind, found in late_s.items():
        p50, p99 = np.percentile(found, (50, 99)) * 1000
        print(
            f"{kind:<9} {len(found):>6} renewals, late by {p50:6.1f} ms (median), {p99:6.1f} ms"
            f" (p99), {max(found) * 1000:6.1f} ms (most); a sixth of the lease is"
            f" {LEASE_s / 6 * 1000:.0f} ms"
        )
    print(f"{requests} requests, {STREAMS} streams open under attack")


async def measure(folder: Path) -> None:
    boards = tuple(
        BoardConfig(board, soc_pct, CAPACITY_J, key=bytes([board] * 32).hex())
        for board, soc_pct in SOCS_pct.items()
    )
    contacts = ContactsConfig((tuple(Placement(pair) for pair in PAIRS),), 1000.0)
    config = BenchConfig(boards, contacts=contacts)
    serve = ServeSection(start="running", http_port=0)
    with listen("127.0.0.1", 0) as listener:
        about = {"name": "lateness", "speed": 1.0, "seed": 1, "lease_s": LEASE_s}
        engine = Engine(about_demo({**about, "policy_options": {}}, folder, serve, ""), listener)
        async with bench_run(config, RunFolder(folder), "oblivious-share", 1) as running:
            clock = WitnessClock()
            orchestrator = Orchestrator(
                radio=BleakRadio(*backends(running.bench.transport)),
                store=running.store,
                keys=running.keys,
                policy=policies.make("oblivious-share"),
                contacts=ContactSchedule(5.0, (PAIRS,)),
                clock=clock,
                rng=np.random.default_rng(1),
                emit=engine.on_event,
                terms=TransferTerms(lease_ms=int(LEASE_s * 1000)),
            )
            async with engine.attending(orchestrator):
                running_task = asyncio.create_task(orchestrator.run())
                await asyncio.sleep(15.0)  # until all are visited
                await stretches(clock, listener.getsockname()[1])
                orchestrator.stop()
                await running_task


def main() -> None:
    if sys.argv[1:2] == ["--attack"]:
        asyncio.run(attack(int(sys.argv[2])))
        return
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder)))


if __name__ == "__main__":
    main()
