# SPDX-License-Identifier: MIT
"""PURE: what the crowd says over MQTT, and what it takes: topics, payloads, commands.

docs/reference/mqtt.md is the contract.
"""

import json
import re
from collections.abc import Collection
from hashlib import sha256
from typing import Any

from crowdcharge.service.window.fields import strict_json
from crowdcharge.service.window.flows import Snapshot, own_boards, power_W, running
from crowdcharge.units import J_PER_Wh

Record = dict[str, Any]

COMMAND_BYTES_MAX = 4096
_MESSAGES = {
    "TransferStarted": "transfer",
    "TransferEnded": "transfer",
    "Settled": "transfer",
    "Refused": "transfer",
    "FaultRaised": "fault",
    "FaultCleared": "fault",
}  # the events that are told one by one, and the topic of each
_COMMAND_KEYS = {"action", "args", "id"}


class BadCommand(Exception):
    """A payload that is no allowed command; `status` as HTTP has it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Topics:
    """The topics of one site. Its name is cut down to what a topic and Home Assistant take.

    What was cut leaves six digits of the name's hash, so that no two sites share a topic.
    """

    def __init__(self, site: str) -> None:
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", site).strip("-")[:64] or "site"
        digits = sha256(site.encode(errors="surrogatepass")).hexdigest()[:6]
        self.site = plain if plain == site else f"{plain}-{digits}"
        self.top = f"crowdcharge/{self.site}"
        self.status = f"{self.top}/status"
        self.state = f"{self.top}/state"
        self.command = f"{self.top}/command"
        self.answer = f"{self.top}/answer"

    def board(self, board_id: int | str) -> str:
        """Return the topic of a board's state; "+" means all of them."""
        return f"{self.top}/board/{board_id}/state"

    def board_of(self, topic: str) -> int | None:
        """Return the board whose state this topic has, if it is one."""
        number = topic.removeprefix(f"{self.top}/board/").removesuffix("/state")
        return int(number) if re.fullmatch("[0-9]{1,5}", number) else None

    def states(self, snapshot: Snapshot) -> dict[str, str]:
        """Return every retained state, by topic. Nothing in it changes by the clock alone."""
        found = {self.state: compact(site_state(snapshot))}
        for board in own_boards(snapshot):
            found[self.board(board["board_id"])] = compact(board_state(board, snapshot))
        return found

    def message(self, seq: int, record: Record) -> tuple[str, str] | None:
        """Return topic and payload of an event that is told, else None."""
        kind = _MESSAGES.get(record["event"])
        return (f"{self.top}/{kind}", compact({"seq": seq, **record})) if kind else None


def site_state(snapshot: Snapshot) -> dict[str, Any]:
    run, totals = snapshot["run"], snapshot["totals"]
    return {
        "state": run["state"],
        "mode": run["mode"],
        "policy": run["policy"]["name"],
        "sent_W": power_W(snapshot, "sent_mW"),
        "received_W": power_W(snapshot, "received_mW"),
        "sent_Wh": _Wh(totals["sent_mJ"]),
        "received_Wh": _Wh(totals["received_mJ"]),
        "efficiency_pct": _pct(totals["efficiency"]),
        "imbalance": totals["imbalance_now"],
        "transfers": totals["transfers"],
        "running": len(running(snapshot)),
    }


def board_state(board: dict[str, Any], snapshot: Snapshot) -> dict[str, Any]:
    board_id = board["board_id"]
    return {
        "board_id": board_id,
        "soc_pct": board["soc_pct"],
        "state": board["state"],
        "lost": board["lost"],
        "forbidden": board["forbidden"],
        "faults": board["faults"],
        "floor_pct": board["floor_pct"],
        "sent_W": power_W(snapshot, "sent_mW", board_id),
        "received_W": power_W(snapshot, "received_mW", board_id),
        "sent_Wh": _Wh(board["sent_mJ"]),
        "received_Wh": _Wh(board["received_mJ"]),
        "coil_C": board["coil_C"],
    }


def command(payload: bytes, allowed: Collection[str]) -> tuple[str, dict[str, Any], Any]:
    """Return the action, its arguments and the sender's id; BadCommand for anything else."""
    if len(payload) > COMMAND_BYTES_MAX:
        raise BadCommand(413, f"a command has at most {COMMAND_BYTES_MAX} bytes")
    try:
        asked = strict_json(payload)
    except ValueError:
        raise BadCommand(400, "a command is one JSON object") from None
    if not isinstance(asked, dict) or not isinstance(asked.get("action"), str):
        raise BadCommand(400, 'a command is one JSON object with "action"')
    args, sender = asked.get("args", {}), asked.get("id")
    if asked.keys() - _COMMAND_KEYS or not isinstance(args, dict):
        raise BadCommand(400, 'a command holds "action", "args" (an object) and "id"')
    if not isinstance(sender, str | int | None):
        raise BadCommand(400, '"id" is a text or a whole number')
    if asked["action"] not in allowed:
        raise BadCommand(403, "[mqtt] commands does not name this action")
    return asked["action"], args, sender


def answer(status: int, text: str | None, action: str | None = None, sender: Any = None) -> str:
    """Return the payload of an answer; `text` None: done."""
    return compact({"id": sender, "action": action, "status": status, "problem": text})


def _Wh(energy_mJ: int | None) -> float | None:
    return None if energy_mJ is None else round(energy_mJ / 1000 / J_PER_Wh, 6)


def _pct(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio * 100, 1)


def compact(value: Any) -> str:
    """Return JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
