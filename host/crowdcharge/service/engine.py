# SPDX-License-Identifier: MIT
"""The engine of a live service: an orchestrator's events into the picture, and out of its window.

Hand `on_event` to an orchestrator and run it inside `attending`. Times leave here as those of the
unix clock, whatever the boards' clock does, and whoever sets this machine's.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from crowdcharge.clock import SteadyUnix
from crowdcharge.errors import WptError
from crowdcharge.orchestrator.events import Event, Settled, Trouble, as_record
from crowdcharge.orchestrator.orchestrator import Orchestrator
from crowdcharge.orchestrator.run_folder import LEDGER
from crowdcharge.policy import POLICIES
from crowdcharge.service.about import About
from crowdcharge.service.actions import Actions
from crowdcharge.service.channel import Message
from crowdcharge.service.facts import Facts, transfers_shown
from crowdcharge.service.live import Live
from crowdcharge.service.systemd import notify
from crowdcharge.service.window.tokens import tokens_in
from crowdcharge.service.window_keeper import WindowKeeper

_FACTS_EVERY_s = 0.5
_LAST_WORD_s = 2.0
_AGES = ("sent_age_s", "received_age_s")


class Engine:
    """`listener` is where browsers arrive."""

    def __init__(self, about: About, listener: socket.socket) -> None:
        self._about = about
        self._listener = listener
        self._clock = SteadyUnix()
        self._live = Live({"run": about.run | {"started_s": self._clock.now_s()}})
        self._keeper: WindowKeeper | None = None
        self._facts: Facts | None = None

    def on_event(self, event: Event) -> None:
        """Take an event of the run; it is what an orchestrator's `emit` is."""
        record = as_record(event)
        record["time_s"] = self._clock.now_s()
        for name in _AGES:
            if record.get(name) is not None:
                record[name] /= self._about.speed
        if isinstance(event, Settled) and self._facts is not None:
            record["totals"] = self._facts.totals()  # its energy stands in one place or the other
        self._tell(record)

    def _tell(self, record: dict[str, Any]) -> None:
        self._live.apply(record)
        if self._keeper is not None:
            self._keeper.send({"kind": "event", "record": record})

    @asynccontextmanager
    async def attending(self, orchestrator: Orchestrator) -> AsyncIterator[None]:
        """Show the run and obey its operators while the block runs it.

        InputError if others could read its tokens.
        """
        tokens_in(self._about.out)
        if self._about.serve.start == "paused":
            orchestrator.pause()
        actions = Actions(orchestrator, self._about.policy_options)
        facts = self._facts = Facts(actions, self._clock.at_s)
        self._live.transfers |= transfers_shown(orchestrator.ledger_keeper.book)
        await self._state_facts(facts)
        self._keeper = WindowKeeper(
            self._listener, self._about.out, self._hello, actions.act, self._say
        )
        tasks = [asyncio.create_task(self._keeper.run()), asyncio.create_task(self._look(facts))]
        notify("READY=1")
        try:
            yield
        except WptError as error:  # such as NoAdapter: who is to be told hears it from the window
            self.on_event(Trouble(0.0, 0, str(error), type(error).__name__))
            await asyncio.sleep(_LAST_WORD_s)
            raise
        finally:
            notify("STOPPING=1")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._keeper = None

    async def _look(self, facts: Facts) -> None:
        """Say what no event says, and that the loop which renews leases is alive."""
        while True:
            await asyncio.sleep(_FACTS_EVERY_s)
            try:
                await self._state_facts(facts)
            except WptError as error:  # who sees the contacts is gone; the run says so itself
                self._say(str(error))
            notify("WATCHDOG=1")

    async def _state_facts(self, facts: Facts) -> None:
        self._tell({"event": "Facts", "time_s": self._clock.now_s(), **await facts.changes()})

    def _hello(self) -> Message:
        config = self._about.config | {"serve": asdict(self._about.serve)}
        ledger = str(self._about.out / LEDGER)
        told = {"config": config, "ledger": ledger, "policies": sorted(POLICIES)}
        return {"kind": "hello", **self._live.snapshot(), **told}

    def _say(self, text: str) -> None:
        self.on_event(Trouble(0.0, 0, text, "Window"))
