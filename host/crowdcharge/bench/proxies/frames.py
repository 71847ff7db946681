# SPDX-License-Identifier: MIT
"""PURE: frames of ESPHome's native API as a device sends and takes them, plain or with Noise.

A frame carries the number of a message type and a protobuf message. What breaks the protocol is a
ValueError, after which the connection can only be closed.
"""

from collections.abc import Iterator

from cryptography.exceptions import InvalidTag
from noise.connection import NoiseConnection
from noise.exceptions import NoiseValueError

_NOISE = b"Noise_NNpsk0_25519_ChaChaPoly_SHA256"
_PROLOGUE = b"NoiseAPIInit"
_PLAIN, _ENCRYPTED = 0, 1  # first byte of a frame
_CHOSEN = b"\x01"  # the only cipher suite there is
_NOT_UNDERSTOOD = b"Bad indicator byte"
_FRAME_MAX = 65535
Message = tuple[int, bytes]


class PlainFrames:
    """`reply` is what has to be sent before anything else."""

    def __init__(self) -> None:
        self._received = bytearray()
        self.reply = b""

    def receive(self, data: bytes) -> Iterator[Message]:
        self._received += data
        while self._received:
            if self._received[0] != _PLAIN:
                self.reply += bytes((_PLAIN,)) + _NOT_UNDERSTOOD  # by which a client knows why
                raise ValueError("not a plain frame")
            header = self._header()
            if header is None:
                return
            kind, start, end = header
            if len(self._received) < end:
                return
            body = bytes(self._received[start:end])
            del self._received[:end]
            yield kind, body

    def _header(self) -> tuple[int, int, int] | None:
        """Return type, start and end of the message; None: more bytes are needed."""
        found = _varint(self._received, 1)
        if found is None:
            return None
        size, at = found
        if size > _FRAME_MAX:
            raise ValueError("a frame that is too long")
        found = _varint(self._received, at)
        if found is None:
            return None
        kind, at = found
        return kind, at, at + size

    def pack(self, kind: int, body: bytes) -> bytes:
        return bytes((_PLAIN,)) + _packed(len(body)) + _packed(kind) + body


class NoiseFrames:
    """The device's end of the encryption; `name` and `mac` are told before it begins."""

    def __init__(self, key: bytes, name: str, mac: str) -> None:
        self._key = key
        self._hello = _CHOSEN + name.encode() + b"\0" + mac.encode() + b"\0"
        self._received = bytearray()
        self._noise: NoiseConnection | None = None
        self.reply = b""

    def receive(self, data: bytes) -> Iterator[Message]:
        self._received += data
        while self._received:
            if self._received[0] != _ENCRYPTED:
                self.reply += _frame(b"\x01" + _NOT_UNDERSTOOD)
                raise ValueError("not an encrypted frame")
            if len(self._received) < 3:
                return
            end = 3 + int.from_bytes(self._received[1:3], "big")
            if len(self._received) < end:
                return
            frame = bytes(self._received[3:end])
            del self._received[:end]
            if self._noise is None:
                self._begin(frame)
            elif not self._noise.handshake_finished:
                self._shake_hands(frame)
            else:
                yield self._opened(frame)

    def _begin(self, client_hello: bytes) -> None:
        self._noise = NoiseConnection.from_name(_NOISE)
        self._noise.set_as_responder()
        self._noise.set_psks(self._key)
        self._noise.set_prologue(_PROLOGUE + len(client_hello).to_bytes(2, "big") + client_hello)
        self._noise.start_handshake()
        self.reply += _frame(self._hello)

    def _shake_hands(self, frame: bytes) -> None:
        assert self._noise is not None
        try:
            self._noise.read_message(frame[1:])
        except (InvalidTag, NoiseValueError, ValueError):
            self.reply += _frame(b"\x01Handshake MAC failure")
            raise ValueError("a wrong key") from None
        self.reply += _frame(b"\0" + bytes(self._noise.write_message()))

    def _opened(self, frame: bytes) -> Message:
        assert self._noise is not None
        try:
            message = bytes(self._noise.decrypt(frame))
        except (InvalidTag, NoiseValueError):
            raise ValueError("a frame that was tampered with") from None
        if len(message) < 4:
            raise ValueError("a frame that is too short")
        size = int.from_bytes(message[2:4], "big")
        return int.from_bytes(message[:2], "big"), message[4 : 4 + size]

    def pack(self, kind: int, body: bytes) -> bytes:
        assert self._noise is not None
        message = kind.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body
        return _frame(bytes(self._noise.encrypt(message)))


Frames = PlainFrames | NoiseFrames


def _frame(payload: bytes) -> bytes:
    return bytes((_ENCRYPTED,)) + len(payload).to_bytes(2, "big") + payload


def _varint(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 28:
            raise ValueError("a number that is too long")
    return None


def _packed(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
