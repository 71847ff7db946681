# SPDX-License-Identifier: MIT
"""PURE: the power that flows now, from the transfers of a snapshot that have not ended."""

from typing import Any

Snapshot = dict[str, Any]
_SIDES = {"sent_mW": "ptx", "received_mW": "prx"}


def running(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [each for each in snapshot["transfers"] if each["ended_s"] is None]


def power_W(snapshot: Snapshot, field: str, board_id: int | None = None) -> float:
    """Return "sent_mW" or "received_mW" in all, or of one board; nothing yet heard counts 0."""
    side = _SIDES[field]
    flows = (each for each in running(snapshot) if board_id in {None, each[side]})
    return sum(each[field] or 0 for each in flows) / 1000
