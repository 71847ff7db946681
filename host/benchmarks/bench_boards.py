# SPDX-License-Identifier: MIT
"""What a virtual board costs: start-up, memory, processor, by number of boards and speed.

`python host/benchmarks/bench_boards.py [--boards 2,10,50] [--speed 1]`, with the product's
firmware idle on the air and one scanner. Processor shares are of one core.
"""

import argparse
import asyncio
import os
import time
from pathlib import Path

from bleak import BleakScanner

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.radio.bleak_backend import backends

WATCH_s = 5.0
_TICKS_PER_s = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_s


def memory_MB(pid: int, key: str) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith(key))


async def all_seen(bench: Bench) -> None:
    seen: set[str] = set()
    everyone = asyncio.Event()

    def on_advert(device, _advert) -> None:
        seen.add(device.address)
        if seen >= set(bench.addresses.values()):
            everyone.set()

    async with BleakScanner(on_advert, backend=backends(bench.transport)[0]):
        await asyncio.wait_for(everyone.wait(), 120)


async def measure(count: int, speed: float) -> str:
    config = BenchConfig(tuple(BoardConfig(i + 1, 50.0) for i in range(count)), speed=speed)
    start_s = time.monotonic()
    async with launch(config) as bench:
        ready_s = time.monotonic() - start_s
        await all_seen(bench)
        seen_s = time.monotonic() - start_s
        pids = [board["pid"] for board in (await bench.control.status())["boards"]]
        before = [cpu_s(pid) for pid in (bench.process.pid, *pids)]
        await asyncio.sleep(WATCH_s)
        after = [cpu_s(pid) for pid in (bench.process.pid, *pids)]
        hub, *boards = ((b - a) / WATCH_s for a, b in zip(before, after, strict=True))
        rss_MB, pss_MB = memory_MB(pids[0], "Rss"), memory_MB(pids[0], "Pss:")
    return (
        f"{count:6} {ready_s:7.2f} {seen_s:7.2f} {seen_s / count * 1000:8.0f} "
        f"{hub:7.1%} {sum(boards) / count:9.2%} {rss_MB:6.1f} {pss_MB:6.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", default="2,10,50")
    parser.add_argument("--speed", type=float, default=1.0)
    options = parser.parse_args()
    print(f"speed {options.speed:g}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("boards ready_s  seen_s ms/board    hub  per board rss_MB pss_MB")
    for count in options.boards.split(","):
        print(asyncio.run(measure(int(count), options.speed)), flush=True)


if __name__ == "__main__":
    main()
