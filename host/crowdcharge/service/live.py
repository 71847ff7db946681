# SPDX-License-Identifier: MIT
"""PURE: what a run looks like now, from a hello and the records that came after it.

The engine and its window each keep one; what a hello carries is the engine's own snapshot, so a
window that starts anew knows all that the last one knew. Four rules make the picture honest: a
charge that is known is never forgotten; a charge counts only from a board's own authenticated
word, never from an advert; efficiency is that of settled transfers, as the ledger has them; each
side of a power figure carries its age, and counts in a sum only once both speak of one moment.

Every time is in seconds of the unix clock.
"""

from collections.abc import Callable, Mapping
from typing import Any

from crowdcharge.service.curves import Curves
from crowdcharge.service.groups import group_now, groups_of, whole_groups
from crowdcharge.service.running import counts, is_silent, runs
from crowdcharge.service.words import fault_shown, why_ended

TRANSFERS_SHOWN = 50
_OPEN = "open"

Shown = dict[str, Any]

_BOARD: Shown = {
    "has_key": False,
    "soc_pct": None, "state": None, "faults": [], "floor_pct": None, "resume_pct": None,
    "capacity_mJ": None, "power_max_mW": None, "power_allowed_mW": None, "contacts": [],
    "heard_s": None, "lost": False, "forbidden": False, "sent_mJ": None, "received_mJ": None,
    "coil_C": None, "rssi_dBm": None, "radio": None, "waits": None,
}  # fmt: skip
NO_TRANSFER: Shown = {
    "state": _OPEN, "started_s": None, "ended_s": None, "energy_max_mJ": None,
    "sent_mW": None, "sent_heard_s": None, "received_mW": None, "received_heard_s": None,
    "sent_mJ": 0, "received_mJ": 0, "loss_mJ": None, "ept_ptx": None, "ept_prx": None,
    "text": None, "group_id": None, "group_rule": None,
}  # fmt: skip


