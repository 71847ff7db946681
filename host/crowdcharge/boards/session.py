# SPDX-License-Identifier: MIT
"""One authenticated session with one board, sans-IO: frames out, Acks in.

The session key comes from the board's key and both nonces, so neither side can replay the other's
past. Counters rise strictly; every answer carries the counter of the command that it answers, and
the board's time. From that time commands get their expiry: one that is withheld on its way has no
effect later. An answer's time counts as of its arrival, so the estimate is never ahead.
"""

from collections.abc import Callable
from hashlib import sha256

from crowdcharge.boards import codes
from crowdcharge.boards.constants import FrameType
from crowdcharge.boards.models import Ack, Answer, known
from crowdcharge.errors import LocalProtocolError, RemoteProtocolError
from wptcore import auth, wire

LIFE_MAX_ms = 4000  # below wire.EXPIRY_MAX_ms by as much as a board's clock may lag in its loop
_U32 = 1 << 32
_NO_TAG = bytes(auth.TAG_SIZE)
_ANSWERS = frozenset(
    {
        FrameType.ACK,
        FrameType.MARKET_PUBLIC,
        FrameType.MARKET_ANSWER,
        FrameType.MARKET_OPENING,
        FrameType.MARKET_TAKE,
        FrameType.INFO_LIMITS,
        FrameType.INFO_FAULTS,
        FrameType.INFO_STATUS,
        FrameType.INFO_CONSENT,
        FrameType.MANDATE_TAKEN,
    }
)


class UnprovenRefusalError(RemoteProtocolError):
    """An answer without authentication: a hint why the board does not believe us, no proof."""

    def __init__(self, board_id: int, counter: int, code: int) -> None:
        super().__init__(
            f"board {board_id} answered without authentication: {codes.name(code)}"
            f" ({codes.text(code)})"
        )
        self.board_id = board_id
        self.counter = counter
        self.code = code


class Session:
    """`challenge`: the bytes of the board's `challenge` characteristic, fresh per connection.

    `now_ms`: a clock that runs as the board's does.
    """

    def __init__(
        self,
        board_key: bytes,
        challenge: bytes,
        host_nonce: bytes,
        now_ms: Callable[[], int],
    ) -> None:
        if len(board_key) != auth.KEY_SIZE or len(host_nonce) != auth.NONCE_SIZE:
            raise LocalProtocolError("a board key has 32 bytes and a nonce 16")
        _check_version(challenge)
        try:
            fields = wire.unpack_challenge(challenge)
        except ValueError as error:
            raise RemoteProtocolError(
                f"no challenge that this host understands: {error}"
            ) from None
        self.board_id, self.epoch, _, _, board_nonce = fields
        self._key = auth.session_key(sha256, board_key, board_nonce, host_nonce)
        self._now_ms = now_ms
        self._ahead_ms: int | None = None  # board's clock minus ours; None before any answer
        self._host_nonce = host_nonce
        self._counter = 0

    @property
    def counter(self) -> int:
        """The counter of the last frame that was sealed."""
        return self._counter

    def hello(self) -> bytes:
        """Return the frame that opens a session; later a harmless question for the board's state.

        It has no expiry: the nonce binds it to its connection.
        """
        return self._sealed(FrameType.HELLO, 0, self._host_nonce)

    def seal(self, frame_type: int, *fields: int | bytes, life_ms: int = LIFE_MAX_ms) -> bytes:
        """Return a command that has no effect once `life_ms` of the board's time are over."""
        if self._ahead_ms is None:
            raise LocalProtocolError("the board's time is unknown before its first answer")
        expires_ms = self._now_ms() + self._ahead_ms + min(life_ms, LIFE_MAX_ms)
        return self._sealed(frame_type, expires_ms % _U32, *fields)

    def _sealed(self, frame_type: int, time_ms: int, *fields: int | bytes) -> bytes:
        self._counter += 1
        frame: bytes = wire.pack_frame(frame_type, self._counter, time_ms, *fields)
        return frame + auth.tag(sha256, self._key, auth.FROM_HOST, frame)

    def open(self, frame: bytes) -> Ack | Answer:
        """Decode an authentic answer.

        Raises UnprovenRefusalError on an answer without authentication, which is no more than a
        hint, and RemoteProtocolError on everything else.
        """
        try:
            _, frame_type, counter, time_ms = wire.unpack_header(frame)
            fields = wire.unpack_body(frame)
        except ValueError as error:
            raise RemoteProtocolError(f"board {self.board_id}: {error}") from None
        if frame_type not in _ANSWERS:
            raise RemoteProtocolError(f"board {self.board_id}: not an answer")
        split = len(frame) - auth.TAG_SIZE
        expected = auth.tag(sha256, self._key, auth.FROM_BOARD, frame[:split])
        if not auth.equal(expected, frame[split:]):
            if frame[split:] == _NO_TAG and frame_type == FrameType.ACK:
                raise UnprovenRefusalError(self.board_id, counter, fields[1])
            raise RemoteProtocolError(f"board {self.board_id}: an answer with a wrong tag")
        self._ahead_ms = time_ms - self._now_ms()
        if frame_type != FrameType.ACK:
            return Answer(counter, frame_type, fields)
        values = [counter, *fields]
        values[8] = known(values[8])
        return Ack(*values)


def wrong_version(board_id: int, version: int) -> str:
    """Return what is wrong between a board and this host, and what to do."""
    remedy = "flash it again (crowdcharge flash)"
    if version > wire.VERSION:
        remedy = "update this host"
    speaks = f"board {board_id} speaks wire version {version}"
    return f"{speaks}, this host version {wire.VERSION}: {remedy}"


def _check_version(challenge: bytes) -> None:
    """Refuse a board of another version clearly; its number stands where it always did."""
    if len(challenge) > 3 and challenge[0] != wire.VERSION:
        board_id = int.from_bytes(challenge[1:3], "little")
        raise RemoteProtocolError(wrong_version(board_id, challenge[0]))
