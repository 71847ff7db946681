# SPDX-License-Identifier: MIT
"""A room of boards that are cores, with proxies that are not ours, and a host's radio on them."""

import asyncio
import base64
from collections.abc import Sequence
from typing import Any

from crowdcharge.bench.sessions.core_radio import CoreAir, CoreRadio
from crowdcharge.bench.sessions.steady_board import SteadyBoard
from crowdcharge.boards.link import BoardLink
from crowdcharge.clock import BoardClock
from crowdcharge.radio import open_radios
from crowdcharge.radio.base import Proxy, Radio

from .other_firmware import Firmware
from .other_proxy import OtherProxy
from .waiting import until

KEY = bytes(range(32))
STEP_s = 0.1


def ignore(*_: object) -> None:
    pass


class OtherRoom:
    """Boards that are cores, proxies that are not ours, and a host's radio on all of them."""

    def __init__(self, socs_pct: Sequence[float] = (50.0,) * 4) -> None:
        boards = enumerate(socs_pct, 1)
        self.air = CoreAir({number: SteadyBoard(number, soc, 200.0) for number, soc in boards})
        self.told: list[str] = []
        self.proxies: list[OtherProxy] = []
        self.radios: list[Any] = []
        self._living = asyncio.ensure_future(self._live())

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            for board in self.air.boards.values():
                board.step(loop.time(), round(STEP_s * 1000))
                self.air.advertise(board)
            await asyncio.sleep(STEP_s)

    async def proxy(self, key: bytes = b"", **firmware: Any) -> OtherProxy:
        mac = f"C0:FF:EE:00:00:{len(self.proxies) + 1:02X}"
        made = OtherProxy(CoreRadio(self.air), Firmware(**{"mac": mac, **firmware}), key)
        self.proxies.append(made)
        await made.start()
        return made

    def radio(self, *proxies: Proxy) -> Any:
        reached = proxies or [self.reach(each) for each in self.proxies]
        self.radios.append(open_radios([], reached, 7, self.told.append))
        return self.radios[-1]

    @staticmethod
    def reach(proxy: OtherProxy, host: str = "127.0.0.1") -> Proxy:
        return Proxy(host, proxy.port, base64.b64encode(proxy.key).decode())

    def address(self, board_id: int = 1) -> str:
        return self.air.boards[board_id].address

    async def listening(self, *proxies: Proxy) -> Any:
        """Return a radio that hears the boards."""
        radio = self.radio(*proxies)
        await radio.start_scan(ignore)
        await until(lambda: radio.hearing(self.address()), "the board to be heard")
        return radio

    async def open(self, radio: Radio, board_id: int = 1) -> BoardLink:
        """Authenticate a board, as the host does."""
        board, clock = self.air.boards[board_id], BoardClock(1.0)
        return await BoardLink.open(radio, board.address, board_id, board.key, bytes, clock)

    async def close(self) -> None:
        for radio in self.radios:
            await radio.close()
        for proxy in self.proxies:
            await proxy.stop()
        self._living.cancel()
