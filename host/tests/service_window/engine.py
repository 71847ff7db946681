# SPDX-License-Identifier: MIT
"""The engine's half of the channel, before a real window process.

It does not model a crowd: it says what a test tells it to say, keeps what it was asked, and
answers each action at once.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from crowdcharge.service.window.tokens import tokens_in

Record = dict[str, Any]
T0_s = 1_790_000_000.0


def board(board_id: int, **facts: Any) -> Record:
    known = {"soc_pct": 50.0, "state": "IDLE", "floor_pct": 20, "resume_pct": 25, "age_s": 0.4}
    return {"board_id": board_id, **known, **facts}


_TOTALS = (
    "transfers", "settled", "sent_mJ", "received_mJ", "loss_mJ", "efficiency", "imbalance_first",
    "imbalance_now", "floor_cutoffs", "refusals",
)  # fmt: skip


def hello(boards: int = 4, **more: Any) -> Record:
    policy = {"name": "online-average", "options": {}, "says": "The fullest gives."}
    run = {"name": "desk", "site": None, "mode": "run", "state": "running", "policy": policy}
    return {
        "kind": "hello",
        "time_s": T0_s,
        "run": run | {"lease_s": 5.0, "actions": True, "version": "0.1.0", "started_s": T0_s},
        "boards": [board(n, contacts=[n % boards + 1]) for n in range(1, boards + 1)],
        "transfers": [],
        "totals": dict.fromkeys(_TOTALS, 0),
        "next": [],
        "config": {"serve": {"allowed_hosts": ["bench.example.org"]}, "keys": "keys.toml"},
        "ledger": None,
        "policies": ["oblivious-share", "online-average"],
    } | more


def reading(board_id: int, soc_permille: int, time_s: float = T0_s) -> Record:
    facts = {"board_id": board_id, "soc_permille": soc_permille}
    return {"event": "BoardReading", "time_s": time_s, **facts}


LISTENS, CLOSED = "0A", "0"  # in /proc/net/tcp: the state, and the inode of a closed socket


class Engine:
    """Start a window, and be its engine until `close`."""

    def __init__(
        self,
        out: Path,
        greeting: Record | None = None,
        host: str = "127.0.0.1",
        spoil: Callable[[], object] | None = None,
    ) -> None:
        self.asked: list[Record] = []
        self.answers: dict[str, tuple[int, Record]] = {}
        self.out = out
        self.tokens = tokens_in(out)
        if spoil:
            spoil()
        self._end, theirs = socket.socketpair()
        listener = socket.create_server((host, 0))
        self.port: int = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        numbers = {"--channel": theirs.fileno(), "--listen": listener.fileno()}
        options = [text for name, number in numbers.items() for text in (name, str(number))]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "crowdcharge.service.window", "--out", str(out), *options],
            pass_fds=tuple(numbers.values()),
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONWARNINGS": "error"},
        )
        theirs.close()
        listener.close()
        self.say(greeting or hello())
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()
        if spoil:
            return  # nothing will serve
        self._wait_until_it_serves()

    def _wait_until_it_serves(self) -> None:
        try:
            with self.client() as client:  # it waits in the listener's queue
                client.get("/healthz", timeout=60)
        except httpx.HTTPError as error:
            raise AssertionError(self.close()) from error

    def say(self, line: Record) -> None:
        self._end.sendall(json.dumps(line).encode() + b"\n")

    def emit(self, record: Record) -> None:
        self.say({"kind": "event", "record": record})

    def _answer(self) -> None:
        with self._end.makefile("rb") as lines:
            for line in lines:
                asked = json.loads(line)
                self.asked.append(asked)
                status, body = self.answers.get(asked["action"], (200, {"done": asked["action"]}))
                self.say({"kind": "answer", "id": asked["id"], "status": status, "body": body})

    def client(self, token: str | None = None, **headers: str) -> httpx.Client:
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return httpx.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False)

    def connections(self) -> int:
        """Return how many clients the window holds open; one that it closed no longer counts."""
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        here = f":{self.port:04X}"
        return sum(
            row[1].endswith(here) and row[3] != LISTENS and row[9] != CLOSED for row in rows
        )

    def close(self) -> str:
        """End as a killed engine would; return what the window said on stderr."""
        self._end.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._end.close()
        _, said = self.process.communicate(timeout=20)
        return said


def until(holds: Callable[[], bool], wait_s: float = 10.0) -> None:
    """Wait for something that the window does soon."""
    end_s = time.monotonic() + wait_s
    while not holds():
        assert time.monotonic() < end_s
        time.sleep(0.01)
