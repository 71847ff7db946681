# SPDX-License-Identifier: MIT
"""What an idle service costs: share of a core and memory of its two processes.

`python host/benchmarks/service_idle.py [--boards 10] [--seconds 60]`: `crowdcharge serve` as a
process of its own, beside a virtual bench at speed 1 with every board connected and no page open.
The operator's stop is pressed before the watching begins. A share is of one core; "own" counts a
page of memory that n processes share as one n-th.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.boards import keys as key_file
from crowdcharge.service.window.tokens import tokens_in

COMMAND = (sys.executable, "-c", "from crowdcharge.cli import main; main()")
READY_s, SETTLE_s = 120.0, 10.0
RUN = """
[run]
policy = "online-average"
keys = "keys.toml"
out = "out"
[radio]
transport = "{transport}"
slots = {boards}
[contacts]
source = "bench"
control = "{control}"
[serve]
http_port = 0
"""


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_MB(pid: int) -> tuple[float, float]:
    """Return all that is resident, and its own share of it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {name: int(rest.split()[0]) / 1000 for name, rest in (x.split(":") for x in lines)}
    return sizes["Rss"], sizes["Pss"]


def child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


async def stopped(url: str, out: Path, boards: int) -> None:
    """Press stop once the service has read every board; give it time to be idle."""
    begin_s, known = time.monotonic(), 0
    while known < boards:
        if time.monotonic() - begin_s > READY_s:
            sys.exit(f"after {READY_s:g} s only {known} of {boards} boards were read")
        await asyncio.sleep(1.0)
        shown = await asyncio.to_thread(urllib.request.urlopen, f"{url}api/v1/boards")
        known = sum(board["soc_pct"] is not None for board in json.load(shown))
    headers = {
        "Authorization": f"Bearer {tokens_in(out).act}",
        "Content-Type": "application/json",
    }
    stop = urllib.request.Request(f"{url}api/v1/stop", b"{}", headers)
    await asyncio.to_thread(urllib.request.urlopen, stop)
    await asyncio.sleep(SETTLE_s)


async def watched(engine: int, watch_s: float) -> None:
    pids = {"engine": engine, "window": child_of(engine)}
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    begin_s = time.monotonic()
    await asyncio.sleep(watch_s)
    passed_s = time.monotonic() - begin_s
    figures = {
        name: ((cpu_s(pid) - before[name]) / passed_s, *memory_MB(pid))
        for name, pid in pids.items()
    }
    figures["both"] = tuple(map(sum, zip(*figures.values(), strict=True)))
    print("        of a core  resident MB  own MB")
    for name, (share, resident_MB, own_MB) in figures.items():
        print(f"{name:7} {share:9.1%} {resident_MB:12.0f} {own_MB:7.0f}")


async def measure(boards: int, watch_s: float) -> None:
    keys = {board_id: bytes([board_id]) * 32 for board_id in range(1, boards + 1)}
    configs = tuple(BoardConfig(each, 50.0, key=key.hex()) for each, key in keys.items())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        key_file.save(folder / "keys.toml", keys)
        async with launch(BenchConfig(configs)) as bench:
            run = RUN.format(transport=bench.transport, control=bench.control_path, boards=boards)
            (folder / "run.toml").write_text(run)
            engine = await asyncio.create_subprocess_exec(
                *COMMAND, "serve", str(folder / "run.toml"), stdout=asyncio.subprocess.PIPE
            )
            assert engine.stdout is not None
            url = (await engine.stdout.readline()).decode().strip()
            await stopped(url, folder / "out", boards)
            await watched(engine.pid, watch_s)
            engine.terminate()
            await engine.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    print(f"{given.boards} boards, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    asyncio.run(measure(given.boards, given.seconds))


if __name__ == "__main__":
    main()
