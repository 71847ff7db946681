# SPDX-License-Identifier: MIT
"""How soon boards that are laid on each other charge, and how well they balance without a host.

`python host/benchmarks/peers.py meet [--boards 2,8,20] [--rounds 3]`: from the moment when a pair
is laid together until the giver's coil is on, by the pin recorder. All boards are in one room and
all pairs are laid together at once; every board is a real VM with the product's firmware.
`python host/benchmarks/peers.py balance [--seed 1]`: the demo without a host and with one.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.physics.coil import CoilLink
from crowdcharge.bench.runs.bench_run import lay_together

_GIVES_s = 3.0  # a meeting is ended soon after its coil went on
_APART_s = 12.0  # boards leave each other alone for ten seconds after one that broke off
_PATIENCE_s = 60.0
_LOOK_s = 0.2


def config(count: int) -> BenchConfig:
    """Return full boards with odd numbers and poor ones with even numbers, all of one crowd."""
    boards = tuple(
        BoardConfig(
            number,
            90.0 if number % 2 else 30.0,
            capacity_J=20_000.0,
            key=bytes([number]).hex() * 32,
            crowd_key="c0" * 32,
            gives_to="host crowd",
            links=4,
        )
        for number in range(1, count + 1)
    )
    return BenchConfig(boards, link=CoilLink(power_W=0.5))


async def coil_on_s(bench: Bench, givers: list[int], since_s: float) -> list[float]:
    """Return how long after `since_s` each coil first went on; those that did not are left out."""
    found: dict[int, float] = {}
    end_s = since_s + _PATIENCE_s
    now_s = since_s
    while len(found) < len(givers) and now_s < end_s:
        await asyncio.sleep(_LOOK_s)
        told = await bench.control.call("witness", since_s=since_s)
        now_s = told["time_s"]
        for change in told["changes"]:
            if change["coil"] == "tx" and change["on"]:
                found.setdefault(change["board_id"], change["time_s"] - since_s)
    return [found[giver] for giver in givers if giver in found]


async def meet(count: int, rounds: int) -> str:
    pairs = tuple((number, number + 1) for number in range(1, count, 2))
    times_s: list[float] = []
    async with launch(config(count)) as bench:
        await lay_together(bench, ())
        await asyncio.sleep(_APART_s)  # all have booted
        for _ in range(rounds):
            since_s = (await bench.control.call("witness"))["time_s"]
            await lay_together(bench, pairs)
            times_s += await coil_on_s(bench, [giver for giver, _ in pairs], since_s)
            await asyncio.sleep(_GIVES_s)
            await lay_together(bench, ())
            await asyncio.sleep(_APART_s)
    asked = rounds * len(pairs)
    if not times_s:
        return f"{count:6} {asked:9} {0:5}"
    p50_s, p99_s = np.percentile(times_s, [50, 99])
    return f"{count:6} {asked:9} {len(times_s):5} {p50_s:7.2f} {p99_s:7.2f} {max(times_s):7.2f}"


def balance(seed: int) -> None:
    print("            before   after transfers")
    for name, options in (("no host", ["--hostless"]), ("host", [])):
        with tempfile.TemporaryDirectory() as scratch:
            out = str(Path(scratch) / "out")
            command = [sys.executable, "-c", "from crowdcharge.cli import main; main()", "demo"]
            command += [*options, "--seed", str(seed), "--json", "--out", out]
            told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        before, after = told["imbalance_before"], told["imbalance_after"]
        print(f"{name:10} {before:7.3f} {after:7.3f} {len(told['transfers']):9}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["meet", "balance"])
    parser.add_argument("--boards", default="2,8,20")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if options.what == "balance":
        balance(options.seed)
        return
    print("boards  meetings   met   p50_s   p99_s   max_s")
    for count in options.boards.split(","):
        print(asyncio.run(meet(int(count), options.rounds)), flush=True)


if __name__ == "__main__":
    main()
