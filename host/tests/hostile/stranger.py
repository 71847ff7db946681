# SPDX-License-Identifier: MIT
"""A central without any of the host's care: whatever bytes, at whatever time."""

import asyncio
import contextlib
from hashlib import sha256

from crowdcharge.errors import RadioError, WptError
from crowdcharge.radio.base import Radio
from wptcore import auth, wire


class Stranger:
    """A raw connection: whatever bytes, without any of the host's care."""

    def __init__(self, radio: Radio) -> None:
        self._radio = radio
        self._replies: asyncio.Queue[bytes] = asyncio.Queue()
        self._counter = 0
        self.lost = asyncio.Event()

    @classmethod
    async def connect(cls, radio: Radio, address: str) -> "Stranger":
        self = cls(radio)
        self._link = await radio.connect(address, self.lost.set)
        await self._link.subscribe(wire.REPLY_UUID, self._replies.put_nowait)
        self.challenge = await self._link.read(wire.CHALLENGE_UUID)
        return self

    def hello(self, key: bytes) -> bytes:
        """With a counter that rises; a wrong key gives a wrong tag."""
        nonce = wire.unpack_challenge(self.challenge)[4]
        self.key = auth.session_key(sha256, key, nonce, bytes(auth.NONCE_SIZE))
        return self.sealed(wire.HELLO, bytes(auth.NONCE_SIZE))

    def sealed(self, frame_type: int, *fields: int | bytes) -> bytes:
        self._counter += 1
        expires_ms = wire.unpack_challenge(self.challenge)[3] + 4000
        frame: bytes = wire.pack_frame(frame_type, self._counter, expires_ms, *fields)
        return frame + auth.tag(sha256, self.key, auth.FROM_HOST, frame)

    async def write(self, frame: bytes) -> None:
        await self._link.write(wire.COMMAND_UUID, frame)

    async def ask_raw(self, frame: bytes) -> tuple[int, ...]:
        """Return the answer's fields: (command, code, state, ...); RadioError if there is none."""
        while not self._replies.empty():
            self._replies.get_nowait()
        await self.write(frame)
        try:
            async with asyncio.timeout(5):
                return tuple(wire.unpack_body(await self._replies.get()))
        except TimeoutError:
            raise RadioError("no answer") from None

    async def close(self) -> None:
        with contextlib.suppress(WptError):
            await self._link.close()
