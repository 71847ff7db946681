# SPDX-License-Identifier: MIT
"""How much of a board's day other crowds get at most; loaded only where an agreement says so."""

import struct

from wptcore.compat import const

QUOTAS_MAX = const(8)  # counts that the journal keeps
_ROW = "<II"  # crowd, mJ
_ROW_SIZE = const(8)


class Quotas:
    """`day_max_mJ`: by the number of a crowd; `given`: what crowds got of the day, as saved."""

    def __init__(self, day_max_mJ: dict, given: bytes):
        self._day_max_mJ = day_max_mJ
        rows = range(0, len(given), _ROW_SIZE)
        self._given_mJ = dict(struct.unpack_from(_ROW, given, at) for at in rows)
        self._given_mJ.pop(0, None)  # no crowd has this number

    def left_mJ(self, crowd: int) -> int:
        """Return what the crowd may still get of the day; a crowd without a quota: 0xFFFFFFFF."""
        if crowd not in self._day_max_mJ:
            return 0xFFFFFFFF
        if crowd not in self._given_mJ and len(self._given_mJ) >= QUOTAS_MAX:
            return 0  # agreements that ended today still count, and there is room for no more
        return max(self._day_max_mJ[crowd] - self._given_mJ.get(crowd, 0), 0)

    def count(self, crowd: int, energy_mJ: int) -> None:
        if crowd in self._day_max_mJ:
            self._given_mJ[crowd] = self._given_mJ.get(crowd, 0) + energy_mJ

    def clear(self) -> None:
        """Begin a new day."""
        self._given_mJ.clear()

    def saved(self, crowd: int, reserve_mJ: int) -> bytes:
        """Return the counts to store; `reserve_mJ` may yet flow to `crowd`."""
        given_mJ = self._given_mJ.copy()
        if crowd in self._day_max_mJ:
            given_mJ[crowd] = given_mJ.get(crowd, 0) + reserve_mJ
        return b"".join(struct.pack(_ROW, *row) for row in given_mJ.items())
