# SPDX-License-Identifier: MIT
"""The loop that brings it together: observe, meet, decide, grant, settle, reconcile.

It may be killed at any line. What was granted is in the ledger before a board is asked, boards end
by themselves, and at the next start their receipts say what was metered.
"""

import asyncio
from collections.abc import Collection
from math import inf
from typing import Literal

import numpy as np

from crowdcharge.boards.keys import Keys
from crowdcharge.boards.pool import SLOTS
from crowdcharge.clock import Clock
from crowdcharge.errors import GrantRefused, WptError
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.contacts import Contacts, Meeting
from crowdcharge.orchestrator.decisions import Decisions
from crowdcharge.orchestrator.events import Emit
from crowdcharge.orchestrator.jobs import Jobs, RETRY_s
from crowdcharge.orchestrator.pads import Guest, Pad, Pads
from crowdcharge.orchestrator.probe import Probe
from crowdcharge.orchestrator.profile_rules import ProfileNames, ProfileRules
from crowdcharge.orchestrator.station import Station
from crowdcharge.orchestrator.transfer import TransferRun, TransferTerms
from crowdcharge.policy.base import Offer, Policy
from crowdcharge.radio.base import Radio
from crowdcharge.units import J_to_mJ

State = Literal["running", "paused", "stopped"]
_TICK_s = 0.05  # of the event loop's time
_ASKED_PATIENCE_s = 10.0
_LAST_TRIES = 5


