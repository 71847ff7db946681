# SPDX-License-Identifier: MIT
"""Listens: adverts into the fleet, boards that come and go into events; watches the scanner."""

import asyncio
from collections.abc import Callable

from crowdcharge.boards.aliases import Aliases
from crowdcharge.boards.fleet import Fleet
from crowdcharge.boards.keys import Keys
from crowdcharge.boards.models import Beacon, Sighting
from crowdcharge.boards.session import wrong_version
from crowdcharge.clock import Clock
from crowdcharge.errors import RadioError
from crowdcharge.orchestrator.events import BoardLost, BoardSeen, Emit, Trouble
from crowdcharge.radio.base import Advert, Radio

_LOOK_EVERY_s = 1.0
_PRESENT_MAX = 256  # boards without a key in BoardSeen events; more suggests spoofing
_SILENCE_MAX_s = 30.0  # no advert from anyone: the scanner itself may be dead


class Observer:
    """Times are the event loop's: adverts come in real time, however fast boards' clocks run."""

    def __init__(
        self,
        radio: Radio,
        fleet: Fleet,
        clock: Clock,
        emit: Emit,
        is_connected: Callable[[int], bool],
        keys: Keys,
    ) -> None:
        self._radio = radio
        self._fleet = fleet
        self._clock = clock
        self._emit = emit
        self._is_connected = is_connected
        self._keys = keys
        self._aliases = Aliases(keys)
        self._present: set[int] = set()
        self._old: set[int] = set()
        self._heard_s = 0.0

    async def run(self) -> None:
        """Listen until cancelled; NoAdapter if there is nothing to scan with."""
        loop = asyncio.get_running_loop()
        self._heard_s = loop.time()
        await self._radio.start_scan(self._on_advert)
        try:
            while True:
                await asyncio.sleep(_LOOK_EVERY_s)
                self._lose_stale(loop.time())
                if self._is_deaf(loop.time()):
                    await self._restart()
        finally:
            await self._radio.stop_scan()

    def _on_advert(self, advert: Advert) -> None:
        try:
            beacon = self._aliases.beacon(advert.data)
        except ValueError:  # not a board, a hidden one without a key here, or another version
            self._tell_of_old(advert)
            return
        self._heard_s = asyncio.get_running_loop().time()
        view = self._fleet.add(Sighting(beacon, advert.address, advert.rssi_dBm, self._heard_s))
        is_new = beacon.board_id not in self._present
        if is_new and (beacon.board_id in self._keys or len(self._present) < _PRESENT_MAX):
            self._present.add(beacon.board_id)
            self._emit(BoardSeen(self._clock.now_s(), view))

    def _tell_of_old(self, advert: Advert) -> None:
        """Say once that an advert looks like a board of ours with firmware of wire version 1."""
        try:
            board_id = Beacon.unpack_1(advert.data).board_id
        except ValueError:
            return
        if board_id in self._keys and board_id not in self._old | self._present:
            self._old.add(board_id)
            text = f"at {advert.address}: {wrong_version(board_id, 1)}"
            self._emit(Trouble(self._clock.now_s(), board_id, text))

    def _lose_stale(self, now_s: float) -> None:
        """Report boards that are gone; those that are connected need not advertise."""
        here = {
            view.board_id
            for view in self._fleet.views()
            if not view.is_stale(now_s) or self._is_connected(view.board_id)
        }
        for board_id in sorted(self._present - here):
            self._present.discard(board_id)
            self._emit(BoardLost(self._clock.now_s(), board_id))
        self._fleet.forget_strangers(now_s)

    def _is_deaf(self, now_s: float) -> bool:
        """Tell whether nobody is heard, though some board should advertise."""
        connected = all(self._is_connected(view.board_id) for view in self._fleet.views())
        return now_s - self._heard_s > _SILENCE_MAX_s and not (connected and self._present)

    async def _restart(self) -> None:
        self._heard_s = asyncio.get_running_loop().time()
        text = f"no advert for {_SILENCE_MAX_s:g} s; starting the scanner anew"
        self._emit(Trouble(self._clock.now_s(), 0, text))
        try:
            await self._radio.stop_scan()
            await self._radio.start_scan(self._on_advert)
        except RadioError as error:
            self._emit(Trouble(self._clock.now_s(), 0, str(error), type(error).__name__))
