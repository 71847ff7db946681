# SPDX-License-Identifier: MIT
"""An authenticated connection to one board: commands out, each answered by its own frame.

What the host acts on comes from authenticated answers and signed receipts. What can merely be read
or is notified, such as `status`, is at most a hint to ask.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Self, TypeVar

from crowdcharge.boards.constants import FrameType
from crowdcharge.boards.models import (
    Ack,
    Answer,
    Beacon,
    BoardConsent,
    BoardLimits,
    Receipt,
    unpack_receipts,
)
from crowdcharge.boards.session import LIFE_MAX_ms, Session, UnprovenRefusalError
from crowdcharge.clock import Clock
from crowdcharge.errors import (
    AckTimeout,
    BoardUnreachable,
    ProtocolError,
    RadioError,
    RemoteProtocolError,
)
from crowdcharge.radio.base import Link, Radio
from wptcore import auth, ept, wire

ACK_TIMEOUT_s = 1.0
TRIES = 3
SILENCE_MAX_s = TRIES * ACK_TIMEOUT_s  # then the path is dead, though the radio may not say so
QUESTION_EVERY_s = 3.0  # board time; a board drops a link that is silent for two leases
_NOTHING: tuple[int, tuple[int | bytes, ...]] = (0, ())
T = TypeVar("T")
OnFaults = Callable[[int, frozenset[int]], None]


def ignore_faults(_board_id: int, _codes: frozenset[int]) -> None:
    pass


def _nothing() -> None:
    pass


class BoardLink:
    """An open connection; make it with `open`. `ack` is the last authentic Ack.

    `limits` are as of the connection, or of the last `ask_limits`. `is_silent`: the link was given
    up because the board's answers stopped. `on_closed` is called once, however it ends.
    """

    ack: Ack
    limits: BoardLimits

    def __init__(self, board_id: int, clock: Clock, on_faults: OnFaults) -> None:
        self.board_id = board_id
        self._clock = clock
        self._on_faults = on_faults
        self.closed = False
        self.on_closed: Callable[[], None] = _nothing
        self.is_silent = False
        self._link: Link
        self._session: Session
        self._turn = asyncio.Lock()
        self._since = 0  # the lowest counter whose reply answers the current question
        self._unanswered: tuple[int, tuple[int | bytes, ...]] = _NOTHING  # its type and subject
        self._awaited: asyncio.Future[Ack | Answer] | None = None
        self._unheard_since_s: float | None = None  # when the first unanswered frame was written
        self._fresh_s = 0.0  # board time of the last answer to more than a Hello
        self._shown: tuple[bool, int] | None = None  # of `status`, which proves nothing
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(
        cls,
        radio: Radio,
        address: str,
        board_id: int,
        key: bytes,
        random_bytes: Callable[[int], bytes],
        clock: Clock,
        on_faults: OnFaults = ignore_faults,
    ) -> Self:
        """Connect; RadioError if that fails, RemoteProtocolError if it is not that board.

        `clock` runs as the board's does. `on_faults` is called with the board's number and the
        codes that stand, when they may have changed.
        """
        self = cls(board_id, clock, on_faults)
        self._link = await radio.connect(address, self._on_closed)
        try:
            await self._introduce(key, random_bytes(auth.NONCE_SIZE))
        except BaseException:
            await self.close()
            raise
        self._start(self._keep())
        return self

    @property
    def address(self) -> str:
        return self._link.address

    async def command(self, frame_type: int, *fields: int, life_ms: int = LIFE_MAX_ms) -> Ack:
        """Send a command and return the board's Ack, whatever its code.

        It has no effect when it arrives later than `life_ms` of the board's time. Commands are
        idempotent, so one that is not answered is sent again, and a late Ack to an earlier try is
        as good. Raises BoardUnreachable, AckTimeout, or UnprovenRefusalError if the board does not
        believe us.
        """
        return self._acked(await self.inquire(frame_type, *fields, life_ms=life_ms))

    async def inquire(
        self, frame_type: int, *fields: int | bytes, life_ms: int = LIFE_MAX_ms
    ) -> Ack | Answer:
        """Do as `command` for questions with an answer of their own; an Ack refuses them."""
        async with self._turn:
            seal = partial(self._session.seal, frame_type, *fields, life_ms=life_ms)
            # A renewal is about its transfer: the values that it carries change with every try.
            subject = fields[:1] if frame_type == FrameType.RENEW else fields
            return await self._answered(frame_type, subject, seal)

    async def ask(self) -> Ack:
        """Return the board's state now, without changing anything."""
        async with self._turn:
            return self._acked(await self._answered(FrameType.HELLO, (), self._session.hello))

    async def ask_limits(self) -> BoardLimits:
        self.limits = BoardLimits(*await self._told(wire.ASK_LIMITS, FrameType.INFO_LIMITS))
        return self.limits

    async def status(self) -> Beacon:
        (beacon,) = await self._told(wire.ASK_STATUS, FrameType.INFO_STATUS)
        return self._decoded(Beacon.unpack, beacon)

    async def ask_consent(self) -> BoardConsent:
        answer = await self.inquire(FrameType.ASK, wire.ASK_CONSENT)
        if isinstance(answer, Ack):
            return BoardConsent()  # firmware that knows no mandates
        if answer.frame_type != FrameType.INFO_CONSENT:
            raise RemoteProtocolError(f"board {self.board_id}: no INFO_CONSENT in answer to ASK")
        return BoardConsent(*answer.fields)

    async def faults(self) -> frozenset[int]:
        """Return the codes that stand, warnings too."""
        count, codes = await self._told(wire.ASK_FAULTS, FrameType.INFO_FAULTS)
        return frozenset(codes[:count])

    async def receipts(self) -> list[Receipt]:
        """Return the last eight, newest first."""
        return self._decoded(unpack_receipts, await self._read(wire.RECEIPTS_UUID))

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
        self._session = Session(key, challenge, host_nonce, self._now_ms)
        if self._session.board_id != self.board_id:
            raise RemoteProtocolError(
                f"{self.address} advertised board {self.board_id}"
                f" but says that it is {self._session.board_id}"
            )
        await self.ask()
        await self.ask_limits()

    def _now_ms(self) -> int:
        return int(self._clock.now_s() * 1000)

    async def _told(self, what: int, kind: FrameType) -> tuple[Any, ...]:
        answer = await self.inquire(FrameType.ASK, what)
        if not isinstance(answer, Answer) or answer.frame_type != kind:
            raise RemoteProtocolError(f"board {self.board_id}: no {kind.name} in answer to ASK")
        return answer.fields

    async def _read(self, uuid: str) -> bytes:
        if self.closed:
            raise BoardUnreachable(self.board_id, "the connection was lost")
        return await self._link.read(uuid)

    def _decoded(self, unpack: Callable[[bytes], T], data: bytes) -> T:
        try:
            return unpack(data)
        except ValueError as error:
            raise RemoteProtocolError(f"board {self.board_id}: {error}") from None

    def _acked(self, answer: Ack | Answer) -> Ack:
        if isinstance(answer, Answer):
            raise RemoteProtocolError(f"board {self.board_id}: an answer to another question")
        return answer

    async def _answered(
        self, frame_type: int, subject: tuple[int | bytes, ...], seal: Callable[[], bytes]
    ) -> Ack | Answer:
        """Send until it is answered; an answer to an earlier try with the same subject counts.

        A try that came too late is made again, with the time that its refusal has told.
        """
        if self._unanswered != (frame_type, subject):
            self._unanswered = (frame_type, subject)
            self._since = self._session.counter + 1
        answer: Ack | Answer | None = None
        for _ in range(TRIES):
            with suppress(TimeoutError):
                answer = await self._exchange(seal())
                if isinstance(answer, Ack) and answer.code == ept.EXPIRED:
                    continue
                break
        if answer is None:
            self._give_up()
            command = FrameType(frame_type).name.title()
            raise AckTimeout(self.board_id, command, TRIES * ACK_TIMEOUT_s)
        self._unanswered = _NOTHING
        if isinstance(answer, Ack):
            self.ack = answer
        if frame_type != FrameType.HELLO:
            self._fresh_s = self._clock.now_s()
        return answer

    async def _exchange(self, frame: bytes) -> Ack | Answer:
        if self.closed:
            raise BoardUnreachable(self.board_id, "the connection was lost")
        loop = asyncio.get_running_loop()
        awaited: asyncio.Future[Ack | Answer] = loop.create_future()
        self._awaited = awaited
        if self._unheard_since_s is None:
            self._unheard_since_s = loop.time()
        try:
            async with asyncio.timeout(ACK_TIMEOUT_s):
                await self._link.write(wire.COMMAND_UUID, frame)
                return await awaited
        finally:
            self._awaited = None
            if awaited.done() and not awaited.cancelled():
                awaited.exception()  # or asyncio warns of it when the write failed first
            self._give_up_if_silent(loop.time())

    def _give_up_if_silent(self, now_s: float) -> None:
        """End a link whose answers stopped, even if each caller gave up sooner than that."""
        since_s = self._unheard_since_s
        if since_s is not None and now_s - since_s >= SILENCE_MAX_s:
            self._give_up()

    def _give_up(self) -> None:
        """End the link at once, and disconnect without waiting, as that may never end."""
        if not self.closed:
            self.is_silent = True
            self._on_closed()
            self._start(self.close())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep(self) -> None:
        """Ask for faults when `status` hints at a change, and often enough to keep the link."""
        with suppress(RadioError):  # which ends the link
            await self._link.subscribe(wire.STATUS_UUID, self._on_status)
        while not self.closed:
            with suppress(TimeoutError):
                async with self._clock.timeout(QUESTION_EVERY_s):
                    await self._changed.wait()
            quiet_s = self._clock.now_s() - self._fresh_s
            if self._changed.is_set() or quiet_s >= QUESTION_EVERY_s:
                self._changed.clear()
                with suppress(RadioError, ProtocolError):
                    self._on_faults(self.board_id, await self.faults())

    def _on_status(self, data: bytes) -> None:
        try:
            beacon = Beacon.unpack(data)
        except ValueError:
            return
        shown = (beacon.problem, beacon.ept)
        if shown != self._shown:
            self._shown = shown
            self._changed.set()

    def _on_reply(self, frame: bytes) -> None:
        """Take a reply, unless it is not authentic or answers another question."""
        awaited = self._awaited
        waits = awaited is not None and not awaited.done()
        try:
            answer = self._session.open(frame)
        except UnprovenRefusalError as refusal:
            if awaited is not None and waits and refusal.counter >= self._since:
                awaited.set_exception(refusal)
        except RemoteProtocolError:
            return
        else:
            self._unheard_since_s = None
            if awaited is not None and waits and answer.counter >= self._since:
                awaited.set_result(answer)

    def _on_closed(self) -> None:
        was_closed, self.closed = self.closed, True
        if not was_closed:
            self.on_closed()
        self._changed.set()  # wakes `_keep`, which then ends
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_exception(BoardUnreachable(self.board_id, "the connection was lost"))
