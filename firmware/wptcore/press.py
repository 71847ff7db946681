# SPDX-License-Identifier: MIT
"""A press of the button: the board agrees on a key with one stranger, whose owner presses, too.

X25519 on a fresh secret, some steps of the ladder a pass, and nothing of it is kept. That keeps
out who listens. Who answers in the place of the other board gets what 1 W, DURATION_MAX_ms, the
meters and the coils let him have (docs/adr/0034).
"""

import struct

from wptcore import ept
from wptcore.auth import hmac_sha256
from wptcore.compat import const
from wptcore.x25519 import BASE_POINT, KEY_SIZE, Ladder

WINDOW_ms = const(10_000)  # the second press comes within it
DURATION_MAX_ms = const(600_000)
_AGREEING_MAX_ms = const(15_000)  # from the stranger's key to the grant
_STEPS = const(16)  # of the ladder a pass: some 15 ms of an ESP32-S3
_KEY = b"crowdcharge strangers"


class Press:
    """`random_bytes`: `os.urandom`. `key`: what was agreed with board `other`, or b""."""

    def __init__(self, sha256, random_bytes):
        self._sha256 = sha256
        self._random = random_bytes
        self.close()

    def close(self) -> None:
        """Forget everything: nobody agrees before the next press."""
        self.left_ms = 0
        self.other = 0
        self.public = b""  # to show; empty while it is computed
        self.key = b""
        self._secret = b""
        self._other_public = b""
        self._message = b""  # who agrees, and by which public keys
        self._ladder: "Ladder | None" = None

    def open(self) -> None:
        self.close()
        self.left_ms = WINDOW_ms
        self._secret = self._random(KEY_SIZE)
        self._ladder = Ladder(self._secret, BASE_POINT)

    def elapse(self, dt_ms: int) -> None:
        if self.left_ms:
            self.left_ms -= dt_ms
            if self.left_ms <= 0:
                self.close()

    def extend(self) -> None:
        """Leave time to agree, because the other one was pressed within the window."""
        if self.left_ms:
            self.left_ms = _AGREEING_MAX_ms

    def agree(self, other: int, public: bytes, taker: int, giver: int) -> int:
        """Take a stranger's public key; return NONE as soon as `key` stands, else why not.

        Two strangers at once cannot be told apart, so then neither gets anything.
        """
        if not self.left_ms:
            return ept.NOT_PRESSED
        if self.other and (self.other != other or self._other_public != public):
            self.close()
            return ept.TWO_STRANGERS
        self.other = other
        self._other_public = public
        if self.public and not self._message:
            keys = (public, self.public) if other == taker else (self.public, public)
            self._message = _KEY + struct.pack("<HH", taker, giver) + keys[0] + keys[1]
            self._ladder = Ladder(self._secret, public)
            self.extend()
        return ept.NONE if self.key else ept.KEY_WAIT

    def step(self) -> None:
        """Compute for one pass."""
        try:
            for _ in range(_STEPS):
                if self._ladder is not None and self._ladder.step():
                    self._take(self._ladder.result)
        except ValueError:  # a key of low order
            self.close()

    def _take(self, result: bytes) -> None:
        self._ladder = None
        if self.public:
            self.key = hmac_sha256(self._sha256, result, self._message)
        else:
            self.public = result
