# SPDX-License-Identifier: MIT
"""What lets power through a board: two breaks in series at the transmitter, one at the receiver.

The first break follows a level, the second stays closed while edges come. Both are held open while
the receiver gives voltage or USB is plugged in; the receiver's switch is held open while the
transmitter's level is high or USB is plugged in. The cuts for a hot coil and an empty cell open
the second break without firmware. The circuit is that of hardware/builds/switched.toml; its
thresholds are those which hardware/generator/cuts.py works out, without their tolerances.
Not modelled: the charge pump's build-up (one edge closes the second break), and chatter at a cut.
"""

from dataclasses import dataclass, field
from math import inf

COIL_CUT_C = 70.4
CELL_CUT_V = 2.93
_GUARD_V = 3.0  # at the receiver's output, what turns the interlock's transistors on
FIRST, SECOND, RECEIVER = SWITCHES = ("first", "second", "receiver")
COIL, CELL = CUTS = ("coil", "cell")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What acts on the switches besides the firmware."""

    cable: bool
    received_V: float
    coil_C: float
    cell_V: float


@dataclass(slots=True)
class Breaks:
    """`hold_s`: how long the second break stays closed after an edge; the sets are faults."""

    hold_s: float
    level: bool = False
    receive: bool = False
    stuck: set[str] = field(default_factory=set)  # these conduct whatever they are told
    open: set[str] = field(default_factory=set)  # these never conduct
    unlocked: set[str] = field(default_factory=set)  # the interlock does not hold these
    lost_cuts: set[str] = field(default_factory=set)
    _pulse: bool = False
    _edge_s: float = -inf

    def pulse(self, level: bool, now_s: float) -> bool:
        """Set the second break's pin; True if an edge closes a break that had let go."""
        if level == self._pulse:
            return False
        closes = not self._holds(now_s)
        self._pulse, self._edge_s = level, now_s
        return closes

    def transmits(self, now_s: float, around: Surroundings) -> bool:
        """Tell whether the transmitter has its supply."""
        guarded = around.cable or around.received_V > _GUARD_V
        first = self._conducts(FIRST, self.level, guarded)
        held = self._holds(now_s) and not self._is_cut(around)
        return first and self._conducts(SECOND, held, guarded)

    def receives(self, around: Surroundings) -> bool:
        """Tell whether the receiver feeds the cell."""
        return self._conducts(RECEIVER, self.receive, around.cable or self.level)

    def _conducts(self, name: str, told: bool, guarded: bool) -> bool:
        held_open = guarded and name not in self.unlocked
        return name in self.stuck or (told and not held_open and name not in self.open)

    def _holds(self, now_s: float) -> bool:
        return now_s - self._edge_s < self.hold_s

    def _is_cut(self, around: Surroundings) -> bool:
        hot = COIL not in self.lost_cuts and around.coil_C > COIL_CUT_C
        return hot or (CELL not in self.lost_cuts and around.cell_V < CELL_CUT_V)
