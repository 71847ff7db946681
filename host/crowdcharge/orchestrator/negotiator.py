# SPDX-License-Identifier: MIT
"""Moves a market's frames between boards, each of which keeps its own terms.

`market.relay.negotiate` decides what is asked. The host is the untrusted relay: it sees keys,
masked answers, sums, and one energy of each board at the agreed price. Peers are numbered as
there: the lane is 0.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from crowdcharge.boards import codes
from crowdcharge.boards.constants import FrameType
from crowdcharge.boards.models import Answer
from crowdcharge.boards.pool import SLOTS, Pool
from crowdcharge.clock import Clock
from crowdcharge.errors import MarketVoidError, ProtocolError, RadioError
from crowdcharge.market.relay import (
    ASK,
    LANE,
    SEAT,
    Agreed,
    Relay,
    Step,
    Words,
    negotiate,
)
from crowdcharge.orchestrator.events import Emit, MarketAsked, Refused, Trouble
from wptcore import ept
from wptcore.market import FRACTION_BITS, PEERS_MIN, WORD_SIZE
from wptcore.market_desk import PEERS_MAX

SESSION_SIZE = 16
_RETRY_s = 0.1
_COMPUTING_MAX_s = 120.0  # a slow processor with many new partners

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Take:
    """The energy that a board committed to, signed with its key; above 0 it sells."""

    board_id: int
    energy_mJ: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class Cleared:
    """A market's result; `price` in credits/Wh, fixed point with FRACTION_BITS.

    Not `confirmed`: a member vanished after the price was found.
    """

    session: bytes
    lane: int
    price: int
    confirmed: bool
    takes: tuple[Take, ...]

    @property
    def price_per_Wh(self) -> float:
        return per_Wh(self.price)


def per_Wh(price: int) -> float:
    return price / (1 << FRACTION_BITS)


class Negotiator:
    """Finds a price; a board counts as vanished when it was silent for `patience_s`."""

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        emit: Emit,
        random_bytes: Callable[[int], bytes],
        patience_s: float = 10.0,
        slots: int = SLOTS,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._emit = emit
        self._random_bytes = random_bytes
        self._patience_s = patience_s
        self._slots = asyncio.Semaphore(slots)
        self._boards: list[int] = []
        self._session = b""

    async def run(self, lane: int, boards: Collection[int]) -> Cleared:
        """Negotiate; MarketVoidError if no price is found, and then nobody trades."""
        public = await self._open(lane, boards)
        await self._all(range(len(public)), lambda peer: self._give_keys(peer, public))
        relay = Relay({peer: key for peer, (key, _) in enumerate(public)})
        steps = negotiate(relay)
        step = next(steps)
        while True:
            try:
                step = steps.send(await self._perform(step))
            except StopIteration as found:
                return await self._commit(found.value)

    async def _open(self, lane: int, boards: Collection[int]) -> list[tuple[bytes, bytes]]:
        """Collect (public key, nonce) of all; begin anew without those that do not answer."""
        self._boards = [lane, *(board for board in boards if board != lane)]
        while PEERS_MIN <= len(self._boards) <= PEERS_MAX:
            self._session = self._random_bytes(SESSION_SIZE)
            replies = await self._all(range(len(self._boards)), self._open_one)
            if None not in replies.values():
                return [reply.fields for reply in replies.values() if reply is not None]
            if replies[LANE] is None:
                raise MarketVoidError(f"board {lane}, the lane, does not take part")
            self._boards = [self._boards[peer] for peer in replies if replies[peer] is not None]
        raise MarketVoidError(
            f"{len(self._boards)} boards would take part; it takes {PEERS_MIN} to {PEERS_MAX}"
        )

    async def _open_one(self, peer: int) -> Answer | None:
        return await self._ask(peer, FrameType.MARKET_OPEN, self._session, len(self._boards), peer)

    async def _give_keys(self, peer: int, public: Sequence[tuple[bytes, bytes]]) -> None:
        """Give a board the others' keys; one that misses a key will take no seat."""
        for partner, (key, nonce) in enumerate(public):
            if partner != peer and not await self._acked(
                peer, FrameType.MARKET_KEY, partner, key, nonce
            ):
                return

    async def _perform(self, step: Step) -> dict[int, Words]:
        bits = sum(1 << peer for peer in step.to)
        if step.kind == SEAT:
            joined = await self._all(
                step.to, lambda peer: self._acked(peer, FrameType.MARKET_SEAT, bits)
            )
            return {peer: (0, 0) for peer, there in joined.items() if there}
        if step.kind == ASK:
            asked = None if step.price is None else per_Wh(step.price)
            self._emit(MarketAsked(self._clock.now_s(), step.round_no, asked))
            frame_type = FrameType.MARKET_ASK
            fields: tuple[int | bytes, ...] = (
                step.round_no,
                int(step.price is not None),
                _packed(step.price or 0),
            )
        else:
            frame_type, fields = FrameType.MARKET_PRESENT, (step.round_no, bits)
        replies = await self._all(step.to, lambda peer: self._ask(peer, frame_type, *fields))
        return {
            peer: (_word(reply.fields[1]), _word(reply.fields[2]))
            for peer, reply in replies.items()
            if reply is not None
        }

    async def _commit(self, agreed: Agreed) -> Cleared:
        """Ask for commitments: who gives none does not trade; without the lane's nobody does."""
        price = _packed(agreed.price)
        replies = await self._all(
            agreed.members, lambda peer: self._ask(peer, FrameType.MARKET_PRICE, price)
        )
        if replies[LANE] is None:
            raise MarketVoidError("the lane vanished before it committed: nobody trades")
        takes = tuple(
            Take(self._boards[peer], *reply.fields)
            for peer, reply in replies.items()
            if reply is not None
        )
        confirmed = agreed.confirmed and len(takes) == len(agreed.members)
        return Cleared(self._session, self._boards[LANE], agreed.price, confirmed, takes)

    async def _all(
        self, peers: Collection[int], ask: Callable[[int], Awaitable[T]]
    ) -> dict[int, T]:
        """Ask as many at once as can be connected; the result is in the peers' order."""

        async def connected(peer: int) -> T:
            async with self._slots:
                with self._pool.hold(self._boards[peer]):
                    return await ask(peer)

        answers = await asyncio.gather(*(connected(peer) for peer in peers))
        return dict(zip(peers, answers, strict=True))

    async def _acked(self, peer: int, frame_type: int, *fields: int | bytes) -> bool:
        answer = await self._answer(peer, frame_type, *fields)
        return answer == ept.NONE

    async def _ask(self, peer: int, frame_type: int, *fields: int | bytes) -> Answer | None:
        """Ask a board and return its reply; None if it has vanished or declines."""
        answer = await self._answer(peer, frame_type, *fields)
        return answer if isinstance(answer, Answer) else None

    async def _answer(
        self, peer: int, frame_type: int, *fields: int | bytes
    ) -> Answer | int | None:
        """Return a reply, the code of an Ack, or None if the board stays silent.

        Every question may be asked again, so an answer that got lost costs only time.
        """
        loop = asyncio.get_running_loop()
        silent_s, computing_s = loop.time() + self._patience_s, loop.time() + _COMPUTING_MAX_s
        while True:
            try:
                answer = await self._inquire(peer, frame_type, *fields)
            except (RadioError, ProtocolError) as error:
                if loop.time() >= silent_s:
                    self._emit(Trouble(self._clock.now_s(), self._boards[peer], str(error)))
                    return None
            else:
                if answer != ept.MARKET_WAIT or loop.time() >= computing_s:
                    return answer
                silent_s = loop.time() + self._patience_s
            await asyncio.sleep(_RETRY_s)

    async def _inquire(self, peer: int, frame_type: int, *fields: int | bytes) -> Answer | int:
        board_id = self._boards[peer]
        link = await self._pool.get(board_id)
        answer = await link.inquire(frame_type, *fields)
        if isinstance(answer, Answer):
            return answer
        if answer.code not in {ept.NONE, ept.MARKET_WAIT}:
            name = codes.name(answer.code)
            self._emit(Refused(self._clock.now_s(), board_id, 0, answer.code, name))
        return answer.code


def _packed(price: int) -> bytes:
    return price.to_bytes(WORD_SIZE, "little", signed=True)


def _word(data: bytes) -> int:
    return int.from_bytes(data, "little")
