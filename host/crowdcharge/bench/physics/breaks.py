# SPDX-License-Identifier: MIT
"""What lets power through a board: two breaks in series at the transmitter, one at the receiver.

The first break follows a level, the second stays closed while edges come. Both are held open while
the receiver gives voltage or USB is plugged in; the receiver's switch is held open while the
transmitter's level is high or USB is plugged in. The cuts for a hot coil and an empty cell open
the second break without firmware. The circuit is that of hardware/builds/switched.toml; its
thresholds are those which hardware/generator/cuts.py works out, without their tolerances.
A board has its processor for itself: while it transmits, what a busy machine takes is not counted.
Not modelled: the charge pump's build-up (one edge closes the second break), and chatter at a cut.
"""

from collections.abc import Callable
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
    cable_guards: bool = True  # a cable holds the transmitter's breaks open, too
    receive: bool = False
    stuck: set[str] = field(default_factory=set)  # these conduct whatever they are told
    open: set[str] = field(default_factory=set)  # these never conduct
    unlocked: set[str] = field(default_factory=set)  # the interlock does not hold these
    lost_cuts: set[str] = field(default_factory=set)
    _level: bool = False
    _pulse: bool = False
    _edge_s: float = -inf
    _edge_lost_s: float = inf

    @property
    def level(self) -> bool:
        """What the first break is told."""
        return self._level

    @level.setter
    def level(self, on: bool) -> None:
        self._level = on
        if not on:
            self._edge_lost_s = inf  # from here on the hold is exact

    def pulse(self, level: bool, now_s: float, lost_s: float = 0.0) -> bool:
        """Set the second break's pin; True if an edge closes a break that had let go.

        `lost_s`: how much bench time a busy machine has taken from the board until now.
        """
        if level == self._pulse:
            return False
        closes = not self._holds(now_s, lambda: lost_s)
        self._pulse, self._edge_s = level, now_s
        self._edge_lost_s = lost_s if self._level else inf
        return closes

    def transmits(
        self, now_s: float, around: Surroundings, lost_s: Callable[[], float] = float
    ) -> bool:
        """Tell whether the transmitter has its supply."""
        guarded = (around.cable and self.cable_guards) or around.received_V > _GUARD_V
        if not self._conducts(FIRST, self._level, guarded):
            return False
        held = self._holds(now_s, lost_s) and not self._is_cut(around)
        return self._conducts(SECOND, held, guarded)

    def receives(self, around: Surroundings) -> bool:
        """Tell whether the receiver feeds the cell."""
        return self._conducts(RECEIVER, self.receive, around.cable or self._level)

    def _conducts(self, name: str, told: bool, guarded: bool) -> bool:
        held_open = guarded and name not in self.unlocked
        return name in self.stuck or (told and not held_open and name not in self.open)

    def _holds(self, now_s: float, lost_s: Callable[[], float]) -> bool:
        since_s = now_s - self._edge_s
        late = since_s >= self.hold_s
        return not late or since_s - (lost_s() - self._edge_lost_s) < self.hold_s

    def _is_cut(self, around: Surroundings) -> bool:
        hot = COIL not in self.lost_cuts and around.coil_C > COIL_CUT_C
        return hot or (CELL not in self.lost_cuts and around.cell_V < CELL_CUT_V)
