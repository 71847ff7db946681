# SPDX-License-Identifier: MIT
"""This port's half of a meeting: it accepts, and makes no connection.

`_bleio` waits inside its calls while it connects and discovers, for up to 20 s a step, and power
must not flow meanwhile. Who has less connects and asks, as on any board; who has more connects
and calls (wptcore.peer_caller), and its link is then lent to this board's taker.
"""

from wptcore import peer_taker, wire
from wptcore.compat import const

_AGAIN_ms = const(10_000)  # a link that was asked to go and stays is asked again


class CalledLink:
    """`taker`: peer_taker.PeerTaker; `notify`, `disconnect`: of the port's BoardRadio."""

    def __init__(self, taker, board, notify, disconnect):
        self._taker = taker
        self._board = board
        self._notify = notify
        self._disconnect = disconnect
        self._forget()

    def _forget(self) -> None:
        self._frame = b""  # waits for room
        self._link = -1  # that is lent
        self._since_asked_ms = _AGAIN_ms

    def take(self, link: int, data: bytes, is_frame: bool) -> bool:
        """Return True for what is the taker's; all else is for the board."""
        if not is_frame:
            self._end()
            return False
        frame_type = data[1] if len(data) > 1 else 0
        if frame_type == wire.PEER_CALL:
            return self._call(link, data)
        if link == self._link and frame_type >= wire.ACK:
            self._taker.on_reply(data)
            return True
        return False

    def _call(self, link: int, data: bytes) -> bool:
        try:
            self._taker.on_call(wire.unpack_body(data)[0])
        except ValueError:
            return False
        if self._taker.action != peer_taker.TALK or self._link >= 0:
            return False
        self._link = link
        self._board.on_link(link, b"")  # no host's any more; the taker's own times bound it
        return True

    def step(self, dt_ms: int) -> None:
        taker = self._taker
        taker.on_elapsed(dt_ms)
        if taker.action == peer_taker.LEAVE:
            self._since_asked_ms += dt_ms
            if self._since_asked_ms >= _AGAIN_ms:
                self._since_asked_ms = 0
                self._disconnect(self._link)
        elif taker.action == peer_taker.TALK:
            self._frame = self._frame or taker.pop_frame()
            if self._frame and self._notify(self._link, self._frame):
                self._frame = b""

    def _end(self) -> None:
        self._forget()
        self._taker.on_gone()
