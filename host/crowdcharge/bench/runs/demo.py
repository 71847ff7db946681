# SPDX-License-Identifier: MIT
"""A run on a virtual bench as a story: a crowd that balances, a donor that is cut off.

Real firmware on real MicroPython VMs, a real BLE stack, the product's own orchestrator; only air,
silicon and physics are simulated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from crowdcharge import policy as policies
from crowdcharge.bench.config import BenchConfig, BoardConfig, Port
from crowdcharge.bench.hub.launch import Bench
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.bench.runs.bench_run import BenchRun, bench_run, lay_together
from crowdcharge.bench.runs.rounds import Round, Rounds, STORY_SOCS_pct, story
from crowdcharge.clock import BoardClock
from crowdcharge.errors import BenchError, InputError
from crowdcharge.ledger.store import Store
from crowdcharge.metrics import imbalance
from crowdcharge.orchestrator.events import Emit, Note
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.orchestrator.own_folder import own_folder
from crowdcharge.orchestrator.run_folder import SUMMARY
from crowdcharge.orchestrator.runner import Beside, alone
from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.radio.bleak_radio import BleakRadio
from crowdcharge.report.summary import Summary, summarise

BOARDS_MAX = 100
_ROUNDS_MAX = 60
_ANEW = "the demo begins anew: every cell has the charge of the beginning again"
_CYCLES_ENDLESS = 3  # cycles after which an endless story begins anew, balanced or not
_SPEED_MAX = 5.0
_BOARD_SPEED = 30.0  # boards x speed that two cores bear
_GOAL = 0.1  # share of the first imbalance
_TERMS = TransferTerms(lease_ms=5000, duration_max_ms=120_000, energy_min_J=0.5)
_PORTS: dict[str, tuple[tuple[Port, str], ...]] = {
    "micropython": (("micropython", "virtual"),),
    "circuitpython": (("circuitpython", "feather_nrf52840"),),
    "mixed": (("micropython", "virtual"), ("circuitpython", "feather_nrf52840")),
}
_QUANTUM_J = 8.0  # for small-transfer: a twelfth of a cell


@dataclass(frozen=True, slots=True)
class Demo:
    boards: int = 4
    policy: str = "online-average"
    speed: float | None = None  # None: as fast as so many boards bear on two cores
    seed: int = 1
    port: str = "micropython"
    policy_options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 2 <= self.boards <= BOARDS_MAX:
            raise InputError(f"--boards must be 2 to {BOARDS_MAX}, not {self.boards}")
        if self.speed is not None and not 0.1 <= self.speed <= 10:
            raise InputError(f"--speed must be 0.1 to 10, not {self.speed:g}")
        if self.port not in [*_PORTS]:
            raise InputError(f"--port must be one of {', '.join(_PORTS)}, not {self.port!r}")
        self.make_policy()

    @property
    def pace(self) -> float:
        return self.speed or min(_SPEED_MAX, _BOARD_SPEED / self.boards)

    def make_policy(self) -> policies.Policy:
        small = self.policy == "small-transfer"
        options: dict[str, Any] = {"quantum_J": _QUANTUM_J} if small else {}
        return policies.make(self.policy, **{**options, **self.policy_options})

    def shown(self) -> dict[str, Any]:
        """Return what a page says of it."""
        return {
            "name": "demo",
            "speed": self.pace,
            "seed": self.seed,
            "lease_s": _TERMS.lease_ms / 1000,
            "policy_options": dict(self.policy_options),
        }

    def bench(self) -> BenchConfig:
        """Make the story's first four boards, and the others from the seed."""
        rng = np.random.default_rng(self.seed)
        drawn_pct = rng.uniform(10.0, 95.0, self.boards).round(1)
        socs_pct = [
            *STORY_SOCS_pct[: self.boards],
            *(float(soc) for soc in drawn_pct[len(STORY_SOCS_pct) :]),
        ]
        kinds = _PORTS[self.port]
        boards = tuple(
            BoardConfig(
                index + 1,
                soc_pct,
                port=kinds[index % len(kinds)][0],
                board=kinds[index % len(kinds)][1],
                key=rng.bytes(32).hex(),
            )
            for index, soc_pct in enumerate(socs_pct)
        )
        return BenchConfig(boards, speed=self.pace, seed=self.seed)


async def run(
    demo: Demo, out: Path, emit: Emit, beside: Beside = alone, endless: bool = False
) -> Summary:
    """Write ledger, keys, summary, report and plots into `out`; return the summary.

    `endless`: once the crowd is balanced, or has met three times over, its cells get the charge of
    the beginning and the story begins anew, until the orchestrator is stopped.
    """
    with own_folder(out, "crowdcharge demo") as folder:
        async with bench_run(demo.bench(), folder, demo.policy, demo.seed) as running:
            await _orchestrate(demo, running, emit, beside, endless)
            summary = summarise(running.store.book)
        folder.write(SUMMARY, summary)
        folder.write_report()
    return summary


async def _orchestrate(
    demo: Demo, running: BenchRun, emit: Emit, beside: Beside, endless: bool
) -> None:
    bench, store, board_keys = running
    cycle = story(demo.boards)
    rounds_max = _CYCLES_ENDLESS * len(cycle) if endless else _ROUNDS_MAX
    is_told, begun = False, 0

    def goes_on(rounds: int) -> bool:
        nonlocal is_told
        balanced = _imbalance_now(orchestrator) <= _GOAL * _imbalance_first(store)
        is_told = is_told or balanced or rounds - begun >= rounds_max
        if endless or not is_told:
            return True
        orchestrator.stop()
        return False

    async def arrange(number: int, pairs: Round) -> None:
        nonlocal is_told, begun
        if is_told and number % len(cycle) == 0:
            is_told, begun = False, number
            await _drain(bench)
            emit(Note(orchestrator.station.clock.now_s(), _ANEW))
        await lay_together(bench, pairs)

    orchestrator = Orchestrator(
        radio=BleakRadio(*backends(bench.transport)),
        store=store,
        keys=board_keys,
        policy=demo.make_policy(),
        contacts=Rounds(cycle, arrange, goes_on),
        clock=BoardClock(demo.pace),
        rng=np.random.default_rng(demo.seed),
        emit=emit,
        terms=_TERMS,
        slots=demo.boards,
    )
    async with beside(orchestrator):
        await orchestrator.run()
    if bench.returncode is not None:
        raise BenchError("the bench ended in the middle of the demo")


async def _drain(bench: Bench) -> None:
    """Give every cell the charge of the story's beginning, as if it had lived a day meanwhile."""
    for board in bench.config.boards:
        await bench.control.fault("soc", board.id, soc_pct=board.soc_pct)


def _imbalance_now(orchestrator: Orchestrator) -> float:
    return imbalance([agent.energy_J for agent in orchestrator.ledger_keeper.agents.values()])


def _imbalance_first(store: Store) -> float:
    readings = store.book.first_reading.values()
    return imbalance([reading.soc_permille or 0.0 for reading in readings])
