# SPDX-License-Identifier: MIT
"""A scenario on a virtual bench: simulated first, then carried out by boards, then compared."""

from functools import partial
from pathlib import Path

import numpy as np

from crowdcharge.bench.radio.bleak_backend import backends
from crowdcharge.bench.runs.bench_run import BenchRun, bench_run, lay_together
from crowdcharge.bench.runs.scenario import bench_of, contacts_on_bench, missed_of
from crowdcharge.bench.runs.timetable import LateClock, Timetable
from crowdcharge.errors import BenchError
from crowdcharge.orchestrator.events import Emit
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.orchestrator.own_folder import own_folder
from crowdcharge.orchestrator.run_folder import PREDICTION, SUMMARY, RunFolder
from crowdcharge.orchestrator.transfer import TransferTerms
from crowdcharge.radio.bleak_radio import BleakRadio
from crowdcharge.report.prediction import compare
from crowdcharge.report.summary import Summary, summarise
from crowdcharge.simulation import study
from crowdcharge.simulation.run import SimulationRun
from crowdcharge.simulation.run import run as simulated
from crowdcharge.simulation.scenario import Scenario

_LEASE_ms = 5000
_FLOOR_MAX_pct = 90


class ScenarioRun:
    """A scenario on boards; InputError shows what is wrong before any process starts.

    The scenario's relative paths begin at `base`.
    """

    def __init__(self, scenario: Scenario, base: Path, out: Path, emit: Emit) -> None:
        link, trace = study.link_of(scenario, base), study.trace_of(scenario, base)
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
        self._out = out

    def stop(self) -> None:
        """End running transfers and settle them; then `run` returns."""
        self._stopped = True
        if self._orchestrator is not None:
            self._orchestrator.stop()

    async def run(self) -> Summary:
        """Write ledger, keys, summary, prediction and report into the folder `out`."""
        with own_folder(self._out, "crowdcharge run SCENARIO") as folder:
            return await self._run_in(folder)

    async def _run_in(self, folder: RunFolder) -> Summary:
        scenario = self._scenario
        async with bench_run(self._config, folder, scenario.policy, scenario.seed) as running:
            self._orchestrator = self._build(running)
            if self._stopped:
                self._orchestrator.stop()
            await self._orchestrator.run(self._end_s)
            if running.bench.returncode is not None:
                raise BenchError("the bench ended in the middle of the run")
            book = running.store.book
            summary = summarise(book)
            compared = compare(book, self._contacts, self._predicted, self._imagined, self._policy)
        folder.write(SUMMARY, summary)
        folder.write(PREDICTION, compared)
        folder.write_report(compared)
        return summary

    def _build(self, running: BenchRun) -> Orchestrator:
        bench, store, keys = running
        arrange = partial(lay_together, bench)
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
            profiles=scenario.profiles(sorted(keys)),
        )
