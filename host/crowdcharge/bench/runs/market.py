# SPDX-License-Identifier: MIT
"""A market on a virtual bench as a story: full boards sell, empty ones buy, a hub between them.

Real firmware on real MicroPython VMs keeps the terms; only air, silicon and physics are simulated.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crowdcharge.bench.config import BenchConfig, BoardConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.boards import keys as key_file
from crowdcharge.clock import BoardClock
from crowdcharge.errors import InputError
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.events import Emit
from crowdcharge.orchestrator.trading import Trading
from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.radio.bleak_radio import BleakRadio
from crowdcharge.report import write_report
from crowdcharge.report.summary import Summary, summarise

LEDGER, SUMMARY, KEYS = "ledger.sqlite", "summary.json", "keys.toml"
HUB = 1
BOARDS_MAX = 40
_HUB_CAPACITY_J = 1000.0
_TERMS = TransferTerms(lease_ms=5000, duration_max_ms=300_000)


@dataclass(frozen=True, slots=True)
class MarketDemo:
    """`boards` besides the hub, which is board 1."""

    boards: int = 8
    speed: float = 3.0
    seed: int = 1

    def __post_init__(self) -> None:
        if not 2 <= self.boards <= BOARDS_MAX:
            raise InputError(f"--bench must be 2 to {BOARDS_MAX} boards, not {self.boards}")
        if not 0.1 <= self.speed <= 10:
            raise InputError(f"--speed must be 0.1 to 10, not {self.speed:g}")

    def bench(self) -> BenchConfig:
        """Boards in turn full and nearly empty; each owner's a and b come from the seed."""
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
    """Writes ledger, keys, summary, report and plots into `out`; returns the summary."""
    ledger = _prepare(out)
    config = demo.bench()
    board_keys = {board.id: bytes.fromhex(board.key) for board in config.boards}
    key_file.save(out / KEYS, board_keys)
    async with launch(config) as bench:
        with Store.create(ledger) as store:
            store.append([("run", {"policy": "market", "seed": demo.seed, "vm": bench.vm})])
            trading = make_trading(bench, store, board_keys, demo.speed, emit)
            await trading.run(HUB, sorted(board_keys.keys() - {HUB}))
            summary = summarise(store.book)
    write_report(ledger, out)
    (out / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return summary


def make_trading(
    bench: Bench, store: Store, board_keys: key_file.Keys, speed: float, emit: Emit
) -> Trading:
    async def together(seller: int, buyer: int) -> None:
        await bench.control.call("hold", pairs=[[seller, buyer]])

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


def _prepare(out: Path) -> Path:
    """A market on the bench begins with an empty ledger of its own."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / LEDGER).unlink(missing_ok=True)
        (out / SUMMARY).write_text("", encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write into {out}: {error.strerror}") from None
    return out / LEDGER
