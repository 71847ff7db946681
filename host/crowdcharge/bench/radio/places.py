# SPDX-License-Identifier: MIT
"""PURE: where the radios of a bench are, how loud they hear each other, and whether at all.

A path loss of 20 dB for ten times the distance, as in free space; walls are not modelled. A radio
that was put nowhere is at the origin, and one without a range of its own is heard everywhere.
"""

import math
from collections.abc import Sequence

NEAR_m = 1.0  # nearer is not louder
NEAR_dBm = -55.0
_LOSS_dB = 20.0  # for ten times the distance
_ORIGIN = (0.0, 0.0)


class RadioPlaces:
    """Radios by their address, as the air names them."""

    def __init__(self) -> None:
        self._at: dict[str, tuple[float, float]] = {}
        self._range_m: dict[str, float] = {}

    def put(self, address: str, place_m: Sequence[float], range_m: float = math.inf) -> None:
        self._at[address] = (place_m[0], place_m[1])
        if range_m < math.inf:
            self._range_m[address] = range_m

    def move(self, address: str, place_m: Sequence[float]) -> None:
        self._at[address] = (place_m[0], place_m[1])

    def distance_m(self, a: str, b: str) -> float:
        return math.dist(self._at.get(a, _ORIGIN), self._at.get(b, _ORIGIN))

    def signal_dBm(self, tx: str, rx: str) -> float:
        """Return the mean of what `rx` receives from `tx`."""
        return NEAR_dBm - _LOSS_dB * math.log10(max(self.distance_m(tx, rx), NEAR_m) / NEAR_m)

    def in_range(self, a: str, b: str) -> bool:
        if not self._range_m:
            return True
        range_m = min(self._range_m.get(a, math.inf), self._range_m.get(b, math.inf))
        return self.distance_m(a, b) <= range_m
