# SPDX-License-Identifier: MIT
"""PURE: what outlets take from a snapshot: boards that have a key, and power that flows now.

Anyone may advertise any board; one without a key is on the page, where it costs nothing. Others
would keep it for ever as a device or a series of its own.
"""

from typing import Any

from crowdcharge.service.running import runs

Snapshot = dict[str, Any]
_SIDES = {"sent_mW": "ptx", "received_mW": "prx"}


def own_boards(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [board for board in snapshot["boards"] if board["has_key"]]


def running(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [each for each in snapshot["transfers"] if runs(each)]


def power_W(snapshot: Snapshot, field: str, board_id: int | None = None) -> float:
    """Return "sent_mW" or "received_mW" in all, or of one board; nothing yet heard counts 0."""
    side = _SIDES[field]
    flows = (each for each in running(snapshot) if board_id in {None, each[side]})
    return sum(each[field] or 0 for each in flows) / 1000
