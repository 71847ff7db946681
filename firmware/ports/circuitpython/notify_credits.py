# SPDX-License-Identifier: MIT
"""How many notifications may be under way to a central that does not answer.

On the nRF52840 `Characteristic.value = ...` waits in C while the SoftDevice's queue is full (10
places: ports/nrf/common-hal/_bleio/Adapter.c), and only the link's supervision timeout, 32 s at
most, ends the wait. So the queue never fills: each frame that comes shows that the central is
there and restores all four credits, and time restores one in eight seconds: eight at most.
"""

CREDITS_MAX = 4
REFILL_ms = 8000
_FOR_REPLIES = 2  # values that change by themselves leave these to the answers


class Credits:
    def __init__(self):
        self._left = CREDITS_MAX
        self._since_ms = 0

    def refill(self) -> None:
        self._left = CREDITS_MAX
        self._since_ms = 0

    def elapse(self, dt_ms: int) -> None:
        self._since_ms += dt_ms
        if self._since_ms >= REFILL_ms:
            self._since_ms = 0
            self._left = min(self._left + 1, CREDITS_MAX)

    def take(self, for_reply: bool) -> bool:
        """Return whether one more may be sent, and count it."""
        if self._left <= (0 if for_reply else _FOR_REPLIES):
            return False
        self._left -= 1
        return True
