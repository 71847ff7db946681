# SPDX-License-Identifier: MIT
"""PURE: the last quarter of an hour as curves, one point a second, so a new page is not empty."""

from collections import deque
from collections.abc import Mapping
from typing import Any

STEP_s = 1.0
POINTS_MAX = 900


class Curves:
    """Power sent and received in all, and the charge of each board; None where not known."""

    def __init__(self, shown: Mapping[str, Any] | None = None) -> None:
        shown = shown or {"since_s": None, "soc": {}, "sent_mW": [], "received_mW": []}
        self._since_s: float | None = shown["since_s"]
        self._sent_mW = deque(shown["sent_mW"], POINTS_MAX)
        self._received_mW = deque(shown["received_mW"], POINTS_MAX)
        self._soc = {int(board): deque(soc, POINTS_MAX) for board, soc in shown["soc"].items()}

    def reach(
        self, time_s: float, soc_pct: Mapping[int, float | None], sent_mW: int, received_mW: int
    ) -> None:
        """Add the points up to `time_s`, at which these values hold."""
        if self._since_s is None:
            self._since_s = time_s
        missing = int((time_s - self._since_s) / STEP_s) + 1 - len(self._sent_mW)
        if missing > POINTS_MAX:  # after a long silence nothing of what was is left
            self._sent_mW.clear()
            self._received_mW.clear()
            self._soc.clear()
            self._since_s, missing = time_s, 1
        for _ in range(missing):
            self._add(soc_pct, sent_mW, received_mW)

    def _add(self, soc_pct: Mapping[int, float | None], sent_mW: int, received_mW: int) -> None:
        points = len(self._sent_mW)
        for board_id in soc_pct.keys() - self._soc.keys():
            self._soc[board_id] = deque([None] * points, POINTS_MAX)
        for board_id, soc in self._soc.items():
            soc.append(soc_pct.get(board_id))
        self._sent_mW.append(sent_mW)
        self._received_mW.append(received_mW)
        if points == POINTS_MAX and self._since_s is not None:
            self._since_s += STEP_s

    def shown(self) -> dict[str, Any]:
        return {
            "since_s": self._since_s,
            "step_s": STEP_s,
            "soc": {str(board_id): list(soc) for board_id, soc in sorted(self._soc.items())},
            "sent_mW": list(self._sent_mW),
            "received_mW": list(self._received_mW),
        }
