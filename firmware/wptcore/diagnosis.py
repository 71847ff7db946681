# SPDX-License-Identifier: MIT
"""What stands against charging: the declared faults, debounced, latched, cleared. Decides nothing.

After foxBMS's diagnosis table: a condition counts once it has lasted, and is gone once it has
been gone for a while. Which, and for how long, is in wptcore/declared.py.
"""

from wptcore import ept
from wptcore.declared import END, FAULTS, LATCH


class Diagnosis:
    """`latched`: the codes that stood when the power failed."""

    def __init__(self, latched: bytes = b""):
        self._index = {}
        for i in range(len(FAULTS)):
            self._index[FAULTS[i][0]] = i
        self._raised = [False] * len(FAULTS)
        self._time_ms = [0] * len(FAULTS)  # how long the opposite of `raised` has lasted
        self.changed = False  # a latch came or went: it has to be saved
        for code in latched:
            if code in self._index:
                self._raised[self._index[code]] = True

    def observe(self, code: int, present: bool, dt_ms: int) -> None:
        """The condition is, or is not, there; `dt_ms` since it was observed last."""
        i = self._index[code]
        if present == self._raised[i]:
            self._time_ms[i] = 0
            return
        row = FAULTS[i]
        if not present and row[1] == LATCH:
            return
        if self._time_ms[i] >= (row[2] if present else row[3]):
            self._raised[i] = present
            self._time_ms[i] = 0
            self.changed = self.changed or row[1] == LATCH
        else:
            self._time_ms[i] += dt_ms

    def trip(self, code: int) -> None:
        """At once, whatever the table's time."""
        i = self._index[code]
        if not self._raised[i]:
            self._raised[i] = True
            self._time_ms[i] = 0
            self.changed = self.changed or FAULTS[i][1] == LATCH

    def clear(self, code: int) -> None:
        """A latch, by the host's authentic word."""
        if self.stands_latched(code):
            i = self._index[code]
            self._raised[i] = False
            self._time_ms[i] = 0
            self.changed = True

    def declares(self, code: int) -> bool:
        return code in self._index

    def stands(self, code: int) -> bool:
        return self._raised[self._index[code]]

    def stands_latched(self, code: int) -> bool:
        i = self._index.get(code, -1)
        return i >= 0 and self._raised[i] and FAULTS[i][1] == LATCH

    @property
    def latch(self) -> int:
        """A latched code, or NONE."""
        return self._first(LATCH)

    @property
    def blocking(self) -> int:
        """A code that forbids any transfer, or NONE."""
        code = self._first(LATCH)
        return code if code != ept.NONE else self._first(END)

    def _first(self, severity: int) -> int:
        for i in range(len(FAULTS)):
            if self._raised[i] and FAULTS[i][1] == severity:
                return FAULTS[i][0]
        return ept.NONE

    def codes(self, only_latched: bool = False) -> bytes:
        """All that stand, in the table's order; allocates."""
        return bytes(
            FAULTS[i][0]
            for i in range(len(FAULTS))
            if self._raised[i] and (FAULTS[i][1] == LATCH or not only_latched)
        )
