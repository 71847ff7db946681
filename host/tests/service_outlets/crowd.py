# SPDX-License-Identifier: MIT
"""A hub with a hello and records as the engine sends them, for the outlets to tell of."""

import asyncio
import time
from typing import Any

from crowdcharge.service.window.hub import WindowHub

T0_s = 1_790_000_000.0
BOARD = {
    "has_key": True,
    "soc_pct": None, "state": "IDLE", "faults": [], "floor_pct": 20, "resume_pct": 25,
    "capacity_mJ": 100_000, "power_max_mW": 5000, "power_allowed_mW": 5000, "contacts": [],
    "age_s": 0.4, "lost": False, "forbidden": False, "sent_mJ": 0, "received_mJ": 0,
    "coil_C": None, "rssi_dBm": -50, "radio": None, "waits": None,
}  # fmt: skip
TOTALS = {
    "transfers": 0, "settled": 0, "sent_mJ": 0, "received_mJ": 0, "loss_mJ": 0,
    "efficiency": None, "imbalance_first": 0.4, "imbalance_now": 0.4, "floor_cutoffs": 0,
    "refusals": 0,
}  # fmt: skip


def hello(**run: Any) -> dict[str, Any]:
    described = {
        "name": "demo", "site": "lab", "mode": "run", "state": "running",
        "policy": {"name": "online-average", "options": {}, "says": ""},
        "started_s": T0_s, "speed": 1.0, "seed": 1, "lease_s": 2.0, "version": "0.1.0",
        "actions": True,
    }  # fmt: skip
    return {
        "kind": "hello", "time_s": T0_s, "run": described | run, "totals": dict(TOTALS),
        "boards": [{"board_id": board_id, **BOARD} for board_id in (1, 2)],
        "transfers": [], "config": {}, "ledger": None,
        "policies": ["oblivious-share", "online-average"],
    }  # fmt: skip


class Crowd:
    """A hub, and an engine that obeys at once and remembers what it was asked."""

    def __init__(self, **run: Any) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.unanswered: set[str] = set()  # actions that last longer than a test
        self.hub = WindowHub(hello(**run), self._ask)
        self.time_s = T0_s

    def _ask(self, line: dict[str, Any]) -> None:
        self.asked.append((line["action"], line["args"]))
        state = {"pause": "paused", "resume": "running", "stop": "stopped"}.get(line["action"])
        if state:
            self.tell("Facts", run={"state": state})
        if line["action"] not in self.unanswered:
            self.hub.take({"kind": "answer", "id": line["id"], "status": 200, "body": {}})

    def tell(self, event: str, **fields: Any) -> None:
        self.time_s += 0.1
        record = {"event": event, "time_s": self.time_s, **fields}
        self.hub.take({"kind": "event", "record": record})

    def start(self, transfer_id: int = 7, ptx: int = 1, prx: int = 2) -> None:
        pair = {"transfer_id": transfer_id, "ptx": ptx, "prx": prx}
        self.tell("TransferStarted", **pair, energy_max_mJ=7500)

    def progress(self, sent_mW: int = 5000, received_mW: int = 3200, transfer_id: int = 7) -> None:
        pair = {"transfer_id": transfer_id, "ptx": 1, "prx": 2}
        self.tell(
            "Progress", **pair, sent_mW=sent_mW, received_mW=received_mW, sent_mJ=2500,
            received_mJ=1600, ptx_soc_permille=632, prx_soc_permille=301, sent_age_s=0.1,
            received_age_s=0.3,
        )  # fmt: skip

    def end(self, transfer_id: int = 7) -> None:
        pair = {"transfer_id": transfer_id, "ptx": 1, "prx": 2}
        self.tell("TransferEnded", **pair, ept_ptx="ENERGY_BUDGET", ept_prx="PEER_ENDED")

    def settle(self, transfer_id: int = 7) -> None:
        booked = {"sent_mJ": 7500, "received_mJ": 4800, "loss_mJ": 2700}
        self.tell("Settled", transfer_id=transfer_id, state="settled", **booked)


async def until(done: Any, timeout_s: float = 10.0) -> None:
    """Wait for `done()` to be true; the assertion shows what it is otherwise."""
    end_s = time.monotonic() + timeout_s
    while not done() and time.monotonic() < end_s:  # noqa: ASYNC110 - any condition will do
        await asyncio.sleep(0.02)
    assert done()
