# SPDX-License-Identifier: MIT
"""An authenticated connection to one board: commands out, each answered by its own Ack."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Self, TypeVar

from crowdcharge.boards.constants import FrameType
from crowdcharge.boards.models import (
    Ack,
    Beacon,
    BoardLimits,
    MarketReply,
    Receipt,
    unpack_receipts,
)
from crowdcharge.boards.session import Session, UnprovenRefusalError
from crowdcharge.errors import AckTimeout, BoardUnreachable, RadioError, RemoteProtocolError
from crowdcharge.radio.base import Link, Radio
from wptcore import auth, wire

ACK_TIMEOUT_s = 1.0
TRIES = 3
_NOTHING: tuple[int, tuple[int | bytes, ...]] = (0, ())
T = TypeVar("T")
OnFaults = Callable[[int, frozenset[int]], None]


def ignore_faults(_board_id: int, _codes: frozenset[int]) -> None:
    pass


class BoardLink:
    """An open connection; make it with `open`. `ack` is the last authentic answer."""

    ack: Ack
    limits: BoardLimits

    def __init__(self, board_id: int, on_faults: OnFaults) -> None:
        self.board_id = board_id
        self._on_faults = on_faults
        self.closed = False
        self._link: Link
        self._session: Session
        self._turn = asyncio.Lock()
        self._since = 0  # the lowest counter whose answer is one to the question that stands
        self._unanswered: tuple[int, tuple[int | bytes, ...]] = _NOTHING  # its type and subject
        self._awaited: asyncio.Future[Ack | MarketReply] | None = None

    @classmethod
    async def open(
        cls,
        radio: Radio,
        address: str,
        board_id: int,
        key: bytes,
        random_bytes: Callable[[int], bytes],
        on_faults: OnFaults = ignore_faults,
    ) -> Self:
        """Connect; RadioError if that fails, RemoteProtocolError if it is not that board.

        `on_faults` is called with the board's number and the codes that stand, when they change.
        """
        self = cls(board_id, on_faults)
        self._link = await radio.connect(address, self._on_closed)
        try:
            await self._introduce(key, random_bytes(auth.NONCE_SIZE))
        except BaseException:
            await self.close()
            raise
        return self

    @property
    def address(self) -> str:
        return self._link.address

    async def command(self, frame_type: int, *fields: int) -> Ack:
        """Send a command and return the board's Ack, whatever its code.

        Commands are idempotent, so one that is not answered is sent again, and a late Ack to an
        earlier try is as good. Raises BoardUnreachable, AckTimeout, or UnprovenRefusalError if the
        board does not believe us.
        """
        return self._acked(await self.inquire(frame_type, *fields))

    async def inquire(self, frame_type: int, *fields: int | bytes) -> Ack | MarketReply:
        """Do as `command` for questions with an answer of their own; an Ack refuses them."""
        async with self._turn:
            seal = partial(self._session.seal, frame_type, *fields)
            # A renewal is about its transfer: the values that it carries change with every try.
            subject = fields[:1] if frame_type == FrameType.RENEW else fields
            return await self._answered(frame_type, subject, seal)

    async def ask(self) -> Ack:
        """The board's state now, without changing anything."""
        async with self._turn:
            return self._acked(await self._answered(FrameType.HELLO, (), self._session.hello))

    async def status(self) -> Beacon:
        return self._decoded(Beacon.unpack, await self._read(wire.STATUS_UUID))

    async def receipts(self) -> list[Receipt]:
        """The last eight, newest first."""
        return self._decoded(unpack_receipts, await self._read(wire.RECEIPTS_UUID))

    async def faults(self) -> frozenset[int]:
        """The codes that stand, warnings too."""
        return frozenset(await self._read(wire.FAULTS_UUID))

    async def close(self) -> None:
        self._on_closed()
        with suppress(RadioError):  # then it is gone already
            await self._link.close()

    async def _introduce(self, key: bytes, host_nonce: bytes) -> None:
        if self._link.mtu < wire.MTU_MIN:
            raise RadioError(
                f"board {self.board_id}: the connection carries {self._link.mtu} bytes (MTU),"
                f" but {wire.MTU_MIN} are needed; use another adapter or Bluetooth stack"
            )
        await self._link.subscribe(wire.REPLY_UUID, self._on_reply)
        challenge = await self._read(wire.CHALLENGE_UUID)
        self._session = Session(key, challenge, host_nonce)
        if self._session.board_id != self.board_id:
            raise RemoteProtocolError(
                f"{self.address} advertised board {self.board_id}"
                f" but says that it is {self._session.board_id}"
            )
        await self.ask()
        self.limits = self._decoded(BoardLimits.unpack, await self._read(wire.LIMITS_UUID))
        await self._link.subscribe(wire.FAULTS_UUID, self._on_fault_codes)

    async def _read(self, uuid: str) -> bytes:
        if self.closed:
            raise BoardUnreachable(self.board_id, "the connection was lost")
        return await self._link.read(uuid)

    def _decoded(self, unpack: Callable[[bytes], T], data: bytes) -> T:
        try:
            return unpack(data)
        except ValueError as error:
            raise RemoteProtocolError(f"board {self.board_id}: {error}") from None

    def _acked(self, answer: Ack | MarketReply) -> Ack:
        if isinstance(answer, MarketReply):
            raise RemoteProtocolError(f"board {self.board_id}: an answer to another question")
        return answer

    async def _answered(
        self, frame_type: int, subject: tuple[int | bytes, ...], seal: Callable[[], bytes]
    ) -> Ack | MarketReply:
        """Send until it is answered; an answer to an earlier try with the same subject counts."""
        if self._unanswered != (frame_type, subject):
            self._unanswered = (frame_type, subject)
            self._since = self._session.counter + 1
        for _ in range(TRIES):
            with suppress(TimeoutError):
                answer = await self._exchange(seal())
                self._unanswered = _NOTHING
                if isinstance(answer, Ack):
                    self.ack = answer
                return answer
        command = FrameType(frame_type).name.title()
        raise AckTimeout(self.board_id, command, TRIES * ACK_TIMEOUT_s)

    async def _exchange(self, frame: bytes) -> Ack | MarketReply:
        if self.closed:
            raise BoardUnreachable(self.board_id, "the connection was lost")
        awaited: asyncio.Future[Ack | MarketReply] = asyncio.get_running_loop().create_future()
        self._awaited = awaited
        try:
            async with asyncio.timeout(ACK_TIMEOUT_s):
                await self._link.write(wire.COMMAND_UUID, frame)
                return await awaited
        finally:
            self._awaited = None
            if awaited.done() and not awaited.cancelled():
                awaited.exception()  # or asyncio warns of it when the write failed first

    def _on_fault_codes(self, codes: bytes) -> None:
        self._on_faults(self.board_id, frozenset(codes))

    def _on_reply(self, frame: bytes) -> None:
        """Take a reply, unless it is not authentic or answers another question."""
        awaited = self._awaited
        if awaited is None or awaited.done():
            return
        try:
            answer = self._session.open(frame)
        except UnprovenRefusalError as refusal:
            if refusal.counter >= self._since:
                awaited.set_exception(refusal)
        except RemoteProtocolError:
            return
        else:
            if answer.counter >= self._since:
                awaited.set_result(answer)

    def _on_closed(self) -> None:
        self.closed = True
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_exception(BoardUnreachable(self.board_id, "the connection was lost"))
