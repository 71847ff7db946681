# SPDX-License-Identifier: MIT
"""What the window knows of the crowd, and its one way to the engine.

Whatever looks at the crowd (page, MQTT, metrics, notifications, traces) does it by a `WindowHub`.
Sequence numbers begin at the milliseconds of the window's start, so that no number of an earlier
window is given twice: a client that resumes with an old one gets a snapshot.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from crowdcharge.service.live import Live
from crowdcharge.service.window.problems import problem
from crowdcharge.service.words import GRAVE

Record = dict[str, Any]
Numbered = tuple[int, Record]
_KEPT = 2000  # events that a client can ask for again
_QUEUE_MAX = 1000
_SAMPLES = {"Facts", "Progress"}  # these come all the time, and the next one says it anew
_SILENT_s = 10.0  # the engine speaks twice a second
_GRAVE_s = 30.0  # how long a word of grave trouble counts
_PENDING_MAX = 32  # actions that the engine has not answered yet
_ANSWER_s = 30.0


class WindowHub:
    """The newest state, the last events, and the questions that wait for the engine's answer."""

    def __init__(self, hello: Record, send: Callable[[Record], None]) -> None:
        self.seq = int(time.time() * 1000)
        self.ring: deque[Numbered] = deque(maxlen=_KEPT)
        self._send = send
        self._ids = count(1)
        self._answers: dict[int, asyncio.Future[tuple[int, Record]]] = {}
        self._queues: set[asyncio.Queue[Numbered]] = set()
        self.heard_s = time.monotonic()  # the engine's last word
        self._grave = (-_GRAVE_s, "")  # its last word of something without which nothing works
        self._greet(hello)

    def _greet(self, hello: Record) -> None:
        """Start from what the engine says stands; a replay says it anew after each jump."""
        self.live = Live(hello)
        self.config: Record = hello["config"]
        self.policies: list[str] = hello.get("policies", [])  # none in a past run
        self.ledger = Path(hello["ledger"]) if hello["ledger"] else None

    def unready(self) -> str:
        """Return why nothing can be done now: a silent engine, or what it said fails; or ""."""
        now_s = time.monotonic()
        if (silent_s := now_s - self.heard_s) > _SILENT_s:
            return f"the orchestrator has said nothing for {silent_s:.0f} s"
        return self._grave[1] if now_s - self._grave[0] < _GRAVE_s else ""

    def snapshot(self, curves: bool = True) -> Record:
        return self.live.snapshot(curves) | {"seq": self.seq}

    def take(self, line: Record) -> None:
        """Take one line of the engine's, which is trusted: it is this service's other half."""
        self.heard_s = time.monotonic()
        if line["kind"] == "event":
            self.live.apply(line["record"])
            if line["record"].get("kind") in GRAVE:
                self._grave = (self.heard_s, line["record"]["text"])
            self._tell(line["record"])
        elif line["kind"] == "answer":
            waiting = self._answers.get(line["id"])
            if waiting and not waiting.done():
                waiting.set_result((int(line["status"]), line["body"]))
        else:
            self._greet(line)
            self.seq += 1
            self.ring.clear()  # so that nobody goes on from before: all get a snapshot

    def _tell(self, record: Record) -> None:
        """Give a record its number and hand it to all who look; who is slow loses the oldest."""
        self.seq += 1
        self.ring.append((self.seq, record))
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait((self.seq, record))

    def subscribe(self) -> "asyncio.Queue[Numbered]":
        """Return a queue that gets every record from now on; see `unsubscribe`."""
        queue: asyncio.Queue[Numbered] = asyncio.Queue(_QUEUE_MAX)
        self._queues.add(queue)
        return queue

    def unsubscribe(self, queue: "asyncio.Queue[Numbered]") -> None:
        self._queues.discard(queue)

    def since(self, seq: int) -> list[Numbered] | None:
        """Return the events after `seq`; None if some of them are no longer, or not yet, here."""
        oldest = self.ring[0][0] if self.ring else self.seq + 1
        if not oldest - 1 <= seq <= self.seq:
            return None
        return [each for each in self.ring if each[0] > seq]

    def before(self, count: int) -> int:
        """Return the number after which the newest events come, so many that tell a story."""
        for seq, record in reversed(self.ring):
            if count <= 0:
                return seq
            count -= record["event"] not in _SAMPLES
        return self.ring[0][0] - 1 if self.ring else self.seq

    async def act(self, name: str, args: Record) -> tuple[int, Record]:
        """Ask the engine to do something; return its status and answer, or a problem document."""
        if len(self._answers) >= _PENDING_MAX:
            return 429, problem(429, "too many actions wait for their answer")
        number = next(self._ids)
        answer: asyncio.Future[tuple[int, Record]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            self._send({"id": number, "action": name, "args": args})
            async with asyncio.timeout(_ANSWER_s):
                return await answer
        except TimeoutError:
            return 504, problem(504, f"the orchestrator did not answer within {_ANSWER_s:g} s")
        finally:
            del self._answers[number]
