# SPDX-License-Identifier: MIT
"""Sends word of what needs a person, by any of the ways that Apprise knows.

The same news about the same board comes at most every QUIET_s, and all news together at most
BURST_MAX in BURST_s; what was held back is counted in the next message.
"""

import asyncio
import logging
from collections import deque
from typing import Any
from urllib.parse import urlsplit

import apprise

from crowdcharge.boards import codes
from crowdcharge.service.window.hub import WindowHub
from crowdcharge.service.window.outlet import Condition
from crowdcharge.service.words import GRAVE, fault_shown, sentence

QUIET_s = 600.0
BURST_s, BURST_MAX = 3600.0, 12
_WAITING_MAX = 50
_SEND_s = 30.0

Record = dict[str, Any]
News = tuple[str, str]  # title and text


def news(record: Record, lease_s: float | None = None) -> News | None:
    """PURE: what an event means to somebody who is not here; None: nothing."""
    told = _NEWS.get(record["event"])
    return told(record, lease_s) if told else None


def _fault(record: Record, _lease_s: float | None) -> News | None:
    if codes.SEVERITIES.get(record["code"]) != "latch":
        return None
    fault = fault_shown(record["code"])
    text = f"{sentence(fault['text'])} {fault['way_out']}".strip()
    return f"Board {record['board_id']} has stopped", text


def _lost(record: Record, lease_s: float | None) -> News:
    within = f"at most {lease_s:g} s" if lease_s else "a lease"
    text = f"If it was in a transfer, its coil is off by itself {within} after the last word."
    return f"Board {record['board_id']} is out of sight", text


def _trouble(record: Record, _lease_s: float | None) -> News | None:
    title = GRAVE.get(record.get("kind", ""))
    return (title, record["text"]) if title else None


_NEWS = {"FaultRaised": _fault, "BoardLost": _lost, "Trouble": _trouble}


class Held:
    """PURE: what may go out now. Times are of one clock that only goes on."""

    def __init__(self) -> None:
        self.count = 0
        self._last_s: dict[str, float] = {}
        self._sent_s: deque[float] = deque(maxlen=BURST_MAX)

    def allows(self, title: str, now_s: float) -> bool:
        """Tell whether this may go, and count it one way or the other."""
        is_full = len(self._sent_s) == BURST_MAX and now_s - self._sent_s[0] < BURST_s
        if is_full or now_s - self._last_s.get(title, -QUIET_s) < QUIET_s:
            self.count += 1
            return False
        self._last_s = {
            each: at_s for each, at_s in self._last_s.items() if now_s - at_s < QUIET_s
        }
        self._last_s[title] = now_s
        self._sent_s.append(now_s)
        return True


class Notifier:
    """Sends one after the other; who is slow or away holds up nothing but what waits here."""

    def __init__(self, hub: WindowHub, addresses: list[str]) -> None:
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it would show secrets
        self._hub = hub
        self._held = Held()
        self._waiting: asyncio.Queue[News] = asyncio.Queue(_WAITING_MAX)
        self._ways = [_Way(number, url) for number, url in enumerate(addresses, 1)]

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._collect())
            tasks.create_task(self._send())

    async def _collect(self) -> None:
        records = self._hub.subscribe()
        while True:
            _, record = await records.get()
            found = news(record, self._hub.live.run.get("lease_s"))
            if not found or not self._is_ours(record):
                continue
            if self._held.allows(found[0], asyncio.get_running_loop().time()):
                if self._waiting.full():
                    self._waiting.get_nowait()
                    self._held.count += 1
                self._waiting.put_nowait(found)

    def _is_ours(self, record: Record) -> bool:
        """Tell whether it is about a board that has a key; anyone may advertise any other."""
        board_id = record["board_id"]
        return not board_id or self._hub.live.has_key(board_id)

    async def _send(self) -> None:
        while True:
            title, text = await self._waiting.get()
            run = self._hub.live.run
            title = f"{run.get('site') or run.get('name')}: {title}"
            if held := self._held.count:
                self._held.count = 0
                text += f"\n({held} more since the last message.)"
            await asyncio.gather(*(way.send(title, text) for way in self._ways))


class _Way:
    """One address. Its kind may be said, the rest of it is a secret."""

    def __init__(self, number: int, url: str) -> None:
        self._condition = Condition(f"notify {number} ({urlsplit(url).scheme})")
        self._apprise = apprise.Apprise()
        self._is_known = self._apprise.add(url)
        if not self._is_known:
            self._condition.wrong("not an address that Apprise knows")

    async def send(self, title: str, text: str) -> None:
        if not self._is_known:
            return
        try:
            async with asyncio.timeout(_SEND_s):
                sent = bool(await self._apprise.async_notify(body=text, title=title))
        except (TimeoutError, TypeError, OSError):
            sent = False
        if sent:
            self._condition.right()
        else:
            self._condition.wrong("could not be delivered")
