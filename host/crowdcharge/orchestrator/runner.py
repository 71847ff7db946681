# SPDX-License-Identifier: MIT
"""A run or a market as configured: radio, ledger, keys, policy and contacts put together."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from math import inf

import numpy as np

from crowdcharge import policy as policies
from crowdcharge.boards import keys as key_file
from crowdcharge.clock import BoardClock, today
from crowdcharge.errors import InputError
from crowdcharge.flash import expiry
from crowdcharge.ledger.forwarder import Forwarder
from crowdcharge.ledger.kinds import Run
from crowdcharge.ledger.neighbours import Found
from crowdcharge.ledger.reward import changed
from crowdcharge.orchestrator.config import RadioSection, RunConfig
from crowdcharge.orchestrator.contacts import Contacts
from crowdcharge.orchestrator.events import Emit, Trouble
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.orchestrator.recalling import remind
from crowdcharge.orchestrator.run_folder import LEDGER, SUMMARY, RunFolder
from crowdcharge.orchestrator.trading import Together, Trading
from crowdcharge.radio import open_radios
from crowdcharge.radio.base import Radio
from crowdcharge.report.summary import Summary, summarise
from wptcore.market import PEERS_MIN

# what goes on beside an orchestrator while it runs, such as a live service
Beside = Callable[[Orchestrator], AbstractAsyncContextManager[None]]


def alone(_orchestrator: Orchestrator) -> AbstractAsyncContextManager[None]:
    return nullcontext()


class Runner:
    """One run; `contacts` and `vm` come from a bench, if any. Bad input shows before any work."""

    def __init__(
        self,
        config: RunConfig,
        emit: Emit,
        contacts: Contacts | None = None,
        vm: str | None = None,
    ) -> None:
        self._config = config
        self._emit = emit
        self._vm = vm
        if config.contacts.source == "declared":
            contacts = config.contacts.schedule()
        self._contacts = contacts
        self._keys = _fit_for_power(config)
        self._policy = policies.make(config.run.policy, **config.run.policy_options)
        radio = config.radio
        self._clock: BoardClock | None = None
        self._radio = open_radios(radio.local, radio.proxies, radio.slots, self._trouble)
        self._orchestrator: Orchestrator | None = None
        self._stopped = False
        self.folder = RunFolder(config.run.out)

    def stop(self) -> None:
        """End running transfers and settle them; then `run` returns."""
        self._stopped = True
        if self._orchestrator is not None:
            self._orchestrator.stop()

    def _trouble(self, line: str) -> None:
        """Tell of a radio that does not work, or works again."""
        self._emit(Trouble(self._clock.now_s() if self._clock else 0.0, 0, line))

    def _bring(self, found: list[Found]) -> None:
        """Take what other sites have read from boards."""
        if self._orchestrator is not None:
            self._orchestrator.ledger_keeper.take(found)

    async def run(self, beside: Beside = alone) -> Summary:
        """Go on in the ledger of earlier runs; write summary.json beside it."""
        try:
            return await self._run(beside)
        finally:
            await self._radio.close()

    async def _run(self, beside: Beside) -> Summary:
        config = self._config
        await _check(self._radio)
        described = Run(config.run.policy, config.run.seed, self._vm, int(time.time()))
        forwarder = _forwarder(config, self._trouble, self._bring)
        with self.folder.recording(described, forwarder, config.run.numbered_site) as store:
            store.append(changed(store.book.credits.reward, config.crowd.reward))
            remind(self._policy, store)
            self._clock = BoardClock(config.radio.speed)
            self._orchestrator = Orchestrator(
                radio=self._radio,
                store=store,
                keys=self._keys,
                policy=self._policy,
                contacts=self._contacts,
                clock=self._clock,
                rng=np.random.default_rng(config.run.seed),
                emit=self._emit,
                terms=config.transfer.terms(),
                slots=config.radio.slots,
                first_transfer_id=secrets.randbits(31) | 1,
                profiles=config.profiles,
            )
            if self._stopped:
                self._orchestrator.stop()
            async with beside(self._orchestrator):
                await self._orchestrator.run(config.run.duration_s or inf)
            summary = summarise(store.book)
        self.folder.write(SUMMARY, summary)
        return summary


def _fit_for_power(config: RunConfig) -> dict[int, bytes]:
    """Return the boards' keys; InputError if one's calibration is too old for this power."""
    keys = key_file.load(config.run.keys)
    expiry.check(config.run.out, keys, config.transfer.power_max_mW, today())
    return keys


async def trade(
    config: RunConfig, lane: int, together: Together, emit: Emit, vm: str | None = None
) -> Summary:
    """Hold one market of all boards in the keys file, in the ledger of earlier runs.

    `lane` is the hub's number; `together` lays a seller and its buyer on each other.
    """
    if config.profiles:
        raise InputError("a market knows no profiles: leave [[boards]] out of its file")
    if config.crowd.reward:
        raise InputError("a market pays by its price: leave [crowd] out of its file")
    keys = _fit_for_power(config)
    if lane not in keys:
        raise InputError(f"--lane {lane}: the keys file {config.run.keys} has no such board")
    if len(keys) < PEERS_MIN:
        raise InputError(f"{config.run.keys}: a market takes {PEERS_MIN} boards, not {len(keys)}")
    folder = RunFolder(config.run.out)
    forwarder = _forwarder(config, lambda line: emit(Trouble(0.0, 0, line)))
    async with _opened(config.radio, emit) as radio:
        described = Run("market", None, vm, int(time.time()))
        with folder.recording(described, forwarder, config.run.numbered_site) as store:
            trading = Trading(
                radio,
                store,
                keys,
                together,
                BoardClock(config.radio.speed),
                emit,
                config.transfer.terms(),
                config.radio.slots,
            )
            await trading.run(lane, sorted(keys.keys() - {lane}))
            summary = summarise(store.book)
        folder.write(SUMMARY, summary)
        return summary


def _forwarder(
    config: RunConfig,
    say: Callable[[str], None],
    bring: Callable[[list[Found]], None] = lambda _: None,
) -> Forwarder | None:
    """Return what writes the ledger into the run's database, if it has one.

    `say` and `bring` are called in this loop, whichever thread has something to tell.
    """
    books, loop = config.run.ledger, asyncio.get_running_loop()
    if books is None:
        return None

    def say_here(line: str) -> None:
        loop.call_soon_threadsafe(say, line)

    def bring_here(found: list[Found]) -> None:
        loop.call_soon_threadsafe(bring, found)

    spool = config.run.out / LEDGER
    return Forwarder(spool, books, say_here, bring_here, config.run.numbered_site)


@asynccontextmanager
async def _opened(section: RadioSection, emit: Emit) -> AsyncIterator[Radio]:
    def trouble(line: str) -> None:
        emit(Trouble(0.0, 0, line))

    radio = open_radios(section.local, section.proxies, section.slots, trouble)
    try:
        await _check(radio)
        yield radio
    finally:
        await radio.close()


async def _check(radio: Radio) -> None:
    """Scan for a moment, so that a radio that does not work shows before anything is written."""
    await radio.start_scan(lambda _: None)
    await radio.stop_scan()
