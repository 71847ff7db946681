# SPDX-License-Identifier: MIT
"""One transfer from grant to end: receivers first, then transmitter, all or none.

Each side is renewed three times per lease, and each renewal carries what the other side measures.
When one side has ended, the others are told; when the host falls silent, all end by themselves.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from crowdcharge.boards import codes
from crowdcharge.boards.constants import FrameType, Role
from crowdcharge.boards.link import BoardLink
from crowdcharge.boards.models import Ack, Beacon
from crowdcharge.boards.pool import Pool
from crowdcharge.clock import Clock
from crowdcharge.errors import GrantRefused, ProtocolError, RadioError
from crowdcharge.ledger.settlement import TransferRecord
from crowdcharge.orchestrator.events import Emit, Progress, TransferEnded, TransferStarted
from wptcore import ept, wire
from wptcore.shares import apportion

RENEWALS_PER_LEASE = 3
SINGLE_PAIR = 0  # the group id of a transfer that belongs to no group
_THIS_HOST, _NO_FLAGS = 0, 0  # the granter and the flags in each grant of a host
# The transmitter's budget is meant to end a transfer. The receiver gets a wider one, as a bound.
_RECEIVER_MARGIN = 2
_RECEIVER_MARGIN_mJ = 1000
_LATE_SHARE = 2  # a report older than a lease divided by this counts as missing
_SHOWN_SHARE = 6  # reading the meter may take a lease divided by this, as renewals must not wait


@dataclass(frozen=True, slots=True)
class TransferTerms:
    """The part of a grant that is the same for all pairs; `power_max_mW` 0: what boards allow."""

    lease_ms: int = 2000
    power_max_mW: int = 0
    duration_max_ms: int = 3_600_000
    floor_pct: int = 20
    received_max_mJ: int = 0  # 0: bounded only by what is sent
    energy_min_J: float = 0.0  # an offer below it is not worth its start-up
    power_bound_mW: int = 0  # what the profiles of both boards allow; 0: no bound
    group: str = ""  # the rule by which a pad shares (wptcore.shares); "": only pairs transfer
    group_budget_mJ: int = 0  # the most that a pad sends in all; 0: down to its floor

    @property
    def power_most_mW(self) -> int:
        """Return the most that run and profiles allow to flow; 0: what the boards allow."""
        return self.bounded_mW(self.power_max_mW) if self.power_max_mW else self.power_bound_mW

    def bounded_mW(self, power_mW: int) -> int:
        return min(power_mW, self.power_bound_mW) if self.power_bound_mW else power_mW


@dataclass(slots=True)
class _Side:
    board_id: int
    role: Role
    transfer_id: int
    peer: int  # the other board; for a pad, how many receivers it has
    energy_max_mJ: int
    power_mW: int = 0
    energy_mJ: int = 0
    soc_permille: int | None = None
    heard_s: float | None = None  # when its newest figures came
    leased_s: float = 0.0
    ended: int = ept.NONE  # the reason, once this side has ended or was given up
    known: bool = True  # the board itself said `ended`; False: we assume it


class TransferRun:
    """Keeps one transfer alive, or the transfers of a group, which share one transmitter.

    `group_id`: SINGLE_PAIR for a single pair. `sample` is called with board, role and Ack of every
    answer. `shown` is called once while power flows, with what the transmitter's meter shows:
    together with the voltage at rest it tells the resistance of the cell.
    """

    def __init__(
        self,
        transfers: Sequence[TransferRecord],
        group_id: int,
        terms: TransferTerms,
        pool: Pool,
        clock: Clock,
        emit: Emit,
        sample: Callable[[int, int, Ack], None],
        shown: Callable[[Ack, Beacon], None],
    ) -> None:
        self._transfers = transfers
        self._group_id = group_id
        self._terms = terms
        self._pool = pool
        self._clock = clock
        self._emit = emit
        self._sample = sample
        self._shown = shown
        head = transfers[0]
        peer = len(transfers) if group_id else head.prx
        energy_mJ = sum(each.energy_max_mJ for each in transfers)
        self._ptx = _Side(head.ptx, Role.PTX, head.transfer_id, peer, energy_mJ)
        self._prxs = [self._receiver(each) for each in transfers]
        self.is_stopped = False  # by a call of `stop`
        self._stop = False
        self._is_shown = False  # the transmitter's meter was read once
        self._wake = asyncio.Event()

    def _receiver(self, transfer: TransferRecord) -> _Side:
        energy_max_mJ = transfer.energy_max_mJ
        if not self._group_id:
            margin_mJ = energy_max_mJ * _RECEIVER_MARGIN + _RECEIVER_MARGIN_mJ
            energy_max_mJ = self._terms.received_max_mJ or margin_mJ
        return _Side(transfer.prx, Role.PRX, transfer.transfer_id, transfer.ptx, energy_max_mJ)

    @property
    def boards(self) -> tuple[int, ...]:
        return tuple(side.board_id for side in self._sides)

    @property
    def ends(self) -> dict[int, int]:
        """Return by board why each has ended, as far as it is known."""
        return {side.board_id: side.ended for side in self._sides}

    @property
    def _sides(self) -> list[_Side]:
        return [self._ptx, *self._prxs]

    @property
    def given_mJ(self) -> dict[int, int]:
        """Return by receiver what has been sent for it; a group's is apportioned."""
        received_mJ = [prx.energy_mJ for prx in self._prxs]
        parts_mJ = apportion(self._ptx.energy_mJ, received_mJ)
        return {prx.board_id: part for prx, part in zip(self._prxs, parts_mJ, strict=True)}

    def stop(self) -> None:
        """End the transfer now, by a Stop to all."""
        self.is_stopped = True
        self._stop_all()

    def _stop_all(self) -> None:
        self._stop = True
        self._wake.set()

    async def run(self, ends_s: float) -> None:
        """Grant, then renew until all sides have ended, at `ends_s` at the latest.

        GrantRefused names the board that said no; then none runs.
        """
        longest_s = min(ends_s - self._clock.now_s(), self._terms.duration_max_ms / 1000)
        if longest_s <= 0:
            return
        await self._grant_all(int(longest_s * 1000))
        for transfer in self._transfers:
            started = (*_parties(transfer), transfer.energy_max_mJ, self._group_id)
            rule = self._terms.group if self._group_id else ""
            self._emit(TransferStarted(self._clock.now_s(), *started, rule))
        async with asyncio.TaskGroup() as all_sides:
            for side in self._sides:
                all_sides.create_task(self._serve(side))
        for transfer, prx in zip(self._transfers, self._prxs, strict=True):
            ends = (_name(self._ptx), _name(prx))
            self._emit(TransferEnded(self._clock.now_s(), *_parties(transfer), *ends))

    async def _grant_all(self, duration_ms: int) -> None:
        asked: list[_Side] = []
        try:
            for side in (*self._prxs, self._ptx):
                asked.append(side)
                await self._grant(side, duration_ms)
        except GrantRefused:
            await self._stop_quietly(asked[:-1])
            raise
        except BaseException:
            await self._stop_quietly(asked)
            raise

    async def _grant(self, side: _Side, duration_ms: int) -> None:
        link = await self._pool.get(side.board_id)
        power_max_mW = self._terms.power_max_mW
        if not power_max_mW:
            power_max_mW = (await link.ask_limits()).power_allowed_mW
        asked_s = self._clock.now_s()
        ack = await link.command(
            FrameType.GRANT,
            side.transfer_id,
            side.role,
            side.peer,
            self._group_id,
            _THIS_HOST,
            self._terms.bounded_mW(power_max_mW),
            min(side.energy_max_mJ, 0xFFFFFFFF),
            duration_ms,
            self._terms.floor_pct,
            self._terms.lease_ms,
            _NO_FLAGS,
            life_ms=self._terms.lease_ms,
        )
        if ack.code != ept.NONE:
            raise GrantRefused(side.board_id, ack.code, codes.name(ack.code))
        self._heard(side, ack, asked_s)

    async def _serve(self, side: _Side) -> None:
        """Renew one side until it has ended; wake early to tell it that another has."""
        period_s = self._terms.lease_ms / 1000 / RENEWALS_PER_LEASE
        due_s = side.leased_s
        while side.ended == ept.NONE:
            due_s = max(due_s + period_s, self._clock.now_s())
            await self._pause(due_s - self._clock.now_s())
            try:
                async with self._clock.timeout(period_s):
                    await self._renew(side)
            except TimeoutError:  # an answer got lost: the next renewal is due already
                self._give_up_if_silent(side)
            except (RadioError, ProtocolError):
                self._give_up_if_silent(side)
                await self._clock.sleep(period_s)

    async def _renew(self, side: _Side) -> None:
        link = await self._pool.get(side.board_id)
        transfer_id, asked_s = side.transfer_id, self._clock.now_s()
        lease_ms = self._terms.lease_ms
        if self._stop:
            ack = await link.command(FrameType.STOP, transfer_id, life_ms=lease_ms)
        elif side is self._ptx and self._group_id:
            ack = await link.command(
                FrameType.GROUP_RENEW, transfer_id, *self._reports(), life_ms=lease_ms
            )
        else:
            peer = self._prxs[0] if side is self._ptx else self._ptx
            ack = await link.command(
                FrameType.RENEW,
                transfer_id,
                lease_ms,
                peer.power_mW,
                self._end_of(peer),
                life_ms=lease_ms,
            )
        self._heard(side, ack, asked_s)
        if side is self._ptx and side.power_mW and not self._is_shown:
            await self._show(link, ack)

    def _reports(self) -> list[int]:
        """Return what GROUP_RENEW says of the receivers: an end, leases, powers.

        A lease counts from the moment when its receiver was asked. A late report is left out.
        """
        ended = next(filter(None, map(self._end_of, self._prxs)), ept.NONE)
        leases_ms, powers_mW = [0] * wire.GROUP_MAX, [0] * wire.GROUP_MAX
        for place, prx in enumerate(self._prxs):
            age_ms = int((self._clock.now_s() - prx.leased_s) * 1000)
            if age_ms * _LATE_SHARE <= self._terms.lease_ms:
                leases_ms[place] = self._terms.lease_ms - age_ms
                powers_mW[place] = prx.power_mW
        return [ended, *leases_ms, *powers_mW]

    def _end_of(self, side: _Side) -> int:
        return side.ended or (ept.LEASE_LOST if self._is_silent(side) else ept.NONE)

    async def _show(self, link: BoardLink, ack: Ack) -> None:
        self._is_shown = True  # there is one try only, because renewals matter more
        with suppress(TimeoutError):
            async with self._clock.timeout(self._terms.lease_ms / 1000 / _SHOWN_SHARE):
                self._shown(ack, await link.status())

    def _heard(self, side: _Side, ack: Ack, asked_s: float) -> None:
        """Take an answer. The lease counts from `asked_s`: the answer may have come late."""
        if ack.code != ept.EXPIRED:
            side.leased_s = asked_s
        if ack.transfer_id == side.transfer_id:
            side.power_mW = ack.power_mW
            side.energy_mJ = ack.energy_mJ
            side.soc_permille = ack.soc_permille
            side.heard_s = self._clock.now_s()
            self._sample(side.board_id, side.role, ack)
        if not ack.runs(side.transfer_id):
            self._end(side, ack.ept or ept.STOPPED)
        self._progress()

    def _end(self, side: _Side, code: int, known: bool = True) -> None:
        side.ended, side.known = code, known
        side.power_mW = 0
        self._wake.set()

    def _give_up_if_silent(self, side: _Side) -> None:
        if self._is_silent(side):
            self._end(side, ept.LEASE_LOST, known=False)

    def _is_silent(self, side: _Side) -> bool:
        """Whether a whole lease passed without an answer: then the board has ended by itself."""
        return (self._clock.now_s() - side.leased_s) * 1000 > self._terms.lease_ms

    async def _pause(self, duration_s: float) -> None:
        sleeping = asyncio.ensure_future(self._clock.sleep(duration_s))
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({sleeping, waking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()

    async def _stop_quietly(self, sides: list[_Side]) -> None:
        """Stop the sides that can be reached; the others end with their lease."""
        for side in sides:
            with suppress(RadioError, ProtocolError):
                link = await self._pool.get(side.board_id)
                await link.command(FrameType.STOP, side.transfer_id)

    def _progress(self) -> None:
        """Tell how each transfer goes; what a group's transmitter sends is apportioned."""
        ptx, now_s = self._ptx, self._clock.now_s()
        powers_mW = apportion(ptx.power_mW, [prx.power_mW for prx in self._prxs])
        given_mJ = self.given_mJ
        for transfer, prx, power_mW in zip(self._transfers, self._prxs, powers_mW, strict=True):
            energy_mJ = given_mJ[prx.board_id]
            if self._group_id and energy_mJ >= transfer.energy_max_mJ:
                self._stop_all()  # its share is used up
            self._emit(
                Progress(
                    now_s,
                    *_parties(transfer),
                    power_mW,
                    prx.power_mW,
                    energy_mJ,
                    prx.energy_mJ,
                    ptx.soc_permille,
                    prx.soc_permille,
                    _age_s(ptx, now_s),
                    _age_s(prx, now_s),
                )
            )


def _parties(transfer: TransferRecord) -> tuple[int, int, int]:
    return (transfer.transfer_id, transfer.ptx, transfer.prx)


def _age_s(side: _Side, now_s: float) -> float | None:
    return None if side.heard_s is None else now_s - side.heard_s


def _name(side: _Side) -> str | None:
    return codes.name(side.ended) if side.known else None