class Orchestrator:
    """Everything it touches is handed in: radio, ledger, clock, randomness, policy, contacts.

    `contacts` None: short fields of each board show who lies on whom. `first_transfer_id`: where
    a new ledger begins to number. `emit` is called with every event.
    """

    def __init__(
        self,
        radio: Radio,
        store: Store,
        keys: Keys,
        policy: Policy,
        contacts: Contacts | None,
        clock: Clock,
        rng: np.random.Generator,
        emit: Emit,
        terms: TransferTerms | None = None,
        slots: int = SLOTS,
        first_transfer_id: int = 1,
        profiles: ProfileNames | None = None,
    ) -> None:
        self.state: State = "running"
        self._clock = clock
        self._terms = terms or TransferTerms()
        self._rules = ProfileRules(profiles or {})
        self._keys = keys
        self.station = Station(radio, store, keys, clock, emit, first_transfer_id, slots)
        self.ledger_keeper = self.station.ledger_keeper
        self.jobs = Jobs(self.station)
        self.decisions = Decisions(self.station, policy, self._rules, rng)
        self.contacts = contacts or Probe(self.station)
        self._asked: dict[Offer, float] = {}  # the event loop's time until which each is tried
        self._transfer_runs: dict[int, TransferRun] = {}
        self._pads = Pads(self.station, self._terms, self._transfer_runs, self._may_begin)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End the running transfers, settle them, and let `run` return."""
        self._stopping.set()
        self._stop_transfers()

    # -- what an operator asks for --

    def pause(self, state: State = "paused") -> None:
        """Begin no transfer; those that run go on. From now on a person clears lost leases."""
        self.state = state
        self.ledger_keeper.clears_lost_leases = False

    def resume(self) -> None:
        self.state = "running"
        self.ledger_keeper.clears_lost_leases = True
        self.settle()

    def halt(self) -> None:
        """End every transfer now and begin none until `resume`."""
        self.pause("stopped")
        self._stop_transfers()

    def stop_transfer(self, transfer_id: int) -> bool:
        """End a transfer now; False if it does not run."""
        if transfer_run := self._transfer_runs.get(transfer_id):
            transfer_run.stop()
        return transfer_run is not None

    def forbid(self, board_id: int) -> None:
        """Let a board take no part, and end its transfer now, until `allow`."""
        self.jobs.forbidden.add(board_id)
        for transfer_run in self._transfer_runs.values():
            if board_id in transfer_run.boards:
                transfer_run.stop()

    def allow(self, board_id: int) -> None:
        self.jobs.forbidden.discard(board_id)

    def ask_for(self, offer: Offer) -> None:
        """Make this transfer next, whatever the policy wants; the boards may still refuse it."""
        self._asked[offer] = asyncio.get_running_loop().time() + _ASKED_PATIENCE_s

    def settle(self) -> None:
        """Visit every board anew for its receipts, its faults and its charge."""
        self.jobs.visit_all_anew()

    def _stop_transfers(self) -> None:
        for transfer_run in self._transfer_runs.values():
            transfer_run.stop()

    # -- the loop --

    async def run(self, until_s: float = inf) -> None:
        """Work until the boards' clock says `until_s` or `stop` is called.

        Running transfers are finished first: no grant outlives `until_s`.
        """
        try:
            async with self.station.listening() as observing:
                async with asyncio.TaskGroup() as work:
                    while not self._is_over(until_s) and not observing.done():
                        await self._tick(work, until_s)
                        await asyncio.sleep(_TICK_s)
                if observing.done():
                    observing.result()  # NoAdapter
                await self._last_round()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    def _is_over(self, until_s: float) -> bool:
        return self._stopping.is_set() or self._clock.now_s() >= until_s

    async def _tick(self, work: asyncio.TaskGroup, until_s: float) -> None:
        self.jobs.start_visits(work)
        if self.state != "running":
            self._asked.clear()
            return
        self._begin_asked(work, until_s)
        meetings = await self.contacts.meetings(self._clock.now_s(), self.jobs.ready())
        for meeting in self.decisions.undecided(meetings):
            ends_s = min(meeting.ends_s, until_s)
            pad = self._pads.at(meeting.pair)
            if pad is None and self.jobs.can_begin(meeting.pair):
                self.jobs.start(work, self._meet(meeting, ends_s), *meeting.pair)
            elif pad is not None and self.jobs.can_begin(guest := {*meeting.pair} - {pad.ptx}):
                self.jobs.start(work, self._join(pad, meeting, ends_s), *guest)

    def _begin_asked(self, work: asyncio.TaskGroup, until_s: float) -> None:
        """Begin what was asked for once its boards are ready, or say that they are not."""
        now_s = asyncio.get_running_loop().time()
        for offer, late_s in list(self._asked.items()):
            if self.jobs.can_begin((offer.ptx, offer.prx)):
                self.jobs.start(work, self._asked_for(offer, until_s), offer.ptx, offer.prx)
            elif now_s > late_s:
                text = f"{offer.ptx} to {offer.prx}: what was asked for could not begin in time"
                self.station.trouble(offer.ptx, WptError(text))
            else:
                continue
            del self._asked[offer]

    async def _meet(self, meeting: Meeting, ends_s: float) -> None:
        offer = await self._decide(meeting)
        if offer is None or offer.energy_J < self._terms.energy_min_J:
            return
        if self._pads.takes(offer):
            await self._pads.give(offer.ptx, self._guest(offer, ends_s))
        else:
            await self._transfer(offer, ends_s)

    async def _join(self, pad: Pad, meeting: Meeting, ends_s: float) -> None:
        """Let a board join those on a pad that gives already, until it has left them."""
        with pad.coming():
            offer = await self._decide(meeting)
            if offer is None or offer.ptx != pad.ptx or not self._pads.takes(offer):
                return
            if pad.closed:
                self.decisions.reopen(meeting)  # as a pair: the pad gives no more
                return
            guest = self._guest(offer, ends_s)
            pad.join(guest)
        await guest.left.wait()

    def _guest(self, offer: Offer, ends_s: float) -> Guest:
        terms = self._rules.tightened(self._terms, offer.ptx, offer.prx)
        return Guest(offer.prx, J_to_mJ(offer.energy_J), ends_s, terms)

    def _may_begin(self, boards: Collection[int]) -> bool:
        """Tell whether the run and these boards are still free to begin a transfer."""
        wanted = self.state == "running" and not self._stopping.is_set()
        return wanted and self.jobs.forbidden.isdisjoint(boards)

    async def _asked_for(self, offer: Offer, until_s: float) -> None:
        for board_id in (offer.ptx, offer.prx):
            if not await self.station.consult(board_id):
                raise WptError(f"board {board_id} is in a transfer that was not opened here")
        await self._transfer(offer, until_s)

    async def _transfer(self, offer: Offer, ends_s: float) -> None:
        if not self._may_begin((offer.ptx, offer.prx)):
            return
        if not self._rules.may_give(offer.ptx, offer.prx):
            raise WptError(f"{offer.ptx} cannot give to {offer.prx}: see crowdcharge compat")
        terms = self._rules.tightened(self._terms, offer.ptx, offer.prx)
        transfer = self.ledger_keeper.open(offer, terms.power_most_mW)
        transfer_run = self.station.transfer_run([transfer], terms)
        self._transfer_runs[transfer.transfer_id] = transfer_run
        try:
            await transfer_run.run(ends_s)
        except GrantRefused as refusal:
            self.ledger_keeper.refused(refusal, transfer.transfer_id)
            self.decisions.refused(refusal)
        finally:
            del self._transfer_runs[transfer.transfer_id]
        syncs = [self.station.sync(board_id) for board_id in transfer.boards]
        for failed in await asyncio.gather(*syncs, return_exceptions=True):
            if failed is not None:
                raise failed

    async def _decide(self, meeting: Meeting) -> Offer | None:
        """Ask both boards for their charge, then the policy; None: no transfer now.

        A board at work for another host rests, and its meetings stay open: the other board is
        free meanwhile for whoever else lies on it.
        """
        for board_id in meeting.pair:
            if not await self.station.consult(board_id):
                self.jobs.rest(board_id)
                return None
        return self.decisions.decide(meeting)

    async def _last_round(self) -> None:
        """Try a few more times to get the receipts that are owed, then close the books."""
        for _ in range(_LAST_TRIES):
            heard = {view.board_id for view in self.station.fleet.views()}
            owing = self.ledger_keeper.pending() & heard
            if not owing:
                break
            async with asyncio.TaskGroup() as work:
                for board_id in owing & set(self._keys):
                    self.jobs.start_visit(work, board_id)
            await asyncio.sleep(RETRY_s)
        self.ledger_keeper.close_books()
