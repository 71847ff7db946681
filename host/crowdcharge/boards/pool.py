# SPDX-License-Identifier: MIT
"""Connections to boards: slots, back-off, and links that are kept while they are in use."""

import asyncio
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from crowdcharge.boards.fleet import Fleet
from crowdcharge.boards.keys import Keys
from crowdcharge.boards.link import BoardLink, OnFaults, ignore_faults
from crowdcharge.clock import Clock
from crowdcharge.errors import BoardUnreachable, ProtocolError, RadioError
from crowdcharge.radio.base import Radio
from crowdcharge.radio.many_radios import ManyRadios

SLOTS = 7  # what a Raspberry Pi's own adapter holds
_BACKOFF_FIRST_s = 0.5
_BACKOFF_MAX_s = 30.0


@dataclass(slots=True)
class _Seat:
    link: BoardLink | None = None
    holders: int = 0
    used: int = 0  # rises with each use, so the lowest was used longest ago
    failures: int = 0
    retry_at_s: float = 0.0
    opening: asyncio.Task[BoardLink] | None = None
    has_slot: bool = False  # while the link is being opened

    @property
    def open_link(self) -> BoardLink | None:
        return None if self.link is None or self.link.closed else self.link

    @property
    def takes_slot(self) -> bool:
        return self.has_slot or self.open_link is not None


class Pool:
    """Connections by board: `get` connects if it must; `hold` keeps one from being given up."""

    def __init__(
        self,
        radio: Radio,
        fleet: Fleet,
        keys: Keys,
        clock: Clock,
        slots: int = SLOTS,
        on_faults: OnFaults = ignore_faults,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._radio = radio
        self._many = radio if isinstance(radio, ManyRadios) else None
        self._fleet = fleet
        self._keys = keys
        self._clock = clock
        self._slots = slots
        self._random_bytes = random_bytes
        self._on_faults = on_faults
        self._seats: dict[int, _Seat] = {}
        self._uses = 0
        self._closed = False

    @property
    def slots(self) -> int:
        """Return how many boards can be connected; fewer while one of many radios is away."""
        return self._slots if self._many is None else self._many.slots

    @contextmanager
    def hold(self, *board_ids: int) -> Iterator[None]:
        seats = [self._seat(board_id) for board_id in board_ids]
        for seat in seats:
            seat.holders += 1
        try:
            yield
        finally:
            for seat in seats:
                seat.holders -= 1

    def connected(self, board_id: int) -> BoardLink | None:
        return self._seat(board_id).open_link

    def is_connected(self, board_id: int) -> bool:
        return self.connected(board_id) is not None

    def can_get(self, board_id: int) -> bool:
        """Tell whether a board is connected, or it makes sense to try now."""
        return self.is_connected(board_id) or not self._why_not(board_id)

    async def get(self, board_id: int) -> BoardLink:
        """Return the board's link, made new if there is none; BoardUnreachable says why not.

        Connecting goes on if the caller gives up, since a renewal has less patience than it takes.
        """
        seat = self._seat(board_id)
        self._uses += 1
        seat.used = self._uses
        if seat.open_link is not None:
            return seat.open_link
        return await asyncio.shield(self._opening(board_id, seat))

    def _opening(self, board_id: int, seat: _Seat) -> asyncio.Task[BoardLink]:
        if seat.opening is None:
            seat.opening = asyncio.create_task(self._open(board_id, seat))
            seat.opening.add_done_callback(_retrieved)
        return seat.opening

    def _on_lost(self, board_id: int, seat: _Seat) -> None:
        """Connect anew at once where somebody holds the board: a lease does not wait."""
        if seat.holders and not self._closed:
            self._opening(board_id, seat)

    async def close(self) -> None:
        self._closed = True
        opening = [seat.opening for seat in self._seats.values() if seat.opening is not None]
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        links = [seat.link for seat in self._seats.values() if seat.link is not None]
        await asyncio.gather(*(link.close() for link in links))

    def _seat(self, board_id: int) -> _Seat:
        return self._seats.setdefault(board_id, _Seat())

    def _judge(self, board_id: int, lost: BoardLink | None) -> None:
        """Have another radio or address tried first, if answers stopped on the lost link."""
        if lost is not None and lost.is_silent:
            self._fleet.doubt(board_id, lost.address)
            self._doubt_path(lost.address)

    def _doubt_path(self, address: str) -> None:
        if self._many is not None:
            self._many.doubt(address)

    async def _open(self, board_id: int, seat: _Seat) -> BoardLink:
        try:
            self._judge(board_id, seat.link)
            seat.link = await self._connect(board_id, seat)
            return seat.link
        finally:
            seat.opening, seat.has_slot = None, False

    async def _connect(self, board_id: int, seat: _Seat) -> BoardLink:
        key, view = self._keys.get(board_id), self._fleet.view(board_id)
        why = self._why_not(board_id)
        if why or key is None or view is None:
            raise BoardUnreachable(board_id, why)
        try:
            await self._take_slot(seat, view.address)
            link = await BoardLink.open(
                self._radio,
                view.address,
                board_id,
                key,
                self._random_bytes,
                self._clock,
                self._on_faults,
            )
        except (RadioError, ProtocolError) as error:
            self._back_off(seat)
            self._doubt_path(view.address)
            if isinstance(error, ProtocolError):
                self._fleet.doubt(board_id, view.address)
            raise
        link.on_closed = partial(self._on_lost, board_id, seat)
        seat.failures = 0
        self._fleet.prove(board_id, view.address)
        return link

    def _why_not(self, board_id: int) -> str:
        """Return why not to try to connect a board now; "" if nothing speaks against it."""
        view, now_s = self._fleet.view(board_id), asyncio.get_running_loop().time()
        if board_id not in self._keys:
            return "the host has no key for it"
        if view is None:
            return "it has not been heard"
        if view.is_stale(now_s):
            return "it is not heard any more"
        is_early = now_s < self._seat(board_id).retry_at_s
        return "the last try failed; waiting before the next" if is_early else ""

    def _back_off(self, seat: _Seat) -> None:
        delay_s = min(_BACKOFF_FIRST_s * 2.0**seat.failures, _BACKOFF_MAX_s)
        seat.retry_at_s = asyncio.get_running_loop().time() + delay_s
        seat.failures += 1

    async def _take_slot(self, seat: _Seat, address: str) -> None:
        """Give up the connection that was used longest ago, if there is no room for another.

        The slot counts as taken before anything is awaited, because others ask meanwhile.
        """
        crowding = self._many.crowding(address) if self._many is not None else frozenset()
        taken = [other for other in self._seats.values() if other.takes_slot]
        if len(taken) < self.slots and not crowding:
            seat.has_slot = True
            return
        idle = [
            other
            for other in taken
            if not other.holders and other.opening is None and _is_among(other.link, crowding)
        ]
        if not idle:
            raise RadioError(f"all {self.slots} connections of the radio are in use")
        oldest = min(idle, key=lambda other: other.used)
        seat.has_slot = True
        if oldest.link is not None:
            await oldest.link.close()


def _is_among(link: BoardLink | None, crowding: Collection[str]) -> bool:
    return not crowding or (link is not None and link.address in crowding)


def _retrieved(task: asyncio.Task[BoardLink]) -> None:
    """Fetch the error of a task that perhaps nobody awaits, because asyncio would warn of it."""
    if not task.cancelled():
        task.exception()
