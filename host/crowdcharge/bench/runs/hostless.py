# SPDX-License-Identifier: MIT
"""A demo without an orchestrator: boards that people lay on each other agree by themselves.

What stands here is the people (who lays which board on which, and looks at the coils) and the
host that comes before and afterwards to collect. Nothing here grants, renews or stops anything.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from crowdcharge.bench.config import BenchConfig, BoardConfig, Port
from crowdcharge.bench.hub.launch import Bench
from crowdcharge.bench.physics.coil import CoilLink
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.bench.runs.bench_run import BenchRun, bench_run, lay_together
from crowdcharge.bench.runs.rounds import Round, STORY_SOCS_pct, story
from crowdcharge.boards.crowd import POLICIES, POLICY
from crowdcharge.clock import BoardClock
from crowdcharge.errors import BenchError, InputError
from crowdcharge.metrics import imbalance
from crowdcharge.orchestrator.collecting import collect
from crowdcharge.orchestrator.events import Emit
from crowdcharge.orchestrator.own_folder import own_folder
from crowdcharge.orchestrator.run_folder import SUMMARY
from crowdcharge.radio.bleak_radio import BleakRadio
from crowdcharge.report.summary import Summary, summarise

MADE_BY = "crowdcharge demo --hostless"
_GOAL = 0.25  # share of the first imbalance
_ROUNDS_MAX = 30
_COLLECT_EVERY = 3  # rounds; a board keeps seven receipts
_LOOK_s = 0.1
_QUIET_s = 2.0  # of bench time without a coil: the meeting is over
_ROUND_MAX_s = 240.0
_COLLECT_s = 20.0
_LINKS = 4  # NimBLE's own number: three incoming and one outgoing
_RECEIVED_W = 0.5  # boards without a curve of their pair stay below 1 W at the transmitter


@dataclass(frozen=True, slots=True)
class _Mix:
    """Which boards there are, by turns, how fast they run on two cores, and after how many seconds
    of bench time two that lie together have nothing to give.
    """

    kinds: tuple[tuple[Port, str], ...]
    speed: float
    patience_s: float


_PORTS = {
    "micropython": _Mix((("micropython", "virtual"),), 4.0, 15.0),
    # A board with one link gives 3 s to say hello, and is called only after a while.
    "mixed": _Mix(
        (("micropython", "virtual"), ("circuitpython", "feather_esp32s3_cp")), 2.0, 30.0
    ),
}


@dataclass(frozen=True, slots=True)
class Hostless:
    policy: str = POLICY
    speed: float | None = None  # None: what boards of this port bear on two cores
    seed: int = 1
    port: str = "micropython"

    def __post_init__(self) -> None:
        if self.port not in _PORTS:
            raise InputError(
                f"--hostless: --port must be one of {', '.join(_PORTS)}, not {self.port!r}: "
                "two CircuitPython boards cannot meet, because each only accepts"
            )
        if self.policy not in POLICIES:
            raise InputError(f"--policy must be one of {', '.join(POLICIES)}, not {self.policy!r}")
        if self.speed is not None and not 0.1 <= self.speed <= 10:
            raise InputError(f"--speed must be 0.1 to 10, not {self.speed:g}")

    @property
    def pace(self) -> float:
        return self.speed or _PORTS[self.port].speed

    @property
    def patience_s(self) -> float:
        return _PORTS[self.port].patience_s

    def bench(self) -> BenchConfig:
        """All boards are members of one crowd, and their owners let them give to it."""
        rng = np.random.default_rng(self.seed)
        crowd_key = rng.bytes(32).hex()
        kinds = _PORTS[self.port].kinds
        boards = tuple(
            BoardConfig(
                index + 1,
                soc_pct,
                port=kinds[index % len(kinds)][0],
                board=kinds[index % len(kinds)][1],
                key=rng.bytes(32).hex(),
                crowd_key=crowd_key,
                peer_policy=self.policy,
                gives_to="host crowd",
                links=_LINKS,
            )
            for index, soc_pct in enumerate(STORY_SOCS_pct)
        )
        link = CoilLink(power_W=_RECEIVED_W)
        return BenchConfig(boards, speed=self.pace, seed=self.seed, link=link)


async def run(demo: Hostless, out: Path, emit: Emit) -> Summary:
    """Write ledger, keys, summary and report into `out`; return the summary."""
    with own_folder(out, MADE_BY) as folder:
        async with bench_run(demo.bench(), folder, demo.policy, demo.seed) as running:
            await _collect(running, demo, emit)  # the charge before, as the boards sign it
            await _meet(running, demo, emit)
            await _collect(running, demo, emit)
            summary = summarise(running.store.book)
        folder.write(SUMMARY, summary)
        folder.write_report()
    return summary


async def _collect(running: BenchRun, demo: Hostless, emit: Emit) -> None:
    radio = BleakRadio(*backends(running.bench.transport))
    clock = BoardClock(demo.pace)
    try:
        found = await collect(radio, running.store, running.keys, clock, emit, _COLLECT_s)
    finally:
        await radio.close()
    if len(found.boards) < len(running.keys):
        raise BenchError(f"not all boards could be collected from: {found.failed}")


async def _meet(running: BenchRun, demo: Hostless, emit: Emit) -> None:
    """Lay boards together, round by round, until they have balanced."""
    first = await _imbalance(running.bench)
    cycle = story(len(running.keys))
    for number in range(_ROUNDS_MAX):
        if await _imbalance(running.bench) <= _GOAL * first:
            return
        if number and number % _COLLECT_EVERY == 0:
            await _collect(running, demo, emit)
        pairs = cycle[number % len(cycle)]
        await lay_together(running.bench, pairs)
        await _round_over(running.bench, pairs, demo.patience_s)
        await lay_together(running.bench, ())


async def _round_over(bench: Bench, pairs: Round, patience_s: float) -> None:
    """Wait as people do: until a coil's light goes off, or nothing happens for a while."""
    began: dict[tuple[int, int], bool] = dict.fromkeys(pairs, False)
    since_s = start_s = float((await _status(bench))["time_s"])
    while True:
        status = await _status(bench)
        now_s = float(status["time_s"])
        on = {board["id"] for board in status["boards"] if board["tx_on"]}
        for pair in pairs:
            began[pair] = began[pair] or bool(on & {*pair})
        if on:
            since_s = now_s
        quiet_s = _QUIET_s if all(began.values()) else patience_s
        if now_s - since_s >= quiet_s or now_s - start_s >= _ROUND_MAX_s:
            return
        await asyncio.sleep(_LOOK_s)


async def _imbalance(bench: Bench) -> float:
    return imbalance([board["stored_J"] for board in (await _status(bench))["boards"]])


async def _status(bench: Bench) -> dict[str, Any]:
    status: dict[str, Any] = await bench.control.call("status")
    return status
