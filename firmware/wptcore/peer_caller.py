# SPDX-License-Identifier: MIT
"""A giver lends its link to a member with less charge that makes none itself, without I/O.

CircuitPython boards only accept connections (docs/adr/0036). So a board that has more connects to
such a one, hands it a challenge of its own, and takes the frames that come back for those of a
taker: from there on all goes as if the other had connected. The call proves nothing and grants
nothing. Who lies here and could ask has asked within PATIENCE_ms.
"""

from wptcore import auth, peer_meeting, peer_taker, wire
from wptcore.compat import const

CALLED = const(0x10000)  # the lent link among the board's own: no stack has such a handle
PATIENCE_ms = const(5000)
_HELLO_MAX_ms = const(5000)  # to connect, and then to hear a hello
_REST_ms = const(60_000)  # when there was none; else as the other board rests
_REST_MET_ms = const(12_000)
_FRAMES_MAX = const(2)
_SEEN_MAX = const(8)


class PeerCaller:
    """For the port what peer_taker.PeerTaker is; `membership`, `random_bytes`: as there."""

    link = CALLED

    def __init__(self, board, membership, sha256, random_bytes):
        self._board = board
        self._member = membership
        self._sha256 = sha256
        self._random = random_bytes
        self._seen = []  # (board, ms since it was first heard here, ms since the last time)
        self._rests = []  # (board, ms that it is not called)
        self._reset()

    def _reset(self) -> None:
        self.action = peer_taker.LISTEN
        self.address: object = None
        self._called = 0
        self._met = False
        self._age_ms = 0  # since the call began, until it has met
        self._frames = []  # of this board, for the other one

    @property
    def wants(self) -> bool:
        """Is it worth listening? Whether anything is given is judged when the other one asks."""
        listens = self.action == peer_taker.LISTEN
        return listens and peer_meeting.may_call(self._board, self._member)

    def on_advert(self, address, beacon: bytes, rssi_dBm: int) -> None:
        """Call a member that lies here, has less, and has not asked in PATIENCE_ms."""
        is_near = rssi_dBm >= peer_taker.NEAR_dBm
        if not self.wants or not (is_near or self._rests):
            return
        found = peer_taker.seen(self._sha256, self._member, beacon)
        if found is None:
            return
        board_id = found[0]
        if not is_near:
            self._rests = peer_taker.moved(self._rests, board_id)
        if not is_near or not self._has_less(*found):
            return
        waited_ms = self._note(board_id)
        if waited_ms >= PATIENCE_ms and not any(who == board_id for who, _ in self._rests):
            self._called = board_id
            self.address = address
            self.action = peer_taker.CONNECT

    def _has_less(self, board_id: int, state: int, soc_pct: int) -> bool:
        idle = peer_taker.is_idle(state)
        known = self._member.key_to(board_id) and self._board.soc_permille <= 1000
        return idle and known and soc_pct + peer_taker.MARGIN_pct <= self._board.soc_pct

    def _note(self, board_id: int) -> int:
        """Return for how long the board has been here, and note that it was heard."""
        others = [each for each in self._seen if each[0] != board_id][-_SEEN_MAX + 1 :]
        first_ms = sum(each[1] for each in self._seen if each[0] == board_id)
        self._seen = others + [(board_id, first_ms, 0)]
        return first_ms

    def on_challenge(self, _theirs: bytes) -> None:
        """Call, once the link is ready."""
        if self.action != peer_taker.CONNECT:
            return
        nonce = self._random(auth.NONCE_SIZE)
        self._board.on_link(CALLED, nonce)
        self.action = peer_taker.TALK
        call = wire.pack_frame(wire.PEER_CALL, 0, 0, self._board.challenge(nonce))
        self.send(call + bytes(auth.TAG_SIZE))

    def on_reply(self, frame: bytes) -> None:
        """Take a frame of the board that was called; an answer to the call: it asks by itself."""
        if len(frame) > 1 and frame[1] >= wire.ACK:
            self.action = peer_taker.LEAVE
        elif self.action == peer_taker.TALK:
            self._board.on_command(CALLED, frame)

    def send(self, frame: bytes) -> bool:
        """Let the port write a frame of this board; False: no room."""
        if self.action == peer_taker.TALK and len(self._frames) >= _FRAMES_MAX:
            return False
        self._frames.append(bytes(frame))
        return True

    def pop_frame(self) -> bytes:
        return self._frames.pop(0) if self._frames else b""

    def leave(self) -> None:
        self.action = peer_taker.LEAVE

    def on_gone(self) -> None:
        """Note that the link is gone or never came: the transfer's lease runs on."""
        rest_ms = _REST_MET_ms if self._met else _REST_ms
        if self._met and peer_meeting.was_in_vain(self._board):
            rest_ms = peer_taker.VAIN_ms
        self._rests.append((self._called, rest_ms))
        self._board.on_link(CALLED, b"")
        self._reset()

    def on_elapsed(self, dt_ms: int) -> None:
        rests, here = self._rests, self._seen
        self._rests = [(who, left_ms - dt_ms) for who, left_ms in rests if left_ms > dt_ms]
        self._seen = [
            (who, first_ms + dt_ms, last_ms + dt_ms)
            for who, first_ms, last_ms in here
            if last_ms < 2 * PATIENCE_ms
        ]
        if self.action in (peer_taker.LISTEN, peer_taker.LEAVE) or self._met:
            return
        self._age_ms += dt_ms
        self._met = self._board._commands.links.peer_link(CALLED) is not None
        if self._age_ms > _HELLO_MAX_ms and not self._met:
            self.leave()