class Live:
    """Begin with a hello, `apply` each record in order, and ask for a `snapshot` at any time."""

    def __init__(self, hello: Mapping[str, Any]) -> None:
        self.seq: int = hello.get("seq", 0)
        self.time_s: float = hello.get("time_s", 0.0)
        self.run: Shown = dict(hello.get("run", {}))
        self.totals: Shown = dict(hello.get("totals", {}))
        self.next: list[Shown] = list(hello.get("next", []))
        self.boards = {
            board["board_id"]: _remembered(_BOARD, board, self.time_s)
            for board in hello.get("boards", [])
        }
        self.transfers = {
            each["transfer_id"]: _remembered(NO_TRANSFER, each, self.time_s)
            for each in hello.get("transfers", [])
        }
        self._curves = Curves(hello.get("curves"))
        self._handlers: dict[str, Callable[[Shown], None]] = {
            "Facts": self._facts,
            "BoardSeen": self._seen,
            "BoardLost": self._lost,
            "BoardReading": lambda record: self._charge(record["board_id"], record),
            "FaultRaised": self._fault_raised,
            "FaultCleared": self._fault_cleared,
            "TransferStarted": self._started,
            "Progress": self._progress,
            "TransferEnded": self._ended,
            "Settled": self._settled,
        }

    def apply(self, record: Mapping[str, Any]) -> int:
        """Take one record; return its number. An event of another kind only moves the time."""
        self.seq += 1
        self.time_s = max(self.time_s, record["time_s"])
        handler = self._handlers.get(record["event"])
        if handler is not None:
            handler(dict(record))
        socs = {board_id: board["soc_pct"] for board_id, board in self.boards.items()}
        self._curves.reach(self.time_s, socs, *self._power_mW())
        return self.seq

    def has_key(self, board_id: int) -> bool:
        """Tell a board of ours from one that anybody may advertise."""
        return bool(self.boards.get(board_id, _BOARD)["has_key"])

    def snapshot(self, curves: bool = True) -> Shown:
        """Return the whole picture as JSON has it; ages are as of the newest record."""
        groups = groups_of(self.transfers.values())
        shown = {
            "seq": self.seq,
            "time_s": self.time_s,
            "run": dict(self.run),
            "boards": [
                self._aged(board) | {"group_id": group_now(groups, board_id)}
                for board_id, board in sorted(self.boards.items())
            ],
            "transfers": [self._aged(each) for each in self.transfers.values()],
            "groups": groups,
            "totals": dict(self.totals),
            "next": list(self.next),
        }
        return shown | {"curves": self._curves.shown()} if curves else shown

    def _aged(self, facts: Shown) -> Shown:
        """Turn the times at which something was heard into ages."""
        shown = {}
        for name, value in facts.items():
            if name.endswith("heard_s"):
                age_s = None if value is None else round(max(self.time_s - value, 0.0), 3)
                shown[name.removesuffix("heard_s") + "age_s"] = age_s
            else:
                shown[name] = value
        return shown

    def _power_mW(self) -> tuple[int, int]:
        """Return what is sent and received in all, as far as it is known of one moment."""
        silent = {key for key, board in self.boards.items() if is_silent(board)}
        counted = [
            each
            for each in self.transfers.values()
            if runs(each) and counts(each) and silent.isdisjoint((each["ptx"], each["prx"]))
        ]
        sent_mW = sum(each["sent_mW"] for each in counted)
        return sent_mW, sum(each["received_mW"] for each in counted)

    # -- what each record changes --

    def _board(self, board_id: int) -> Shown:
        return self.boards.setdefault(board_id, {"board_id": board_id, **_BOARD})

    def _facts(self, record: Shown) -> None:
        """Take what the engine says of the whole: only what has changed since its last word."""
        self.run |= record.get("run", {})
        self.totals |= record.get("totals", {})
        self.next = record.get("next", self.next)
        for facts in record.get("boards", []):
            self._board(facts["board_id"]).update(facts)

    def _seen(self, record: Shown) -> None:
        seen = {"lost": False, "heard_s": record["time_s"], "rssi_dBm": record["rssi_dBm"]}
        self._board(record["board_id"]).update(seen)

    def _lost(self, record: Shown) -> None:
        self._board(record["board_id"]).update(lost=True)

    def _charge(self, board_id: int, record: Shown, key: str = "soc_permille") -> None:
        board, soc_permille = self._board(board_id), record[key]
        board["heard_s"] = record["time_s"]
        if soc_permille is not None:
            board["soc_pct"] = soc_permille / 10

    def _fault_raised(self, record: Shown) -> None:
        self._fault_cleared(record)
        self._board(record["board_id"])["faults"].append(fault_shown(record["code"]))

    def _fault_cleared(self, record: Shown) -> None:
        board = self._board(record["board_id"])
        board["faults"] = [each for each in board["faults"] if each["code"] != record["code"]]

    def _transfer(self, record: Shown) -> Shown:
        parties = {name: record[name] for name in ("transfer_id", "ptx", "prx")}
        transfer = self.transfers.get(record["transfer_id"])
        if transfer is None:
            transfer = {**parties, **NO_TRANSFER, "started_s": record["time_s"]}
            self.transfers[record["transfer_id"]] = transfer
        return transfer

    def _forget_old(self) -> None:
        ended = [key for key, each in self.transfers.items() if not runs(each)]
        old = ended[: max(len(ended) - TRANSFERS_SHOWN, 0)]
        for key in whole_groups(old, self.transfers):
            del self.transfers[key]

    def _started(self, record: Shown) -> None:
        names = ("energy_max_mJ", "group_id", "group_rule")
        self._transfer(record).update({name: record.get(name) or None for name in names})

    def _progress(self, record: Shown) -> None:
        transfer = self._transfer(record)
        for side, board in (("sent", "ptx"), ("received", "prx")):
            age_s = record[f"{side}_age_s"]
            if age_s is None:
                continue
            heard_s = record["time_s"] - age_s
            transfer[f"{side}_mW"] = record[f"{side}_mW"]
            transfer[f"{side}_mJ"] = record[f"{side}_mJ"]
            transfer[f"{side}_heard_s"] = heard_s
            told = {"time_s": heard_s, "soc_permille": record[f"{board}_soc_permille"]}
            self._charge(record[board], told)

    def _ended(self, record: Shown) -> None:
        ends = {"ept_ptx": record["ept_ptx"], "ept_prx": record["ept_prx"]}
        self._transfer(record).update(
            ends, ended_s=record["time_s"], sent_mW=0, received_mW=0, text=why_ended(record)
        )
        self._forget_old()

    def _settled(self, record: Shown) -> None:
        self.totals |= record.get("totals", {})
        transfer = self.transfers.get(record["transfer_id"])
        if transfer is not None:
            names = ("state", "sent_mJ", "received_mJ", "loss_mJ")
            transfer.update({name: record[name] for name in names})
            transfer["ended_s"] = transfer["ended_s"] or record["time_s"]


def _remembered(empty: Shown, shown: Mapping[str, Any], time_s: float) -> Shown:
    """Undo `_aged`: facts as a snapshot of `time_s` shows them, with times in place of ages."""
    facts: Shown = {}
    for name, value in shown.items():
        if name.endswith("age_s"):
            heard_s = None if value is None else time_s - value
            facts[name.removesuffix("age_s") + "heard_s"] = heard_s
        else:
            facts[name] = value
    return {**empty, **facts}
