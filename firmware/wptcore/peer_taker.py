# SPDX-License-Identifier: MIT
"""A taker's half of a meeting between two boards, without I/O: it is the giver's only host.

It hears a member with more charge, connects, proves its key, says what it wants, opens its own
receiver and asks the giver to send. Each report that it sends renews the giver's lease, and each
authenticated answer renews its own. Two boards never ask each other: the poorer one asks.
"""

from wptcore import alias, auth, ept, peer_keys, peer_meeting, transfer, wire
from wptcore.compat import const

# what the port does next
LISTEN = const(0)  # scan, and call on_advert
CONNECT = const(1)  # connect to `address`, subscribe `reply`, read `challenge`
TALK = const(2)  # write pop_frame() to `command`, bring replies to on_reply
LEAVE = const(3)  # disconnect, then call on_gone

_HELLO, _WISH, _GRANT, _RENEW, _FAREWELL = const(1), const(2), const(3), const(4), const(5)

NEAR_dBm = const(-45)
MARGIN_pct = const(3)  # a giver must have so much more charge, or a start-up is not worth it
_MEETING_MAX_ms = const(15_000)  # to connect and agree
_ANSWER_MAX_ms = const(1000)
_TRIES_MAX = const(3)
_BACK_OFF_ms = const(10_000)  # after a refusal or a transfer
VAIN_ms = const(300_000)  # after a transfer without power, unless the board is moved before
_LEASE_ms = const(4000)
_RENEW_EVERY_ms = const(1000)
_LIFE_ms = const(3000)
_DURATION_MAX_ms = const(3_600_000)
_RECEIVER_MARGIN_mJ = const(1000)  # the giver's budget ends a transfer; the taker's is a bound


