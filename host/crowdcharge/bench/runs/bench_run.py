# SPDX-License-Identifier: MIT
"""What every run on a virtual bench begins with: the boards' keys, the bench, the ledger."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from crowdcharge.bench.config import BenchConfig
from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.runs.rounds import Round
from crowdcharge.boards import keys as key_file
from crowdcharge.ledger.kinds import Run
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.run_folder import KEYS, RunFolder


class BenchRun(NamedTuple):
    bench: Bench
    store: Store
    keys: key_file.Keys


@asynccontextmanager
async def bench_run(
    config: BenchConfig, folder: RunFolder, policy: str, seed: int
) -> AsyncIterator[BenchRun]:
    """Save the boards' keys in `folder`, start the bench, and open the ledger with its run row."""
    keys = {board.id: bytes.fromhex(board.key) for board in config.boards}
    folder.put(KEYS, key_file.document(keys), mode=0o600)
    async with launch(config) as bench:
        with folder.recording(Run(policy, seed, bench.vm)) as store:
            yield BenchRun(bench, store, keys)


async def lay_together(bench: Bench, pairs: Round) -> None:
    """Lay the boards of each pair on each other, and all others apart."""
    await bench.control.call("hold", pairs=[list(pair) for pair in pairs])
