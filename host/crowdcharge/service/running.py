# SPDX-License-Identifier: MIT
"""PURE: which transfers run, and whose power counts in a sum."""

from collections.abc import Mapping
from typing import Any

Shown = Mapping[str, Any]


def runs(transfer: Shown) -> bool:
    """Tell whether a transfer runs; one of an earlier run, whose times are not known, does not."""
    begun = transfer["started_s"] is not None and transfer["ended_s"] is None
    return begun and bool(transfer["state"] == "open")


def counts(transfer: Shown) -> bool:
    """Tell whether both meters speak of the same moment, so that one may be held to the other."""
    sent_mW, received_mW = transfer["sent_mW"], transfer["received_mW"]
    return None not in {sent_mW, received_mW} and 0 < received_mW <= sent_mW


def is_silent(board: Shown) -> bool:
    """Tell whether a board neither gives nor takes, whatever its last word was."""
    return board["lost"] or any(fault["stops"] for fault in board["faults"])
