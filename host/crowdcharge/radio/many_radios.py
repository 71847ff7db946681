# SPDX-License-Identifier: MIT
"""Several radios as one: local adapters and proxies, each with its own ears and connections.

A board is reached by the radio that hears it best, if that one hears at all and has a connection
left; when that fails, by the next. A radio that does not work is told of once, and tried again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from crowdcharge.errors import NoAdapter, RadioError
from crowdcharge.radio.base import Advert, Link, OnAdvert, OnClosed, PathRadio, Tell, tell_nobody

PATIENCE_s = 5.0  # for a connect, as long as there is another path to try
BUSY_dB = 10.0  # a radio is ranked so much weaker for each connect that it has under way
DOUBT_s = 10.0  # a path that failed comes last for so long
_ROOM_LOOKS, _ROOM_LOOK_s = 40, 0.025  # a second in all
SETTLE_s = 1.0  # some adverts of each radio
FORGET_s = 60.0  # an address that nobody hears any more
_WATCH_EVERY_s = 0.25
_RETRY_FIRST_s = 0.5
_RETRY_MAX_s = 30.0
_SMOOTHING = 0.3


@dataclass(slots=True)
class _Heard:
    """How one radio hears one address."""

    rssi_dBm: float
    seen_s: float
    first_s: float
    doubted_until_s: float = 0.0

    def again(self, rssi_dBm: int, now_s: float) -> None:
        self.rssi_dBm += _SMOOTHING * (rssi_dBm - self.rssi_dBm)
        self.seen_s = now_s


@dataclass(slots=True)
class _Path:
    radio: PathRadio
    heard: dict[str, _Heard] = field(default_factory=dict)
    heard_s: float = 0.0
    is_started: bool = False
    told: str = ""  # what was last said to be wrong with it
    is_twin: bool = False
    connecting: int = 0
    failures: int = 0
    retry_at_s: float = 0.0

    @property
    def is_up(self) -> bool:
        return self.is_started and self.radio.is_up

    def hears(self, address: str, now_s: float) -> bool:
        is_deaf = now_s - self.heard_s > self.radio.deaf_after_s
        return self.is_up and not is_deaf and address in self.heard

    def rank(self, address: str, now_s: float) -> tuple[bool, bool, float]:
        """Sort key: what works first, then what is fresh, then what is strong and has time."""
        heard = self.heard[address]
        is_stale = now_s - heard.seen_s > self.radio.deaf_after_s
        weakness_dB = BUSY_dB * self.connecting - heard.rssi_dBm
        return now_s < heard.doubted_until_s, is_stale, weakness_dB


class ManyRadios:
    """A radio that is made of others; `tell` gets one line for each that fails or comes back."""

    def __init__(self, radios: Sequence[PathRadio], tell: Tell = tell_nobody) -> None:
        self._paths = [_Path(radio) for radio in radios]
        self._tell = tell
        self._on_advert: OnAdvert | None = None
        self._by: dict[str, _Path] = {}  # address -> by which radio it was connected last
        self._links: dict[str, object] = {}  # address -> the token of its live connection
        self._watcher: asyncio.Task[None] | None = None

    # -- listening --

    async def start_scan(self, on_advert: OnAdvert) -> None:
        """Start every radio; NoAdapter if there is none that works."""
        self._on_advert = on_advert
        errors = await asyncio.gather(*(self._start(path) for path in self._paths))
        if not any(path.is_started for path in self._paths):
            raise NoAdapter("; ".join(str(error) for error in errors))
        for path, error in zip(self._paths, errors, strict=True):
            if error is not None:
                self._say(path, str(error))
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch())

    async def _start(self, path: _Path) -> RadioError | None:
        """Start one radio; return what is wrong with it, if anything."""
        loop = asyncio.get_running_loop()
        error: RadioError | None = None
        try:
            await path.radio.start_scan(lambda advert: self._on_heard(path, advert))
        except RadioError as failed:
            error = failed
        error = await self._refuse_twin(path) or error
        if error is None:
            path.is_started, path.failures, path.heard_s = True, 0, loop.time()
            return None
        path.is_started = False
        path.failures += 1
        delay_s = min(_RETRY_FIRST_s * 2.0**path.failures, _RETRY_MAX_s)
        path.retry_at_s = loop.time() + delay_s
        return error

    async def _refuse_twin(self, path: _Path) -> RadioError | None:
        """Return why a radio is not used that is another one under a second name, if it is."""
        identity = getattr(path.radio, "identity", "")
        for other in self._paths:
            is_twin = identity and getattr(other.radio, "identity", "") == identity
            if other is not path and other.is_started and is_twin:
                await path.radio.close()
                path.is_twin = True
                return NoAdapter(
                    f"proxy {path.radio.name}: it is the same as {other.radio.name}"
                    f" ({identity}), which is used"
                )
        return None

    def _say(self, path: _Path, line: str) -> None:
        if line != path.told:
            path.told = line
            self._tell(line)

    async def _watch(self) -> None:
        """Start again what has ended, while the others go on."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_WATCH_EVERY_s)
            due = [path for path in self._paths if self._is_due(path, loop.time())]
            await asyncio.gather(*(self._revive(path) for path in due))

    def _is_due(self, path: _Path, now_s: float) -> bool:
        if path.is_started and not path.radio.is_up:
            path.is_started = False
            path.retry_at_s = now_s + _RETRY_FIRST_s
            lost = f"{path.radio.name} was lost; the other radios go on"
            self._say(path, path.radio.trouble or lost)
        return not (path.is_started or path.is_twin) and now_s >= path.retry_at_s

    async def _revive(self, path: _Path) -> None:
        error = await self._start(path)
        if error is None and path.told:
            path.told = ""
            self._tell(f"{path.radio.name} is back")
        elif error is not None:
            self._say(path, str(error))

    def _on_heard(self, path: _Path, advert: Advert) -> None:
        now_s = asyncio.get_running_loop().time()
        path.heard_s = now_s
        heard = path.heard.get(advert.address)
        if heard is None:
            self._forget_silent(path, now_s)
            path.heard[advert.address] = _Heard(advert.rssi_dBm, now_s, now_s)
        else:
            heard.again(advert.rssi_dBm, now_s)
        if self._on_advert is not None:
            self._on_advert(advert)

    @staticmethod
    def _forget_silent(path: _Path, now_s: float) -> None:
        for address in [at for at, heard in path.heard.items() if now_s - heard.seen_s > FORGET_s]:
            del path.heard[address]

    async def stop_scan(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)
        await asyncio.gather(*(path.radio.stop_scan() for path in self._paths))

    async def close(self) -> None:
        await self.stop_scan()
        await asyncio.gather(*(path.radio.close() for path in self._paths))
        for path in self._paths:
            path.is_started = False

    # -- who hears whom, and by whom --

    @property
    def slots(self) -> int:
        """How many connections the radios that work hold, all together."""
        return sum(path.radio.slots for path in self._paths if path.is_up)

    def hearing(self, address: str) -> dict[str, float]:
        """Return the radios that hear the address now, with its signal in dBm, best first."""
        return {
            path.radio.name: path.heard[address].rssi_dBm for path in self._candidates(address)
        }

    def radio_of(self, address: str) -> str | None:
        """Return the radio that is connected to the address, else the one that hears it best."""
        if address in self._links:
            return self._by[address].radio.name
        return next(iter(self.hearing(address)), None)

    def _candidates(self, address: str) -> list[_Path]:
        now_s = asyncio.get_running_loop().time()
        hearing = [path for path in self._paths if path.hears(address, now_s)]
        return sorted(hearing, key=lambda path: path.rank(address, now_s))

    def crowding(self, address: str) -> frozenset[str]:
        """Return the addresses of which one must be disconnected to make room for this one."""
        paths = self._candidates(address)
        if not paths or any(path.radio.room(address) > 0 for path in paths):
            return frozenset()
        return frozenset(each for each in self._links if self._by[each] in paths)

    def doubt(self, address: str) -> None:
        """Note that the last connection to the address was no good: others come first now."""
        path = self._by.get(address)
        if path is not None and address in path.heard:
            now_s = asyncio.get_running_loop().time()
            path.heard[address].doubted_until_s = now_s + DOUBT_s

    # -- connecting --

    async def connect(self, address: str, on_closed: OnClosed, /) -> Link:
        """Connect by the best path that has room, else by the next."""
        await self._settle(address)
        if not self._candidates(address):
            raise RadioError(f"{address} is heard by no radio that works")
        error = RadioError(f"{address}: no radio that hears it has a connection left")
        tried: list[_Path] = []
        while path := self._next(address, tried) or (not tried and await self._freed(address)):
            tried.append(path)
            self._by[address] = path
            is_last = self._next(address, tried) is None
            try:
                return await self._by_path(path, address, on_closed, is_last)
            except RadioError as failed:
                error = failed
                self.doubt(address)
        raise error

    def _next(self, address: str, tried: Sequence[_Path]) -> _Path | None:
        """Return the best path that has room just now."""
        free = (path for path in self._candidates(address) if path.radio.room(address) > 0)
        return next((path for path in free if path not in tried), None)

    async def _freed(self, address: str) -> _Path | None:
        """Wait for a connection that is just ending; at last free slots that nobody here uses."""
        await asyncio.gather(*(path.radio.reclaim() for path in self._candidates(address)))
        for _ in range(_ROOM_LOOKS):
            if path := self._next(address, ()):
                return path
            await asyncio.sleep(_ROOM_LOOK_s)
        disputed = (path for path in self._candidates(address) if path.radio.is_disputed)
        return next(disputed, None)

    async def _settle(self, address: str) -> None:
        """Give every radio time to hear a new address: the first is not always the best."""
        first_s = [path.heard[address].first_s for path in self._paths if address in path.heard]
        if first_s and len(self._paths) > 1:
            await asyncio.sleep(min(first_s) + SETTLE_s - asyncio.get_running_loop().time())

    async def _by_path(
        self, path: _Path, address: str, on_closed: OnClosed, is_last: bool
    ) -> Link:
        token = self._links[address] = object()

        def closed() -> None:
            if self._links.get(address) is token:
                del self._links[address]
            on_closed()

        path.connecting += 1
        try:
            async with asyncio.timeout(None if is_last else PATIENCE_s):
                return await path.radio.connect(address, closed)
        except BaseException as error:
            if self._links.get(address) is token:
                del self._links[address]
            if isinstance(error, TimeoutError):
                text = f"cannot connect to {address} by {path.radio.name} within {PATIENCE_s:g} s"
                raise RadioError(text) from None
            raise
        finally:
            path.connecting -= 1