class PeerTaker:
    """`membership`: peer_desk.Membership; `random_bytes`: `os.urandom`."""

    def __init__(self, board, membership, sha256, random_bytes):
        self._board = board
        self._member = membership
        self._sha256 = sha256
        self._random = random_bytes
        self._rests = []  # (board, ms that it is left alone)
        self.address: object = None  # of the giver, as the port named it
        self.giver = 0
        self.refused_by = ept.NONE  # why the last meeting came to nothing
        self.hears_less = False  # has a board with less lain here? It may have to be called
        self._reset()

    def _reset(self) -> None:
        self.action = LISTEN
        self._stage = 0
        self._key = b""  # session key
        self._giver_nonce = b""
        self._counter = 0
        self._since = 0  # counter of the first try of the question that stands
        self._giver_ms = 0  # the giver's board time
        self._age_ms = 0  # since the meeting began
        self._waited_ms = -1  # since the question that stands; -1: none does
        self._tries = 0
        self._fields = ()
        self._frame = b""  # waits for the port
        self._transfer_id = 0
        self._flags = wire.GRANTED_BY_PEER
        self._duration_max_ms = _DURATION_MAX_ms
        self._rest_ms = _BACK_OFF_ms  # for so long the giver is left alone after the meeting

    # -- events --

    def on_advert(self, address, beacon: bytes, rssi_dBm: int) -> None:
        """Take what may be the beacon of a member; an advert proves nothing and only invites.

        Only a board that lies on this one is heard so loud, and no other is worth a try.
        """
        if rssi_dBm < NEAR_dBm and not self._rests:
            return
        found = seen(self._sha256, self._member, beacon)
        if found is None:
            return
        board_id, state, soc_pct = found
        if rssi_dBm < NEAR_dBm:
            self._rests = moved(self._rests, board_id)
            return
        if soc_pct + MARGIN_pct <= self._board.soc_permille // 10:
            self.hears_less = True
        if not self.wants:
            return
        enough = self._board.soc_permille // 10 + MARGIN_pct
        if not is_idle(state) or not enough <= soc_pct <= 100 or self._is_left_alone(board_id):
            return
        if self._may_ask(board_id):
            self._reset()
            self.giver = board_id
            self.address = address
            self.action = CONNECT

    def on_call(self, challenge: bytes) -> None:
        """Take the challenge of a member that has connected to this board: says hello."""
        try:
            board_id = wire.unpack_challenge(challenge)[0]
        except ValueError:
            return
        if self.wants and self._may_ask(board_id) and not self._is_left_alone(board_id):
            self._reset()
            self.giver = board_id
            self.action = CONNECT
            self.on_challenge(challenge)

    def _may_ask(self, board_id: int) -> bool:
        return self._member.key_to(board_id) != b""

    def _knows_any(self) -> bool:
        """Is there any board that it may ask?"""
        return bool(self._member.keys)

    def on_challenge(self, challenge: bytes) -> None:
        """Take the giver's challenge once the link is ready: says hello."""
        if self.action != CONNECT:
            return
        try:
            board_id, _, _, self._giver_ms, self._giver_nonce = wire.unpack_challenge(challenge)
        except ValueError:
            board_id = 0
        if board_id != self.giver:
            self._part(ept.BAD_VERSION)
            return
        self._begin()

    def _begin(self) -> None:
        self._greet(self._member.crowd_id, self._member.key_to(self.giver))

    def _greet(self, crowd_id: int, key: bytes) -> None:
        nonce = self._random(auth.NONCE_SIZE)
        self._key = auth.session_key(self._sha256, key, self._giver_nonce, nonce)
        self._transfer_id = peer_keys.transfer_id(self._sha256, key, self._giver_nonce)
        self.action = TALK
        self._ask(_HELLO, crowd_id, self._board.board_id, nonce)

    def on_reply(self, frame: bytes) -> None:
        """Take a notification; what is not authentic, or answers nothing, is no news."""
        if self.action != TALK or not self._is_authentic(frame):
            return
        _, frame_type, counter, self._giver_ms = wire.unpack_header(frame)
        if counter < self._since:
            return  # an answer counts once, and to the question that stands
        self._since = counter + 1
        self._waited_ms = -1  # answered
        self._tries = 0
        _ANSWERED[self._stage](self, frame_type, wire.unpack_body(frame))

    def on_gone(self) -> None:
        """Note that the link is gone or never came: the transfer's lease runs on."""
        if self.action != LISTEN:
            self._leave_alone(self.giver, self._rest_ms)
        self._reset()

    def on_elapsed(self, dt_ms: int) -> None:
        self._rests = [(who, left - dt_ms) for who, left in self._rests if left > dt_ms]
        if self.action == LISTEN:
            return
        self._giver_ms += dt_ms
        self._age_ms += dt_ms
        if self._waited_ms >= 0:
            self._waited_ms += dt_ms
        if self._stage == _RENEW:
            self._report()
        elif self._age_ms > _MEETING_MAX_ms and self.action != LEAVE:
            self._part(ept.PEER_LOST)
        elif self._waited_ms >= _ANSWER_MAX_ms:
            self._repeat()

    def pop_frame(self):
        """Return a frame to write; empty: none waits."""
        frame, self._frame = self._frame, b""
        return frame

    @property
    def wants(self) -> bool:
        """Is it worth listening?"""
        if self.action != LISTEN or not self._knows_any():
            return False
        return peer_meeting.taking_refusal(self._board) == ept.NONE

    @property
    def may_call(self) -> bool:
        """Is it worth listening for a board that has to be called (peer_caller)?"""
        return self.action == LISTEN and peer_meeting.may_call(self._board, self._member)

    # -- the meeting, step by step --

    def _greeted(self, _frame_type: int, fields: tuple) -> None:
        if fields[1] != ept.NONE:
            self._part(fields[1])
            return
        board = self._board
        wish_mJ = peer_meeting.wanted_mJ(board)
        self._ask(_WISH, board.soc_permille, board._limits.capacity_mJ, wish_mJ)

    def _offered(self, frame_type: int, fields: tuple) -> None:
        if frame_type != wire.PEER_OFFER:
            self._part(fields[1])
            return
        energy_mJ, power_mW, code = fields
        if code != ept.NONE or not energy_mJ:
            self._part(code)
            return
        most_mW = peer_meeting.power_max_mW(self._board, wire.PRX, self._flags, self.giver)
        power_mW = min(power_mW, most_mW)
        bound_mJ = energy_mJ + _RECEIVER_MARGIN_mJ
        code = self._board.grant(self._grant(wire.PRX, self.giver, power_mW, bound_mJ))
        if code != ept.NONE:
            self._part(code)
            return
        self._ask(_GRANT, *self._grant(wire.PTX, self._board.board_id, power_mW, energy_mJ))

    def _grant(self, role: int, peer: int, power_mW: int, energy_mJ: int) -> tuple:
        me = self._board.board_id
        limits = (power_mW, energy_mJ, self._duration_max_ms, 0, _LEASE_ms, self._flags)
        return (self._transfer_id, role, peer, 0, me) + limits

    def _granted(self, _frame_type: int, fields: tuple) -> None:
        if fields[1] != ept.NONE:
            self._board.stop(self._transfer_id)
            self._part(fields[1])
            return
        self._board.renew(self._transfer_id, _LEASE_ms, 0, ept.NONE)
        self._stage = _RENEW
        self._age_ms = 0

    def _renewed(self, _frame_type: int, fields: tuple) -> None:
        """Renew our lease while the giver's answer runs our transfer, else end ours."""
        _, _, state, ended_by, transfer_id, power_mW = fields[:6]
        runs = state == transfer.PING or state == transfer.POWER
        if runs and transfer_id == self._transfer_id:
            self._board.renew(self._transfer_id, _LEASE_ms, power_mW, ept.NONE)
        else:
            self._note_end(ended_by)
            self._board.renew(self._transfer_id, _LEASE_ms, 0, ended_by or ept.PEER_ENDED)

    def _parted(self, _frame_type: int, _fields: tuple) -> None:
        self._part(self._board.ended_by)

    def _note_end(self, code: int) -> None:
        """Leave a giver alone for long whose coil does not reach: it lies beside this one.

        A board that is called hears no adverts, so its caller does this for it.
        """
        called = self.address is None
        if code == ept.NO_RESPONSE and peer_meeting.was_in_vain(self._board) and not called:
            self._rest_ms = VAIN_ms

    def _report(self) -> None:
        """Report what arrives, three times a lease and more; say at once when we have ended."""
        power_mW = peer_meeting.power_mW_of(self._board, self._transfer_id)
        if power_mW < 0:
            self._ask(_FAREWELL, self._transfer_id, _LEASE_ms, 0, self._board.ended_by)
        elif self._age_ms >= _RENEW_EVERY_ms:
            self._age_ms = 0
            self._ask(_RENEW, self._transfer_id, _LEASE_ms, power_mW, ept.NONE)

    # -- frames --

    def _ask(self, stage: int, *fields) -> None:
        if stage != self._stage:
            self._since = self._counter + 1
        self._stage = stage
        self._fields = fields
        self._tries = 0
        self._seal()

    def _seal(self) -> None:
        frame_type = _FRAMES[self._stage]
        self._counter += 1
        expires_ms = (self._giver_ms + _LIFE_ms) & 0xFFFFFFFF
        if self._stage == _HELLO:
            expires_ms = 0
        frame = wire.pack_frame(frame_type, self._counter, expires_ms, *self._fields)
        self._frame = frame + auth.tag(self._sha256, self._key, auth.FROM_HOST, frame)
        self._waited_ms = 0
        self._tries += 1

    def _repeat(self) -> None:
        if self._tries < _TRIES_MAX:
            self._seal()
        else:
            self._board.stop(self._transfer_id)
            self._part(ept.PEER_LOST)

    def _is_authentic(self, frame: bytes) -> bool:
        split = len(frame) - auth.TAG_SIZE
        try:
            wire.unpack_body(frame)
        except ValueError:
            return False
        expected = auth.tag(self._sha256, self._key, auth.FROM_BOARD, frame[:split])
        return auth.equal(expected, frame[split:])

    def _part(self, code: int) -> None:
        self._note_end(code)
        self.refused_by = code
        self._stage = 0
        self._waited_ms = -1
        self._frame = b""
        self.action = LEAVE

    # -- who is left alone for a while --

    def _is_left_alone(self, board_id: int) -> bool:
        return any(who == board_id for who, _ in self._rests)

    def _leave_alone(self, board_id: int, time_ms: int) -> None:
        if not self._is_left_alone(board_id):
            self._rests.append((board_id, time_ms))


def moved(rests: list, board_id: int) -> list:
    """Return (board, ms to leave it alone) of each; one that was moved may soon lie better."""
    return [(who, min(left, _BACK_OFF_ms) if who == board_id else left) for who, left in rests]


def seen(sha256, membership, beacon: bytes):
    """Return (board, state byte, charge %) of a beacon or of a member's alias, or None."""
    try:
        fields = wire.unpack_beacon(beacon)
    except ValueError:
        return alias.read(sha256, membership.alias, beacon)
    return fields[0], fields[3], fields[7]


def is_idle(state: int) -> bool:
    """Tell from a board's state byte whether it could begin a transfer."""
    return state & 0x0F == transfer.IDLE and not state & (wire.PROBLEM | wire.CABLE)


_FRAMES = {
    _HELLO: wire.PEER_HELLO,
    _WISH: wire.PEER_WISH,
    _GRANT: wire.GRANT,
    _RENEW: wire.RENEW,
    _FAREWELL: wire.RENEW,
}
_ANSWERED = {
    _HELLO: PeerTaker._greeted,
    _WISH: PeerTaker._offered,
    _GRANT: PeerTaker._granted,
    _RENEW: PeerTaker._renewed,
    _FAREWELL: PeerTaker._parted,
}
