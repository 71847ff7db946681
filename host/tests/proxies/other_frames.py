# SPDX-License-Identifier: MIT
"""ESPHome's native API on the wire, by hand: protobuf fields, plain frames, and Noise.

Nothing here comes from aioesphomeapi, its message classes or its encryption, so that an error
which a client and a server would share shows.
"""

import hmac
from collections.abc import Iterator
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

Value = int | bytes
Message = tuple[int, bytes]  # its type and its body


def varint(value: int) -> bytes:
    out = bytearray()
    value &= (1 << 64) - 1  # a negative int32 takes ten bytes
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def body(*fields: tuple[int, Value | str]) -> bytes:
    """Return a protobuf message; zero and empty fields are left out, as proto3 does."""
    out = b""
    for number, value in fields:
        data = value.encode() if isinstance(value, str) else value
        if isinstance(data, int):
            out += varint(number << 3) + varint(data) if data else b""
        elif data:
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def fields(data: bytes) -> dict[int, Value]:
    """Return the last value of each field."""
    found: dict[int, Value] = {}
    at = 0
    while at < len(data):
        key, at = _taken(data, at)
        if key & 7 == 0:
            found[key >> 3], at = _taken(data, at)
        elif key & 7 == 2:
            size, at = _taken(data, at)
            found[key >> 3], at = data[at : at + size], at + size
        else:
            at += 8 if key & 7 == 1 else 4
    return found


def _taken(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte, at = data[at], at + 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


class Plain:
    """`first`: what the client sends begins with this byte, or it is refused."""

    first = b"\0"

    def __init__(self) -> None:
        self.greeting = b""

    def take(self, buffer: bytearray) -> Iterator[Message]:
        """Yield the messages that are whole, and leave the rest in the buffer."""
        while buffer:
            try:
                size, at = _taken(buffer, 1)
                kind, at = _taken(buffer, at)
            except IndexError:
                return
            if len(buffer) < at + size:
                return
            content = bytes(buffer[at : at + size])
            del buffer[: at + size]
            yield kind, content

    def pack(self, kind: int, content: bytes) -> bytes:
        return self.first + varint(len(content)) + varint(kind) + content

    def refusal(self, why: str) -> bytes:
        return self.first + why.encode()


class Noise:
    """The responder of Noise_NNpsk0_25519_ChaChaPoly_SHA256, after the Noise specification.

    `hello`: what follows the chosen protocol; older firmware tells its name only, or nothing.
    """

    first = b"\1"

    def __init__(self, key: bytes, hello: bytes) -> None:
        self._psk, self._hello = key, hello
        self._step = 0
        self._chain = self._hash = sha256(b"Noise_NNpsk0_25519_ChaChaPoly_SHA256").digest()
        self._key = b""
        self._counts = [0, 0]
        self._ciphers: list[ChaCha20Poly1305] = []
        self.greeting = b""

    def take(self, buffer: bytearray) -> Iterator[Message]:
        while len(buffer) >= 3 and len(buffer) >= (end := 3 + int.from_bytes(buffer[1:3], "big")):
            frame = bytes(buffer[3:end])
            del buffer[:end]
            self._step += 1
            if self._step == 1:
                prologue = b"NoiseAPIInit" + len(frame).to_bytes(2, "big") + frame
                self._mix_hash(prologue)
                self.greeting += self._framed(b"\1" + self._hello)
            elif self._step == 2:
                self.greeting += self._framed(b"\0" + self._shake(frame[1:]))
            else:
                message = self._ciphers[0].decrypt(self._nonce(0), frame, None)
                yield int.from_bytes(message[:2], "big"), message[4:]

    def _shake(self, message: bytes) -> bytes:
        """Take `psk, e` and return `e, ee`."""
        self._chain, mixed, self._key = self._derived(self._psk, 3)
        self._mix_hash(mixed)
        theirs = message[:32]
        self._mix_hash(theirs)
        self._mix_key(theirs)
        ChaCha20Poly1305(self._key).decrypt(bytes(12), message[32:], self._hash)
        self._mix_hash(message[32:])
        own = X25519PrivateKey.generate()
        ours = own.public_key().public_bytes_raw()
        self._mix_hash(ours)
        self._mix_key(ours)
        self._mix_key(own.exchange(X25519PublicKey.from_public_bytes(theirs)))
        sealed = ChaCha20Poly1305(self._key).encrypt(bytes(12), b"", self._hash)
        self._ciphers = [ChaCha20Poly1305(key) for key in self._derived(b"", 2)]
        return ours + sealed

    def _mix_hash(self, data: bytes) -> None:
        self._hash = sha256(self._hash + data).digest()

    def _mix_key(self, material: bytes) -> None:
        self._chain, self._key = self._derived(material, 2)

    def _derived(self, material: bytes, count: int) -> list[bytes]:
        secret = hmac.digest(self._chain, material, "sha256")
        found: list[bytes] = []
        for number in range(1, count + 1):
            before = found[-1] if found else b""
            found.append(hmac.digest(secret, before + bytes((number,)), "sha256"))
        return found

    def _nonce(self, way: int) -> bytes:
        self._counts[way] += 1
        return bytes(4) + (self._counts[way] - 1).to_bytes(8, "little")

    def pack(self, kind: int, content: bytes) -> bytes:
        message = kind.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content
        return self._framed(self._ciphers[1].encrypt(self._nonce(1), message, None))

    def refusal(self, why: str) -> bytes:
        return self._framed(b"\1" + why.encode())

    def _framed(self, payload: bytes) -> bytes:
        return self.first + len(payload).to_bytes(2, "big") + payload
