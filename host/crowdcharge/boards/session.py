# SPDX-License-Identifier: MIT
"""One authenticated session with one board, sans-IO: frames out, Acks in.

The session key comes from the board's key and both nonces, so neither side can replay the other's
past. Counters rise strictly; every Ack carries the counter of the command that it answers.
"""

from hashlib import sha256

from crowdcharge.boards import codes
from crowdcharge.boards.constants import FrameType
from crowdcharge.boards.models import Ack, MarketReply, known
from crowdcharge.errors import LocalProtocolError, RemoteProtocolError
from wptcore import auth, wire

_NO_TAG = bytes(auth.TAG_SIZE)
_ANSWERS = frozenset(
    {
        FrameType.ACK,
        FrameType.MARKET_PUBLIC,
        FrameType.MARKET_ANSWER,
        FrameType.MARKET_OPENING,
        FrameType.MARKET_TAKE,
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
    """`challenge`: the bytes of the board's `challenge` characteristic, fresh per connection."""

    def __init__(self, board_key: bytes, challenge: bytes, host_nonce: bytes) -> None:
        if len(board_key) != auth.KEY_SIZE or len(host_nonce) != auth.NONCE_SIZE:
            raise LocalProtocolError("a board key has 32 bytes and a nonce 16")
        try:
            self.board_id, self.epoch, board_nonce = wire.unpack_challenge(challenge)
        except ValueError as error:
            raise RemoteProtocolError(
                f"no challenge that this host understands: {error}"
            ) from None
        self._key = auth.session_key(sha256, board_key, board_nonce, host_nonce)
        self._host_nonce = host_nonce
        self._counter = 0

    @property
    def counter(self) -> int:
        """The counter of the last frame that was sealed."""
        return self._counter

    def hello(self) -> bytes:
        """The frame that opens a session; later a harmless question for the board's state."""
        return self.seal(FrameType.HELLO, self._host_nonce)

    def seal(self, frame_type: int, *fields: int | bytes) -> bytes:
        self._counter += 1
        frame: bytes = wire.pack_frame(frame_type, self._counter, *fields)
        return frame + auth.tag(sha256, self._key, auth.FROM_HOST, frame)

    def open(self, frame: bytes) -> Ack | MarketReply:
        """Decode an authentic answer.

        Raises UnprovenRefusalError on an answer without authentication, which is no more than a
        hint, and RemoteProtocolError on everything else.
        """
        try:
            version, frame_type, counter = wire.unpack_header(frame)
            fields = wire.unpack_body(frame)
        except ValueError as error:
            raise RemoteProtocolError(f"board {self.board_id}: {error}") from None
        if version != wire.VERSION or frame_type not in _ANSWERS:
            raise RemoteProtocolError(f"board {self.board_id}: not an answer of this version")
        split = len(frame) - auth.TAG_SIZE
        expected = auth.tag(sha256, self._key, auth.FROM_BOARD, frame[:split])
        if not auth.equal(expected, frame[split:]):
            if frame[split:] == _NO_TAG and frame_type == FrameType.ACK:
                raise UnprovenRefusalError(self.board_id, counter, fields[1])
            raise RemoteProtocolError(f"board {self.board_id}: an answer with a wrong tag")
        if frame_type != FrameType.ACK:
            return MarketReply(counter, frame_type, fields)
        values = [counter, *fields]
        values[8] = known(values[8])
        return Ack(*values)
