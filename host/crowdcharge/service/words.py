# SPDX-License-Identifier: MIT
"""PURE: faults and ends in plain words, all of them from the declared texts."""

from collections.abc import Mapping
from typing import Any

from crowdcharge.boards import codes
from wptcore import ept

_CODES = {name: code for code, name in codes.NAMES.items()}
_CLEARED = {
    "host": "host",
    "person": "button",
    "repair": "repair",
}
# Kinds of trouble without whose end nothing can be done, and what each means.
GRAVE = {"LedgerError": "The ledger is not written", "NoAdapter": "The adapter is gone"}


def fault_shown(code: int) -> dict[str, Any]:
    """Return a fault that stands; `clear_by` None: it goes by itself with its cause.

    `stops`: no power flows while it stands; else it is a warning.
    """
    return {
        "code": code,
        "name": codes.name(code),
        "text": codes.text(code),
        "way_out": codes.WAYS_OUT.get(code, ""),
        "clear_by": _CLEARED.get(codes.CLEAR_BY.get(code, "")),
        "stops": codes.is_problem(code),
    }


def policy_says(policy: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy by name, with the sentence in which it says why it wants what it wants."""
    says = getattr(policy, "says", "")
    return {"name": policy.name, "options": dict(options), "says": says}


def reason(name: str | None) -> str:
    """Why one side ended, by EPT name; None: it could not be asked."""
    if name is None:
        return "it could not be asked"
    return codes.text(_CODES[name]) if name in _CODES else name


def why_ended(record: Mapping[str, Any]) -> str:
    """Why a transfer ended: the reason of the side that ended it, as the other only followed."""
    sides = {record["ptx"]: record["ept_ptx"], record["prx"]: record["ept_prx"]}
    followed = codes.name(ept.PEER_ENDED)
    causes = {board: name for board, name in sides.items() if name != followed and board} or sides
    reasons = dict.fromkeys(map(reason, causes.values()))
    if len(reasons) == 1:
        return sentence(next(iter(reasons)))
    return " ".join(sentence(f"board {board}: {reason(name)}") for board, name in causes.items())


def explained(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record, and under "text" what its codes mean, if it has any."""
    if record["event"] == "TransferEnded":
        return {**record, "text": why_ended(record)}
    if record["event"] in {"FaultRaised", "FaultCleared"}:
        stops = codes.is_problem(record["code"])
        return {**record, "text": reason(record["name"]), "stops": stops}
    if record["event"] == "Refused":
        return {**record, "text": reason(record["name"])}
    return dict(record)


def sentence(text: str) -> str:
    """Return a declared text as a sentence of its own."""
    return text[:1].upper() + text[1:] + "."
