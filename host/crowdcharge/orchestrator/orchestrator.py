# SPDX-License-Identifier: MIT
"""The loop that brings it together: observe, meet, decide, grant, settle, reconcile.

It may be killed at any line. What was granted is in the ledger before a board is asked, boards end
by themselves, and at the next start their receipts say what was metered.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager
from math import inf
from typing import Any, Literal

import numpy as np

from crowdcharge.boards.fleet import BoardView
from crowdcharge.boards.keys import Keys
from crowdcharge.boards.link import BoardLink
from crowdcharge.boards.pool import SLOTS
from crowdcharge.clock import Clock
from crowdcharge.errors import GrantRefused, WptError
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.contacts import Contacts, Meeting, Pair
from crowdcharge.orchestrator.events import Emit
from crowdcharge.orchestrator.pads import Guest, Pad, Pads
from crowdcharge.orchestrator.probe import Probe
from crowdcharge.orchestrator.profile_rules import ProfileNames, ProfileRules
from crowdcharge.orchestrator.station import Station
from crowdcharge.orchestrator.transfer import TransferRun, TransferTerms
from crowdcharge.policy.base import Encounter, Offer, Policy
from crowdcharge.policy.consent import decided, grants_a_wish
from crowdcharge.radio.base import Radio
from crowdcharge.units import J_to_mJ
from wptcore import ept

State = Literal["running", "paused", "stopped"]
_TICK_s = 0.05  # of the event loop's time
_RETRY_s = 1.0
_ASKED_PATIENCE_s = 10.0
_LAST_TRIES = 5
_RESOLUTION = 0.002  # share of a capacity: boards tell their charge in permille, less is noise


class Orchestrator:
    """Everything it touches is handed in: radio, ledger, clock, randomness, policy, contacts.

    `contacts` None: short fields show who lies on whom. `first_transfer_id` and `emit` are the
    Station's. `policy` and `forbidden`, the boards that take no part, may change at any time.
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
        self.policy = policy
        self.state: State = "running"
        self.forbidden: set[int] = set()
        self.reasons: dict[int, str] = {}  # why its last meeting came to nothing
        self._clock = clock
        self._rng = rng
        self._terms = terms or TransferTerms()
        self._rules = ProfileRules(profiles or {})
        self._keys = keys
        self.station = Station(radio, store, keys, clock, emit, first_transfer_id, slots)
        self._fleet, self._pool = self.station.fleet, self.station.pool
        self.ledger_keeper = self.station.ledger_keeper
        self.contacts = contacts or Probe(self.station)
        self._busy: set[int] = set()
        self._synced: set[int] = set()
        self._retry_at_s: dict[int, float] = {}
        self._met: dict[Pair, int] = {}
        self._newest: dict[Pair, int] = {}  # the number of its newest meeting
        self._asked: dict[Offer, float] = {}  # until when each is tried
        self._turns: dict[Pair, int] = {}
        self._floor_permille: dict[int, int] = {}  # the charge at which a donor refused
        self._count = itertools.count(1)
        self._transfer_runs: dict[int, TransferRun] = {}
        self._pads = Pads(self.station, self._terms, self._transfer_runs, self._may_begin)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End the running transfers, settle them, and let `run` return."""
        self._stopping.set()
        self._stop_transfers()

    # -- what an operator asks for --

    def pause(self, state: State = "paused") -> None:
        """Begin no transfer; those that run go on. Lost leases are left to a person to clear."""
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
        self.forbidden.add(board_id)
        for transfer_run in self._transfer_runs.values():
            if board_id in transfer_run.boards:
                transfer_run.stop()

    def allow(self, board_id: int) -> None:
        self.forbidden.discard(board_id)

    def ask_for(self, offer: Offer) -> None:
        """Make this transfer next, whatever the policy wants; the boards may still refuse it."""
        self._asked[offer] = asyncio.get_running_loop().time() + _ASKED_PATIENCE_s

    def settle(self) -> None:
        """Visit every board anew for its receipts, its faults and its charge."""
        self._synced.clear()

    @asynccontextmanager
    async def visiting(self, board_id: int) -> AsyncIterator[BoardLink]:
        """Keep a board that is ready for what a person asks of it."""
        self._busy.add(board_id)
        try:
            with self._pool.hold(board_id):
                yield await self._pool.get(board_id)
        finally:
            self._busy.discard(board_id)

    def _stop_transfers(self) -> None:
        for transfer_run in self._transfer_runs.values():
            transfer_run.stop()

    # -- what there is to see --

    def is_ready(self, board_id: int) -> bool:
        return board_id in self._ready()

    def is_busy(self, board_id: int) -> bool:
        return board_id in self._busy

    def is_open(self, pair: Pair) -> bool:
        """Whether the policy has not been asked about this meeting yet."""
        return self._met.get(pair) != self._newest.get(pair, 0)

    def is_at_floor(self, board_id: int) -> bool:
        """Whether it refused to give at its charge of now."""
        agent = self.ledger_keeper.agents.get(board_id)
        soc_permille = (agent.soc_permille if agent else None) or 0
        return soc_permille <= self._floor_permille.get(board_id, -1)

    # -- the loop --

    async def run(self, until_s: float | None = None) -> None:
        """Work until the boards' clock says `until_s` (None: for ever) or `stop` is called.

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

    def _is_over(self, until_s: float | None) -> bool:
        if self._stopping.is_set():
            return True
        return until_s is not None and self._clock.now_s() >= until_s

    async def _tick(self, work: asyncio.TaskGroup, until_s: float | None) -> None:
        for board_id in self._wanting():
            if self._has_slots(board_id):
                self._start(work, self._attend(board_id), board_id)
        if self.state != "running":
            self._asked.clear()
            return
        self._begin_asked(work, until_s)
        meetings = await self.contacts.meetings(self._clock.now_s(), self._ready())
        self._newest.update((meeting.pair, meeting.number) for meeting in meetings)
        for meeting in sorted(meetings, key=self._turn):
            if self._met.get(meeting.pair) == meeting.number:
                continue
            pad = self._pads.at(meeting.pair)
            if pad is None and self._can_meet(meeting.pair):
                self._start(work, self._meet(meeting, until_s), *meeting.pair)
            elif pad is not None and self._can_meet(guest := {*meeting.pair} - {pad.ptx}):
                self._start(work, self._join(pad, meeting, until_s), *guest)

    def _begin_asked(self, work: asyncio.TaskGroup, until_s: float | None) -> None:
        """Begin what was asked for once its boards are ready, or say that they are not."""
        now_s = asyncio.get_running_loop().time()
        for offer, late_s in list(self._asked.items()):
            if self._can_meet((offer.ptx, offer.prx)):
                self._start(work, self._asked_for(offer, until_s), offer.ptx, offer.prx)
            elif now_s > late_s:
                text = f"{offer.ptx} to {offer.prx}: what was asked for could not begin in time"
                self.station.trouble(offer.ptx, WptError(text))
            else:
                continue
            del self._asked[offer]

    def _turn(self, meeting: Meeting) -> tuple[bool, int]:
        """Sort key: wishes that can be met come first, then pairs that met longest ago.

        Without that order some pairs would never have a slot.
        """
        wish = grants_a_wish(meeting.pair, self.ledger_keeper.agents)
        return not wish, self._turns.get(meeting.pair, 0)

    def _can_meet(self, boards: Collection[int]) -> bool:
        return self._ready().issuperset(boards) and self._has_slots(*boards)

    def _has_slots(self, *boards: int) -> bool:
        """Whether the adapter can hold all these boards beside those in use.

        A pair gets both its slots or none, so that no two pairs wait for each other.
        """
        return len(self._busy.union(boards)) <= self._pool.slots

    def _ready(self) -> set[int]:
        """Return the synced boards that do nothing else and did not fail a moment ago."""
        free = self._synced - self._busy - self.forbidden
        return {board for board in free if not self._must_wait(board)}

    def _must_wait(self, board_id: int) -> bool:
        return asyncio.get_running_loop().time() < self._retry_at_s.get(board_id, 0.0)

    def _wait(self, *boards: int) -> None:
        retry_at_s = asyncio.get_running_loop().time() + _RETRY_s
        self._retry_at_s.update(dict.fromkeys(boards, retry_at_s))

    def _wanting(self) -> list[int]:
        """Boards to visit: new ones, those that owe a receipt, those that report a change."""
        pending = self.ledger_keeper.pending()
        found = []
        for view in self._fleet.views():
            board_id = view.board_id
            if self._is_available(view):
                changed = view.newest.problem != self.ledger_keeper.has_problem(board_id)
                changed = changed or self.ledger_keeper.is_behind(view.newest)
                if changed or board_id in pending or board_id not in self._synced:
                    found.append(board_id)
        return found

    def _is_available(self, view: BoardView) -> bool:
        board_id = view.board_id
        if board_id in self._busy or board_id not in self._keys or self._must_wait(board_id):
            return False
        is_here = not view.is_stale(asyncio.get_running_loop().time())
        return is_here or self._pool.is_connected(board_id)

    def _start(
        self, work: asyncio.TaskGroup, job: Coroutine[Any, Any, None], *boards: int
    ) -> None:
        """Run one job at a time for each board; report what fails and try it again later."""
        self._busy.update(boards)

        async def guarded() -> None:
            try:
                with self._pool.hold(*boards):
                    await job
            except WptError as error:
                self._wait(*boards)
                self.station.trouble(getattr(error, "board_id", 0), error)
            finally:
                self._busy.difference_update(boards)

        work.create_task(guarded())

    async def _attend(self, board_id: int) -> None:
        await self.station.sync(board_id)
        self._synced.add(board_id)
        self._wait(board_id)  # until its adverts have caught up with what it just said

    async def _meet(self, meeting: Meeting, until_s: float | None) -> None:
        offer = await self._decide(meeting)
        if offer is None or offer.energy_J < self._terms.energy_min_J:
            return
        ends_s = meeting.ends_s if until_s is None else min(meeting.ends_s, until_s)
        if self._pads.takes(offer):
            await self._pads.give(offer.ptx, self._guest(offer, ends_s))
        else:
            await self._transfer(offer, ends_s)

    async def _join(self, pad: Pad, meeting: Meeting, until_s: float | None) -> None:
        """Let a board join those on a pad that gives already, until it has left them."""
        with pad.coming():
            offer = await self._decide(meeting)
            if offer is None or offer.ptx != pad.ptx or not self._pads.takes(offer):
                return
            if pad.closed:
                del self._met[meeting.pair]  # it is a meeting like any other
                return
            ends_s = meeting.ends_s if until_s is None else min(meeting.ends_s, until_s)
            guest = self._guest(offer, ends_s)
            pad.join(guest)
        await guest.left.wait()

    def _guest(self, offer: Offer, ends_s: float) -> Guest:
        terms = self._rules.tightened(self._terms, offer.ptx, offer.prx)
        return Guest(offer.prx, J_to_mJ(offer.energy_J), ends_s, terms)

    def _may_begin(self, pair: Collection[int]) -> bool:
        """Whether nobody has changed his mind while the boards were asked."""
        wanted = self.state == "running" and not self._stopping.is_set()
        return wanted and self.forbidden.isdisjoint(pair)

    async def _asked_for(self, offer: Offer, until_s: float | None) -> None:
        for board_id in (offer.ptx, offer.prx):
            await self.station.consult(board_id)
        await self._transfer(offer, until_s)

    async def _transfer(self, offer: Offer, ends_s: float | None) -> None:
        if not self._may_begin((offer.ptx, offer.prx)):
            return
        if not self._rules.may_give(offer.ptx, offer.prx):
            raise WptError(f"{offer.ptx} cannot give to {offer.prx}: see crowdcharge compat")
        terms = self._rules.tightened(self._terms, offer.ptx, offer.prx)
        transfer = self.ledger_keeper.open(offer, terms.power_most_mW)
        transfer_run = self.station.transfer_run([transfer], terms)
        self._transfer_runs[transfer.transfer_id] = transfer_run
        try:
            await transfer_run.run(inf if ends_s is None else ends_s)
        except GrantRefused as refusal:
            self.ledger_keeper.refused(refusal, transfer.transfer_id)
            if refusal.code == ept.FLOOR:
                soc_permille = self.ledger_keeper.agents[transfer.ptx].soc_permille
                self._floor_permille[transfer.ptx] = soc_permille or 0
        finally:
            del self._transfer_runs[transfer.transfer_id]
        syncs = [self.station.sync(board_id) for board_id in transfer.boards]
        for failed in await asyncio.gather(*syncs, return_exceptions=True):
            if failed is not None:
                raise failed

    async def _decide(self, meeting: Meeting) -> Offer | None:
        """Ask both boards for their charge and the policy for an offer; None: no transfer now."""
        for board_id in meeting.pair:
            await self.station.consult(board_id)
        self._met[meeting.pair] = meeting.number
        self._turns[meeting.pair] = next(self._count)
        agents = self.ledger_keeper.agents
        if any(agents[board_id].soc_permille is None for board_id in meeting.pair):
            return None
        encounter = Encounter(*meeting.pair)
        takes_J = self.ledger_keeper.book.credits.limits_J(meeting.pair)
        now_s = self._clock.now_s()
        decision = decided(self.policy, encounter, agents, now_s, self._rng, takes_J)
        offer = decision.offer
        for board_id in meeting.pair:
            self.reasons[board_id] = decision.reason if offer is None else ""
        if offer is None or offer.energy_J < _RESOLUTION * agents[offer.ptx].capacity_J:
            return None
        if self.is_at_floor(offer.ptx):
            return None  # policies know nothing of floors
        if not self._rules.may_give(offer.ptx, offer.prx):
            return None  # nor of profiles
        return offer

    async def _last_round(self) -> None:
        """Try a few more times to get the receipts that are owed, then close the books."""
        for _ in range(_LAST_TRIES):
            owing = self.ledger_keeper.pending() & {view.board_id for view in self._fleet.views()}
            if not owing:
                break
            async with asyncio.TaskGroup() as work:
                for board_id in owing & set(self._keys):
                    self._start(work, self._attend(board_id), board_id)
            await asyncio.sleep(_RETRY_s)
        self.ledger_keeper.close_books()
