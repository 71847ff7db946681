# SPDX-License-Identifier: MIT
"""What crowds of several sites cost one machine: processor time, memory, messages and rows.

    python host/benchmarks/sites.py [10:1 100:1 1000:1 1000:10]      (boards:sites)

Each size is a process of its own: a real orchestrator and a real ledger a site, the boards' core
on CPython, between them a radio in memory that holds a connection to every board. Boards lie on
each other in pairs, which change, and transfer three quarters of the time. Time is virtual,
processor time is not. The boards' share of it is measured apart: real ones bring their own.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from crowdcharge import policy as policies
from crowdcharge.bench.sessions.core_radio import CoreAir, CoreRadio
from crowdcharge.bench.sessions.jumping_time import JumpingLoop, LoopClock
from crowdcharge.bench.sessions.steady_board import SteadyBoard
from crowdcharge.ledger.kinds import Run
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import verify
from crowdcharge.orchestrator.contacts import ContactSchedule
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.orchestrator.transfer import TransferTerms
from wptcore import wire

LENGTH_s, SLOT_s = 60.0, 20.0
SAMPLE_s, BEACON_s = 0.1, 0.5
SOCS_pct, CAPACITY_J = (90.0, 30.0), 20e3  # a transfer never reaches its end before its time
TERMS = TransferTerms(lease_ms=2000, duration_max_ms=15_000)
SIZES = ["10:1", "100:1", "1000:1", "1000:10"]


class Site(CoreAir):
    """One site with its boards; `messages`: what its host sends and hears."""

    def __init__(self, numbers: range) -> None:
        super().__init__(
            {each: SteadyBoard(each, SOCS_pct[each % 2], CAPACITY_J) for each in numbers}
        )
        self.messages = 0
        first, *rest = numbers
        even = tuple(zip(numbers[::2], numbers[1::2], strict=True))
        odd = tuple(zip(numbers[1::2], (*numbers[2::2], first), strict=True))
        self._slots = (even, odd) if rest[1:] else (even,)
        self._slot = -1

    def hears(self, uuid: str, _data: bytes) -> bool:
        self.messages += 2 if uuid == wire.REPLY_UUID else 1  # a command, and its answer
        return True

    def step(self, now_s: float, beacons: bool) -> None:
        slot = int(now_s // SLOT_s) % len(self._slots)
        if slot != self._slot:
            self._slot = slot
            for a, b in self._slots[slot]:
                self.boards[a].peers, self.boards[b].peers = [self.boards[b]], [self.boards[a]]
        for board in self.boards.values():
            board.step(now_s, round(SAMPLE_s * 1000))
            if beacons:
                self.messages += 1
                self.advertise(board)

    def host(self, store: Store) -> Orchestrator:
        return Orchestrator(
            radio=CoreRadio(self),
            store=store,
            keys={board.board_id: board.key for board in self.boards.values()},
            policy=policies.make("oblivious-share"),
            contacts=ContactSchedule(SLOT_s, self._slots),
            clock=LoopClock(),
            rng=np.random.default_rng(1),
            emit=lambda _event: None,
            terms=TERMS,
            slots=len(self.boards),
        )


class _Boards:
    """All boards of all sites, and the processor time that they take by themselves."""

    def __init__(self, sites: list[Site]) -> None:
        self._sites = sites
        self.cpu_s = 0.0

    async def live(self) -> None:
        clock = LoopClock()
        for number in range(round(LENGTH_s / SAMPLE_s) * 2):  # until it is cancelled
            began_s = time.process_time()
            for site in self._sites:
                site.step(clock.now_s(), number % round(BEACON_s / SAMPLE_s) == 0)
            self.cpu_s += time.process_time() - began_s
            await asyncio.sleep(SAMPLE_s)


async def _run(sites: list[Site], folder: Path) -> dict[str, float]:
    boards, before_MB, began_s = _Boards(sites), _peak_MB(), time.process_time()
    with ExitStack() as stack:
        stores = [
            stack.enter_context(Store.create(folder / f"{number}.sqlite"))
            for number in range(len(sites))
        ]
        for store in stores:
            store.append([Run("oblivious-share", 1, None)])
        living = asyncio.create_task(boards.live())
        hosts = [site.host(store) for site, store in zip(sites, stores, strict=True)]
        await asyncio.gather(*(host.run(LENGTH_s) for host in hosts))
        living.cancel()
        cpu_s = time.process_time() - began_s
        rose_MB = _peak_MB() - before_MB
        transfers = [each for store in stores for each in store.book.transfers.values()]
        for site, store in zip(sites, stores, strict=True):
            keys = {board.board_id: board.key for board in site.boards.values()}
            assert not [each for each in verify(store.rows(), keys) if each.wrong]
        return {
            "hosts_cpu_s": cpu_s - boards.cpu_s,
            "boards_cpu_s": boards.cpu_s,
            "rose_MB": rose_MB,
            "messages": sum(site.messages for site in sites),
            "rows": sum(store.book.rows for store in stores),
            "transfers": sum(each.state == "settled" for each in transfers),
            "lost": sum(each.state != "settled" for each in transfers),
        }


def measure(boards: int, sites: int) -> dict[str, float]:
    """Run one size in this process."""
    each = boards // sites
    made = [Site(range(1 + number * each, 1 + (number + 1) * each)) for number in range(sites)]
    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner(loop_factory=JumpingLoop) as runner,
    ):
        return runner.run(_run(made, Path(folder)))


def _peak_MB() -> float:
    """Return this program's own peak; getrusage would count the parent's before it began."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def told(boards: int, sites: int, found: dict[str, float]) -> str:
    hosts_s = found["hosts_cpu_s"]
    return (
        f"{boards:>6} {sites:>6} {found['transfers']:>10.0f} {found['lost']:>5.0f}"
        f" {found['messages'] / LENGTH_s:>11,.0f} {found['rows'] / LENGTH_s:>7,.0f}"
        f" {hosts_s / LENGTH_s:>10.3f} {1000 * hosts_s / LENGTH_s / boards:>11.2f}"
        f" {found['boards_cpu_s'] / LENGTH_s:>10.3f} {found['rose_MB']:>6.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", default=SIZES, help="boards:sites")
    parser.add_argument("--one", action="store_true", help="print one size as JSON")
    given = parser.parse_args()
    sizes = [tuple(map(int, each.split(":"))) for each in given.sizes]
    if given.one:
        print(json.dumps(measure(*sizes[0])))
        return
    print(f"load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(
        "boards  sites  transfers  lost  messages/s  rows/s  hosts CPU  ms a board  boards CPU"
        "     MB"
    )
    for boards, sites in sizes:
        command = [sys.executable, __file__, "--one", f"{boards}:{sites}"]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(told(boards, sites, json.loads(output)), flush=True)


if __name__ == "__main__":
    main()
