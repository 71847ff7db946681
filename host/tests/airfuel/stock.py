# SPDX-License-Identifier: MIT
"""A transmitter as a vendor's example is one: no line of ours, on bumble's own GATT client.

It finds a receiver by the service data of its advert, asks for a short connection interval, counts
handles from that of the service instead of looking for them, writes without response, and packs
every byte itself.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from bumble import hci

from crowdcharge.bench.radio.central import Central

SERVICE_DATA = b"\x16\xfe\xff"
CONTROL, PTU_STATIC, ALERT, SUBSCRIBE, PRU_STATIC, DYNAMIC = 2, 4, 6, 7, 9, 11
ENABLE = bytes((0xC0, 0, 0, 0, 0))
DISABLE = bytes((0x00, 0x80, 0, 0, 0))
STATIC = bytes((0, 84, 0, 0, 0, 0, 3, 62, 32, 0, 0)) + bytes(6)
INTERVAL_ms = 15.0
PATIENCE_s = 10.0


def service_data(advert: bytes) -> bytes | None:
    """Return what follows 0xFFFE in an advert, or None."""
    while advert and advert[0]:
        size = advert[0]
        if advert[1:4] == SERVICE_DATA:
            return advert[4 : size + 1]
        advert = advert[size + 1 :]
    return None


class Stock:
    """`times_s`: the loop's time of each step."""

    def __init__(self, transport: str, address: str) -> None:
        self._address = bytes(reversed(bytes.fromhex(address.replace(":", ""))))
        self._central = Central(transport, INTERVAL_ms)
        self._loop = asyncio.get_running_loop()
        self.times_s: dict[str, float] = {}
        self.alerts: list[tuple[float, int]] = []
        self.lost = asyncio.Event()

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator["Stock"]:
        found: asyncio.Future[tuple[hci.Address, bytes]] = self._loop.create_future()

        def heard(report, data: bytes) -> None:
            told = service_data(data)
            if report.address == self._address and told is not None and not found.done():
                self._note("advert")
                kind = hci.AddressType(report.address_type)
                found.set_result((hci.Address(report.address, kind), told))

        await self._central.start_scanning(heard, active=False)
        try:
            async with asyncio.timeout(PATIENCE_s):
                address, told = await found
                link = await self._central.connect(address, PATIENCE_s)
            self._note("connection")
            link.on(link.EVENT_DISCONNECTION, lambda _reason: self.lost.set())
            self._gatt = link.gatt_client
            self.service = int.from_bytes(told[:2], "little")
            try:
                yield self
            finally:
                if not self.lost.is_set():
                    await link.disconnect()
        finally:
            await self._central.stop_scanning(heard)

    async def read(self, offset: int) -> bytes:
        """ConnectionError: the link ended meanwhile, for which bumble cancels the request."""
        try:
            return bytes(await self._gatt.read_value(self.service + offset))
        except asyncio.CancelledError:
            if not self.lost.is_set():
                raise
            raise ConnectionError("the link ended") from None

    async def write(self, offset: int, data: bytes, response: bool = False) -> None:
        await self._gatt.write_value(self.service + offset, data, with_response=response)

    async def subscribe(self) -> None:
        handle = self.service + ALERT

        def alerted(value: bytes) -> None:
            self.alerts.append((self._loop.time(), value[0]))

        self._gatt.notification_subscribers.setdefault(handle, set()).add(alerted)
        await self.write(SUBSCRIBE, b"\x01\x00", response=True)

    async def register(self) -> bytes:
        """Go through the order of the profile; return PRU Static."""
        static = await self.read(PRU_STATIC)
        self._note("pru static")
        await self.write(PTU_STATIC, STATIC)
        self._note("ptu static")
        await self.read(DYNAMIC)
        self._note("dynamic")
        await self.write(CONTROL, ENABLE)
        self._note("control")
        return static

    def _note(self, step: str) -> None:
        self.times_s[step] = self._loop.time()

    def after_advert_ms(self, step: str) -> float:
        return 1000 * (self.times_s[step] - self.times_s["advert"])
