# SPDX-License-Identifier: MIT
"""A past run as if it happened now: its ledger is played to the same window, at any speed.

What the ledger does not hold is not shown: adverts, limits, who waits and why. Waiting times of
more than a few seconds are skipped.
"""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Any

from crowdcharge.files import real_path
from crowdcharge.ledger import kinds
from crowdcharge.ledger.rows import Row
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.config import ServeSection
from crowdcharge.service.channel import Message
from crowdcharge.service.facts import totals_shown
from crowdcharge.service.live import Live
from crowdcharge.service.objections import Objection
from crowdcharge.service.tape import Tape
from crowdcharge.service.window_keeper import WindowKeeper

_TICK_s = 0.1
_GAP_MAX_s = 5.0
Moment = tuple[float, Row, kinds.Content]


class Replay:
    """`run` plays until cancelled; `act` is what a page may ask: to seek, and to play."""

    def __init__(
        self, ledger: Path, serve: ServeSection, listener: socket.socket, version: str
    ) -> None:
        self._ledger, self._serve, self._version = ledger, serve, version
        self._moments = _moments(ledger)
        self._speed = 1.0
        self._keeper = WindowKeeper(listener, ledger.parent, self._hello, self.act, _ignore)
        self._rewind()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as work:
            work.create_task(self._keeper.run())
            work.create_task(self._play())

    async def act(self, action: str, args: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        if action == "seek":
            self._seek(float(args["time_s"]))
        elif action == "play":
            self._set_speed(float(args["speed"]))
        else:
            return Objection(HTTPStatus.CONFLICT, "a past run stays as it was").answer()
        return HTTPStatus.OK, {"time_s": self._now_s, **self._state()}

    def _rewind(self) -> None:
        begin_s = self._moments[0][0] if self._moments else 0.0
        end_s = self._moments[-1][0] if self._moments else 0.0
        self._tape, self._now_s = Tape(), begin_s
        self._next, self._summed = 0, -1  # rows that were played, and those in the totals
        self._live = Live(
            {
                "time_s": begin_s,
                "run": {
                    "name": real_path(self._ledger.parent).name,
                    "site": None,
                    "mode": "replay",
                    "actions": True,
                    "version": self._version,
                    "begin_s": begin_s,
                    "end_s": end_s,
                    "started_s": begin_s,
                    "lease_s": None,
                    "seed": None,
                    **self._state(),
                    "policy": {"name": "", "options": {}, "says": ""},
                },
            }
        )

    def _set_speed(self, speed: float) -> None:
        self._speed = speed
        self._tell({"event": "Facts", "run": self._state()})

    def _state(self) -> dict[str, Any]:
        return {"state": "running" if self._speed else "paused", "speed": self._speed}

    def _hello(self) -> Message:
        config = {"serve": asdict(self._serve)}
        ledger = str(self._ledger)
        return {"kind": "hello", **self._live.snapshot(), "config": config, "ledger": ledger}

    def _seek(self, time_s: float) -> None:
        """Show another moment of the run: pages get the whole picture anew."""
        if time_s < self._now_s:
            self._rewind()
        run = self._live.run
        self._now_s = min(max(time_s, run["begin_s"]), run["end_s"])
        for record in [*self._due(), self._facts()]:
            self._live.apply(record)
        self._keeper.send(self._hello())

    async def _play(self) -> None:
        while True:
            await asyncio.sleep(_TICK_s)
            if self._speed and self._next < len(self._moments):
                ahead_s = self._moments[self._next][0] - self._now_s
                self._now_s += ahead_s if ahead_s > _GAP_MAX_s else _TICK_s * self._speed
                for record in self._due():
                    self._tell(record)
                if self._next == len(self._moments):
                    self._set_speed(0.0)
            self._tell(self._facts())

    def _due(self) -> list[dict[str, Any]]:
        """Return the records of all rows up to now."""
        found = []
        while self._next < len(self._moments) and self._moments[self._next][0] <= self._now_s:
            _, row, content = self._moments[self._next]
            found += self._tape.play(row, content)
            self._next += 1
        return found

    def _facts(self) -> dict[str, Any]:
        """Return the time, and the totals, added up anew only when there are new rows."""
        new = self._next != self._summed
        self._summed = self._next
        totals = {"totals": totals_shown(self._tape.book)} if new else {}
        return {"event": "Facts", "time_s": self._now_s, **totals}

    def _tell(self, record: dict[str, Any]) -> None:
        record.setdefault("time_s", self._now_s)
        self._live.apply(record)
        self._keeper.send({"kind": "event", "record": record})


def _moments(ledger: Path) -> list[Moment]:
    """Every row with its time. LedgerError if one makes no sense."""
    tape, found = Tape(), []
    with Store.read(ledger) as store:
        for row in store.rows():
            content = row.content()
            tape.play(row, content)
            found.append((tape.time_s, row, content))
    return found


def _ignore(_text: str) -> None:
    """Ignore that a window had to be replaced: nothing is lost with it."""
