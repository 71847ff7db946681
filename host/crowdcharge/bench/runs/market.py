# SPDX-License-Identifier: MIT
"""A market on a virtual bench as a story: full boards sell, empty ones buy, a hub between them.

Real firmware on real MicroPython VMs keeps the terms; only air, silicon and physics are simulated.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import Bench
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.bench.runs.bench_run import bench_run, lay_together
from crowdcharge.boards.keys import Keys
from crowdcharge.clock import BoardClock
from crowdcharge.errors import InputError
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.events import Emit
from crowdcharge.orchestrator.own_folder import own_folder
from crowdcharge.orchestrator.run_folder import SUMMARY
from crowdcharge.orchestrator.trading import Trading
from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.radio.bleak_radio import BleakRadio
from crowdcharge.report.summary import Summary, summarise

HUB = 1
BOARDS_MAX = 40
_HUB_CAPACITY_J = 1000.0
_TERMS = TransferTerms(lease_ms=5000, duration_max_ms=300_000)


@dataclass(frozen=True, slots=True)
class MarketDemo:
    """A market of a hub, which is board 1, with `boards` others."""

    boards: int = 8
    speed: float = 3.0
    seed: int = 1

    def __post_init__(self) -> None:
        if not 2 <= self.boards <= BOARDS_MAX:
            raise InputError(f"--bench must be 2 to {BOARDS_MAX} boards, not {self.boards}")
        if not 0.1 <= self.speed <= 10:
            raise InputError(f"--speed must be 0.1 to 10, not {self.speed:g}")

    def bench(self) -> BenchConfig:
        """Make the hub and boards in turn full and nearly empty, with terms from the seed."""
        rng = np.random.default_rng(self.seed)
        hub = BoardConfig(
            HUB,
            70.0,
            capacity_J=_HUB_CAPACITY_J,
            key=rng.bytes(32).hex(),
            market_a=20.0,
            market_b=30.0,
            keep_pct=40.0,
            target_pct=95.0,
        )
        return BenchConfig(
            (hub, *(_trader(HUB + 1 + index, rng) for index in range(self.boards))),
            speed=self.speed,
            seed=self.seed,
        )


def _trader(board_id: int, rng: np.random.Generator) -> BoardConfig:
    is_full = board_id % 2 == 0
    return BoardConfig(
        board_id,
        round(float(rng.uniform(85, 95) if is_full else rng.uniform(25, 40)), 1),
        key=rng.bytes(32).hex(),
        market_a=round(float(rng.uniform(300, 600)), 1),
        market_b=round(float(rng.uniform(25, 28) if is_full else rng.uniform(32, 35)), 2),
        keep_pct=45.0,
        target_pct=80.0,
    )


async def run(demo: MarketDemo, out: Path, emit: Emit) -> Summary:
    """Write ledger, keys, summary, report and plots into `out`; return the summary."""
    with own_folder(out, "crowdcharge trade --bench") as folder:
        async with bench_run(demo.bench(), folder, "market", demo.seed) as (bench, store, keys):
            trading = make_trading(bench, store, keys, demo.speed, emit)
            await trading.run(HUB, sorted(keys.keys() - {HUB}))
            summary = summarise(store.book)
        folder.write(SUMMARY, summary)
        folder.write_report()
    return summary


def make_trading(
    bench: Bench, store: Store, board_keys: Keys, speed: float, emit: Emit
) -> Trading:
    async def together(seller: int, buyer: int) -> None:
        await lay_together(bench, ((seller, buyer),))

    return Trading(
        radio=BleakRadio(*backends(bench.transport)),
        store=store,
        keys=board_keys,
        together=together,
        clock=BoardClock(speed),
        emit=emit,
        terms=_TERMS,
        slots=len(board_keys),
    )
