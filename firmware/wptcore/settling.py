# SPDX-License-Identifier: MIT
"""When a fuel gauge's charge can be believed after the gauge has started anew.

A gauge that starts guesses the charge from the cell's voltage of that moment. A load makes the
guess too low, and a cell that has just been charged makes it too high, for minutes. So the charge
is unknown until the cell has rested; then the gauge is told to guess again.
"""

from wptcore.compat import const

REST_ms = const(180_000)  # a cell relaxes with a time constant of one to two minutes
_REST_mA = const(20)
_GUESS_ms = const(250)  # a MAX17048 has a charge 192 ms after it was told to guess
_SETTLED = const(0)
_RESTING = const(1)
_GUESSING = const(2)


class Settling:
    """Events in; `settled` and `guess_due` out."""

    def __init__(self):
        self._state = _SETTLED
        self._since_ms = 0

    @property
    def settled(self) -> bool:
        return self._state == _SETTLED

    @property
    def guess_due(self) -> bool:
        """The cell has rested: the gauge may guess now. Call `on_guess` when it was told to."""
        return self._state == _RESTING and self._since_ms >= REST_ms

    def on_reset(self) -> None:
        """Note that the gauge has started anew, at the latest now."""
        if self._state == _SETTLED:
            self._state = _RESTING
            self._since_ms = 0

    def on_guess(self) -> None:
        self._state = _GUESSING
        self._since_ms = 0

    def add(self, current_mA: int, dt_ms: int) -> None:
        """Time passes; a current of either sign ends a rest."""
        if -_REST_mA < current_mA < _REST_mA:
            self._since_ms += dt_ms
            if self._state == _GUESSING and self._since_ms >= _GUESS_ms:
                self._state = _SETTLED
        else:
            self._since_ms = 0
            if self._state == _GUESSING:  # the guess was made under load
                self._state = _RESTING
