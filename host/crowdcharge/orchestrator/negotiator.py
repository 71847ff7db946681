# SPDX-License-Identifier: MIT
"""Moves a market's frames between boards that hold their own terms; what is said is in
`market.relay.negotiate`.

The host is the untrusted relay: it sees keys, masked answers, sums, and one energy a board at the
agreed price. Places in the market are numbered as there: the lane is 0.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from crowdcharge.boards import codes
from crowdcharge.boards.models import MarketReply
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
from wptcore import ept, wire
from wptcore.market import FRACTION_BITS, PEERS_MIN, WORD_SIZE
from wptcore.market_desk import PEERS_MAX

SESSION_SIZE = 16
_RETRY_s = 0.1
_COMPUTING_MAX_s = 120.0  # a slow processor with many new partners

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Take:
    """What a board committed to; above 0 sells. `signature` by the board's key."""

    board_id: int
    energy_mJ: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class Cleared:
    """`price` in credits/Wh with fraction bits; not `confirmed`: a member vanished after it."""

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
    """`patience_s`: how long a silent board is asked again before it counts as vanished."""

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
        """MarketVoidError if no price is found; then nobody trades."""
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
        """(public key, nonce) of all; whoever does not answer is left out and it begins anew."""
        self._boards = [lane, *(board for board in boards if board != lane)]
        while PEERS_MIN <= len(self._boards) <= PEERS_MAX:
            self._session = self._random_bytes(SESSION_SIZE)
            told = await self._all(range(len(self._boards)), self._open_one)
            if None not in told.values():
                return [answer.fields for answer in told.values() if answer is not None]
            if told[LANE] is None:
                raise MarketVoidError(f"board {lane}, the lane, does not take part")
            self._boards = [self._boards[peer] for peer in told if told[peer] is not None]
        raise MarketVoidError(
            f"{len(self._boards)} boards would take part; it takes {PEERS_MIN} to {PEERS_MAX}"
        )

    async def _open_one(self, peer: int) -> MarketReply | None:
        return await self._ask(peer, wire.MARKET_OPEN, self._session, len(self._boards), peer)

    async def _give_keys(self, peer: int, public: Sequence[tuple[bytes, bytes]]) -> None:
        """A board that misses one takes no seat."""
        for partner, (key, nonce) in enumerate(public):
            if partner != peer and not await self._acked(
                peer, wire.MARKET_KEY, partner, key, nonce
            ):
                return

    async def _perform(self, step: Step) -> dict[int, Words]:
        bits = sum(1 << peer for peer in step.to)
        if step.kind == SEAT:
            joined = await self._all(
                step.to, lambda peer: self._acked(peer, wire.MARKET_SEAT, bits)
            )
            return {peer: (0, 0) for peer, there in joined.items() if there}
        if step.kind == ASK:
            asked = None if step.price is None else per_Wh(step.price)
            self._emit(MarketAsked(self._clock.now_s(), step.round_no, asked))
            kind = wire.MARKET_ASK
            fields: tuple[int | bytes, ...] = (
                step.round_no,
                int(step.price is not None),
                _packed(step.price or 0),
            )
        else:
            kind, fields = wire.MARKET_PRESENT, (step.round_no, bits)
        told = await self._all(step.to, lambda peer: self._ask(peer, kind, *fields))
        return {
            peer: (_word(answer.fields[1]), _word(answer.fields[2]))
            for peer, answer in told.items()
            if answer is not None
        }

    async def _commit(self, agreed: Agreed) -> Cleared:
        """Who does not commit does not trade; without the lane nobody does."""
        price = _packed(agreed.price)
        told = await self._all(
            agreed.members, lambda peer: self._ask(peer, wire.MARKET_PRICE, price)
        )
        if told[LANE] is None:
            raise MarketVoidError("the lane vanished before it committed: nobody trades")
        takes = tuple(
            Take(self._boards[peer], *answer.fields)
            for peer, answer in told.items()
            if answer is not None
        )
        confirmed = agreed.confirmed and len(takes) == len(agreed.members)
        return Cleared(self._session, self._boards[LANE], agreed.price, confirmed, takes)

    # -- frames --

    async def _all(
        self, peers: Collection[int], ask: Callable[[int], Awaitable[T]]
    ) -> dict[int, T]:
        """Of as many at once as can be connected; in the peers' order."""

        async def connected(peer: int) -> T:
            async with self._slots:
                with self._pool.hold(self._boards[peer]):
                    return await ask(peer)

        told = await asyncio.gather(*(connected(peer) for peer in peers))
        return dict(zip(peers, told, strict=True))

    async def _acked(self, peer: int, frame_type: int, *fields: int | bytes) -> bool:
        answer = await self._answer(peer, frame_type, *fields)
        return answer == ept.NONE

    async def _ask(self, peer: int, frame_type: int, *fields: int | bytes) -> MarketReply | None:
        """None: it has vanished, or it declines."""
        answer = await self._answer(peer, frame_type, *fields)
        return answer if isinstance(answer, MarketReply) else None

    async def _answer(
        self, peer: int, frame_type: int, *fields: int | bytes
    ) -> MarketReply | int | None:
        """The answer, the code of an Ack, or None. Every question may be asked again."""
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

    async def _inquire(
        self, peer: int, frame_type: int, *fields: int | bytes
    ) -> MarketReply | int:
        board_id = self._boards[peer]
        link = await self._pool.get(board_id)
        answer = await link.inquire(frame_type, *fields)
        if isinstance(answer, MarketReply):
            return answer
        if answer.code not in {ept.NONE, ept.MARKET_WAIT}:
            name = codes.name(answer.code)
            self._emit(Refused(self._clock.now_s(), board_id, 0, answer.code, name))
        return answer.code


def _packed(price: int) -> bytes:
    return price.to_bytes(WORD_SIZE, "little", signed=True)


def _word(data: bytes) -> int:
    return int.from_bytes(data, "little")
