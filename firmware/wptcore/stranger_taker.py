# SPDX-License-Identifier: MIT
"""What a board takes from a stranger after a press of both buttons, besides meeting members.

It asks the board that lies on it for a key until the other button is pressed, too. From then on
both act as members do, with a key for this one exchange.
"""

from wptcore import ept, press, wire
from wptcore.auth import TAG_SIZE
from wptcore.compat import const
from wptcore.peer_taker import TALK, PeerTaker
from wptcore.stranger_desk import NO_CROWD

_PAIR = const(6)  # the stage before the stages of PeerTaker
_ASK_EVERY_ms = const(500)


class StrangerTaker(PeerTaker):
    """`press`: the press.Press of this board's desk."""

    def __init__(self, board, membership, sha256, random_bytes, press):
        self._press = press
        self._asked_ms = 0
        self._giver_public = b""
        super().__init__(board, membership, sha256, random_bytes)

    def _may_ask(self, board_id: int) -> bool:
        return super()._may_ask(board_id) or self._is_stranger(board_id)

    def _is_stranger(self, board_id: int) -> bool:
        """Tell whether to ask the board as a stranger: every one, for as long as a press counts.

        Its number may be that of a member, because other crowds use the same numbers.
        """
        return self._press.left_ms > 0 and board_id != self._board.board_id

    def _knows_any(self) -> bool:
        return self._press.left_ms > 0 or super()._knows_any()

    def _is_left_alone(self, board_id: int) -> bool:
        """Tell whether to leave the board alone after a failure: never while a press counts."""
        return not self._is_stranger(board_id) and super()._is_left_alone(board_id)

    def _begin(self) -> None:
        if not self._is_stranger(self.giver):
            super()._begin()
            return
        self._flags |= wire.GRANTED_BY_PRESS
        self._duration_max_ms = press.DURATION_MAX_ms
        self._giver_public = b""
        self._asked_ms = _ASK_EVERY_ms
        self._stage = _PAIR
        self.action = TALK

    def on_elapsed(self, dt_ms: int) -> None:
        super().on_elapsed(dt_ms)
        if self._stage == _PAIR:
            self._pair(dt_ms)

    def _pair(self, dt_ms: int) -> None:
        self._asked_ms += dt_ms
        if not self._press.left_ms:
            self._part(ept.NOT_PRESSED)
        elif self._giver_public:
            self._agree()
        elif self._press.public and self._asked_ms >= _ASK_EVERY_ms:
            self._asked_ms = 0
            fields = (self._board.board_id, self._press.public)
            self._frame = wire.pack_frame(wire.STRANGER_KEY, 0, 0, *fields) + bytes(TAG_SIZE)

    def _agree(self) -> None:
        me = self._board.board_id
        code = self._press.agree(self.giver, self._giver_public, me, self.giver)
        if code == ept.NONE:
            key = self._press.key
            self._press.close()  # only the key of this session is kept
            self._greet(NO_CROWD, key)
        elif code != ept.KEY_WAIT:
            self._part(code)

    def on_reply(self, frame: bytes) -> None:
        """Take a reply; while there is no key yet, it cannot be authentic."""
        if self._stage != _PAIR:
            super().on_reply(frame)
            return
        try:
            frame_type, fields = wire.unpack_header(frame)[1], wire.unpack_body(frame)
        except ValueError:
            return
        if frame_type == wire.STRANGER_PUBLIC:
            self._giver_public = fields[0]
            self._age_ms = 0
        elif frame_type == wire.ACK and fields[1] == ept.KEY_WAIT:
            self._press.extend()  # the other button was pressed in time
        elif frame_type == wire.ACK and fields[1] != ept.NOT_PRESSED:
            if fields[1] == ept.TWO_STRANGERS:
                self._press.close()
            self._part(fields[1])
