# SPDX-License-Identifier: MIT
"""The declared faults, debounced, latched and cleared. Decides nothing.

As in foxBMS's diagnosis table, a condition counts once it has lasted for a while, and stops
counting once it has been absent for a while. wptcore/declared.py has the times.
"""

from wptcore import ept
from wptcore.declared import CLEAR_BY, END, FAULTS, LATCH


class Diagnosis:
    """`latched`: the codes that stood when the power failed."""

    def __init__(self, latched: bytes = b""):
        self._index = {}
        for i in range(len(FAULTS)):
            self._index[FAULTS[i][0]] = i
        self._raised = [False] * len(FAULTS)
        self._time_ms = [-1] * len(FAULTS)  # how long the opposite was seen; -1: it is not
        self.changed = False  # a latch was raised or cleared and must be saved
        for code in latched:
            if code in self._index:
                self._raised[self._index[code]] = True

    def observe(self, code: int, present: bool, dt_ms: int) -> None:
        """Note whether the condition is present; `dt_ms`: since it was last observed.

        Time counts between two observations only: before the first one nobody has looked.
        """
        i = self._index[code]
        if present == self._raised[i]:
            self._time_ms[i] = -1
            return
        row = FAULTS[i]
        if not present and row[1] == LATCH:
            return
        self._time_ms[i] = 0 if self._time_ms[i] < 0 else self._time_ms[i] + dt_ms
        if self._time_ms[i] >= (row[2] if present else row[3]):
            self._raised[i] = present
            self._time_ms[i] = -1
            self.changed = self.changed or row[1] == LATCH

    def trip(self, code: int) -> None:
        """Raise a fault at once, whatever time the table gives."""
        i = self._index[code]
        if not self._raised[i]:
            self._raised[i] = True
            self._time_ms[i] = -1
            self.changed = self.changed or FAULTS[i][1] == LATCH

    def clear(self, code: int) -> None:
        """Clear a latched fault; the board has asked whether it may."""
        if self.stands_latched(code):
            i = self._index[code]
            self._raised[i] = False
            self._time_ms[i] = -1
            self.changed = True

    def declares(self, code: int) -> bool:
        return code in self._index

    def stands(self, code: int) -> bool:
        return self._raised[self._index[code]]

    def stands_latched(self, code: int) -> bool:
        i = self._index.get(code, -1)
        return i >= 0 and self._raised[i] and FAULTS[i][1] == LATCH

    def clear_by(self, code: int) -> int:
        """Who may clear a latched fault: declared.BY_HOST and its like."""
        return CLEAR_BY[code]

    @property
    def latch(self) -> int:
        """The first latched code, or NONE."""
        return self._first(LATCH)

    @property
    def blocking(self) -> int:
        """A code that forbids every transfer, or NONE."""
        code = self._first(LATCH)
        return code if code != ept.NONE else self._first(END)

    def _first(self, severity: int) -> int:
        for i in range(len(FAULTS)):
            if self._raised[i] and FAULTS[i][1] == severity:
                return FAULTS[i][0]
        return ept.NONE

    def codes(self, only_latched: bool = False) -> bytes:
        """Return all that stand, in the table's order; this allocates."""
        return bytes(
            FAULTS[i][0]
            for i in range(len(FAULTS))
            if self._raised[i] and (FAULTS[i][1] == LATCH or not only_latched)
        )
