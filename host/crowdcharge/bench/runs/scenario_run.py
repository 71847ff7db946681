# SPDX-License-Identifier: MIT
"""A scenario on a virtual bench: simulated first, then carried out by boards, then compared."""

import json
from pathlib import Path

import numpy as np

from crowdcharge.bench.hub.launch import Bench, launch
from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.bench.runs.rounds import Round
from crowdcharge.bench.runs.scenario import bench_of, contacts_on_bench, missed_of
from crowdcharge.bench.runs.timetable import LateClock, Timetable
from crowdcharge.boards import keys as key_file
from crowdcharge.errors import BenchError, InputError
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.events import Emit
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.radio.bleak_radio import BleakRadio
from crowdcharge.report import write_report
from crowdcharge.report.prediction import compare
from crowdcharge.report.summary import Summary, summarise
from crowdcharge.simulation import study
from crowdcharge.simulation.run import SimulationRun
from crowdcharge.simulation.run import run as simulated
from crowdcharge.simulation.scenario import Scenario

LEDGER, SUMMARY, KEYS, PREDICTION = (
    "ledger.sqlite",
    "summary.json",
    "keys.toml",
    "prediction.json",
)
_LEASE_ms = 5000
_FLOOR_MAX_pct = 90


class ScenarioRun:
    """What is wrong with the scenario shows before any process starts: InputError.

    `folder` is where the scenario's relative paths begin.
    """

    def __init__(self, scenario: Scenario, folder: Path, out: Path, emit: Emit) -> None:
        link, trace = study.link_of(scenario, folder), study.trace_of(scenario, folder)
        self._scenario, self._emit = scenario, emit
        self._config = bench_of(scenario, link)
        self._contacts, self._end_s = contacts_on_bench(scenario, trace)
        self._missed = missed_of(scenario, self._contacts)
        self._imagined = scenario.make_policy(link.beta)
        self._policy = scenario.make_policy(link.beta)
        self._predicted: SimulationRun = simulated(
            scenario, scenario.seed, link, trace, self._imagined
        )
        self._orchestrator: Orchestrator | None = None
        self._stopped = False
        self.out = _emptied(out)

    def stop(self) -> None:
        """Ends running transfers and settles them; then `run` returns."""
        self._stopped = True
        if self._orchestrator is not None:
            self._orchestrator.stop()

    async def run(self) -> Summary:
        """Writes ledger, keys, summary, prediction and report into `out`."""
        ledger = self.out / LEDGER
        keys = {board.id: bytes.fromhex(board.key) for board in self._config.boards}
        key_file.save(self.out / KEYS, keys)
        async with launch(self._config) as bench:
            with Store.create(ledger) as store:
                store.append([("run", self._description(bench))])
                self._orchestrator = self._build(bench, store, keys)
                if self._stopped:
                    self._orchestrator.stop()
                await self._orchestrator.run(self._end_s)
                summary = summarise(store.book)
                compared = compare(
                    store.book, self._contacts, self._predicted, self._imagined, self._policy
                )
            if bench.returncode is not None:
                raise BenchError("the bench ended in the middle of the run")
        _write(self.out / SUMMARY, summary)
        _write(self.out / PREDICTION, compared)
        write_report(ledger, self.out, compared)
        return summary

    def _build(self, bench: Bench, store: Store, keys: key_file.Keys) -> Orchestrator:
        async def arrange(pairs: Round) -> None:
            await bench.control.call("hold", pairs=[list(pair) for pair in pairs])

        scenario, clock = self._scenario, LateClock(self._config.speed)
        floor_pct = min(round(scenario.floor_pct), _FLOOR_MAX_pct)
        return Orchestrator(
            radio=BleakRadio(*backends(bench.transport)),
            store=store,
            keys=keys,
            policy=self._policy,
            contacts=Timetable(self._contacts, keys, clock, arrange, self._missed),
            clock=clock,
            rng=np.random.default_rng([scenario.seed, 2]),
            emit=self._emit,
            terms=TransferTerms(_LEASE_ms, floor_pct=floor_pct),
            slots=len(keys),
        )

    def _description(self, bench: Bench) -> dict[str, object]:
        scenario = self._scenario
        return {"policy": scenario.policy, "seed": scenario.seed, "vm": bench.vm}


def _write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _emptied(out: Path) -> Path:
    """A scenario begins with an empty ledger of its own."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / LEDGER).unlink(missing_ok=True)
        (out / SUMMARY).write_text("", encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write into {out}: {error.strerror}") from None
    return out
