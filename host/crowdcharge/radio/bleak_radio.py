# SPDX-License-Identifier: MIT
"""The radio of a laptop or a Raspberry Pi through bleak, or any bleak backend handed in here.

It passes the BLEDevice of the latest advert, never an address, and makes one connection at a time,
because parallel attempts give InProgress on BlueZ. bleak-retry-connector retries an attempt after
a passing disturbance; the pool retries a failed one, with back-off. Any operation that fails ends
its link, so that nobody goes on with objects that BlueZ has dropped.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from bleak import BleakClient, BleakScanner
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakDeviceNotFoundError
from bleak_retry_connector import BleakNotFoundError, establish_connection

from crowdcharge.errors import NoAdapter, RadioError
from crowdcharge.radio import bluez, bluez_errors
from crowdcharge.radio.base import Advert, OnAdvert, OnClosed, OnData
from crowdcharge.radio.mtu import settled_mtu
from wptcore import wire

CONNECT_TIMEOUT_s = 10.0
CONNECT_ATTEMPTS = 1  # bleak 3.1 refuses a second one on a client: already connected
CONNECT_WHOLE_s = 30.0  # includes bleak-retry-connector's wait for a vanished device
IO_TIMEOUT_s = 5.0
_ATT_HEADER = 3


class BleakRadio:
    """A radio; `scanner` and `client` are backend classes for bleak, None for the platform's.

    `adapter` names one for BlueZ ("hci1"), None is the first. `transport` is what the backend
    classes reach, for error messages. `slots`: how many connections it holds.
    """

    trouble = ""
    deaf_after_s = 15.0  # Linux reports a board at least once in each scan of 10.24 s

    def __init__(
        self,
        scanner: type[BaseBleakScanner] | None = None,
        client: type[BaseBleakClient] | None = None,
        adapter: str | None = None,
        transport: str = "",
        slots: int = 0,
    ) -> None:
        self.name = transport or adapter or "adapter"
        self.slots = slots
        self._transport = transport
        self._scanner_backend = scanner
        self._client_backend = client
        self._bluez: Any = {"adapter": adapter} if adapter else {}
        self._scan: bluez.Scan | None = None
        self._devices: dict[str, BLEDevice] = {}
        self._links: dict[str, BleakLink] = {}
        self._connecting = asyncio.Lock()

    async def start_scan(self, on_advert: OnAdvert) -> None:
        def detected(device: BLEDevice, data: AdvertisementData) -> None:
            payload = data.manufacturer_data.get(wire.COMPANY_ID)
            if payload is not None:
                self._devices[device.address] = device
                on_advert(Advert(device.address, data.rssi, payload, self.name))

        self._devices.clear()
        try:
            scanner = BleakScanner(detected, bluez=self._bluez, backend=self._scanner_backend)
            self._scan = bluez.Scan(scanner)
            if self._is_bluez:
                await bluez.drop_orphans(self._bluez, self._connected())
            await self._scan.start()
        except bluez.FAILURES as error:
            raise self._cannot_scan(error) from None

    @property
    def is_up(self) -> bool:
        return self._scan is not None

    def room(self, _address: str) -> int:
        return self.slots - len(self._connected())

    @property
    def is_disputed(self) -> bool:
        return False

    def radio_of(self, _address: str) -> str:
        return self.name

    async def reclaim(self) -> None:
        pass  # a scan drops what a killed host has left

    @property
    def _is_bluez(self) -> bool:
        return self._scanner_backend is None and sys.platform == "linux"

    def _cannot_scan(self, error: BaseException) -> RadioError:
        if self._transport and isinstance(error, OSError):
            return NoAdapter(f"no radio at {self._transport}; is the bench up? ({error})")
        text = bluez_errors.not_usable(error)
        if text is not None:
            return NoAdapter(text)
        return RadioError(f"cannot scan: {bluez_errors.reason(error)}")

    def _connected(self) -> set[str]:
        return {address for address, link in self._links.items() if not link.lost}

    async def stop_scan(self) -> None:
        """Stop the scan, also one that has ended because bluetoothd or the adapter went away."""
        scan, self._scan = self._scan, None
        if scan is not None:
            await scan.stop()

    async def connect(self, address: str, on_closed: OnClosed) -> "BleakLink":
        device = self._devices.get(address)
        if device is None:
            raise RadioError(f"{address} has not been heard")
        async with self._connecting:
            if address in self._links:
                await self._links.pop(address).discard()
            self._links[address] = link = BleakLink(on_closed)
            try:
                with _radio_errors(f"connect to {address}"):
                    async with asyncio.timeout(CONNECT_WHOLE_s), self._undisturbed():
                        link.client = await self._establish(device, link)
            except BaseException:
                del self._links[address]
                raise
        try:
            await link.settle()
        except BaseException:  # also when cancelled: nobody else could close the link
            await link.discard()
            raise
        return link

    @asynccontextmanager
    async def _undisturbed(self) -> AsyncIterator[None]:
        if self._scan is None or not self._is_bluez:
            yield
            return
        async with self._scan.paused():
            yield

    async def _establish(self, device: BLEDevice, link: "BleakLink") -> BleakClient:
        try:
            return await establish_connection(
                _Client,
                device,
                device.address,
                disconnected_callback=lambda _: link.lose(),
                max_attempts=CONNECT_ATTEMPTS,
                use_services_cache=False,
                bluez=self._bluez,
                backend=self._client_backend,
            )
        except BleakNotFoundError as error:
            if isinstance(error.__cause__, BleakDeviceNotFoundError):
                self._devices.pop(device.address, None)  # until it is heard again
            raise

    async def close(self) -> None:
        await self.stop_scan()


class BleakLink:
    """A link; when it ends for any reason it is `lost` and `on_closed` is called once."""

    client: BleakClient

    def __init__(self, on_closed: OnClosed) -> None:
        self._on_closed = on_closed
        self._notified = False
        self.lost = False

    @property
    def address(self) -> str:
        return self.client.address

    @property
    def mtu(self) -> int:
        """The ATT MTU, which BlueZ reports only for each characteristic."""
        command = self.client.services.get_characteristic(wire.COMMAND_UUID)
        if command is None:
            raise RadioError(f"{self.address} has no crowd-charge service")
        mtu = command.max_write_without_response_size + _ATT_HEADER
        return mtu if bluez.is_bluez(self.client) else max(self.client.mtu_size, mtu)

    async def settle(self) -> None:
        """Wait for the MTU, which BlueZ may tell late. Who is not a board fails later."""
        with suppress(RadioError):
            await settled_mtu(lambda: self.mtu, lambda: self.lost)

    async def read(self, uuid: str) -> bytes:
        async with self._io("read from"):
            return bytes(await self.client.read_gatt_char(uuid))

    async def write(self, uuid: str, data: bytes) -> None:
        async with self._io("write to"):
            await self.client.write_gatt_char(uuid, data, response=True)

    async def subscribe(self, uuid: str, on_data: OnData) -> None:
        def notified(_: object, data: bytearray) -> None:
            self._notified = True
            on_data(bytes(data))

        async with self._io("subscribe to"):
            await self.client.start_notify(uuid, notified)

    async def close(self) -> None:
        """Disconnects. A board that never notified may have changed its services: forget them."""
        async with self._io("disconnect from"):
            await self.client.disconnect()
        if not self._notified:
            await bluez.forget(self.client)

    async def discard(self) -> None:
        """Close a link that is lost or about to be replaced, ignoring errors."""
        with suppress(RadioError):
            await self.close()

    def lose(self) -> None:
        if not self.lost:
            self.lost = True
            self._on_closed()

    @asynccontextmanager
    async def _io(self, what: str) -> AsyncIterator[None]:
        try:
            with _radio_errors(f"{what} {self.address}"):
                async with asyncio.timeout(IO_TIMEOUT_s):
                    yield
        except RadioError:
            self.lose()
            raise


class _Client(BleakClient):
    """A client with a shorter time-out than the connector's 20 s, for which no lease waits.

    On BlueZ it is left as it is, because there it includes reading all services.
    """

    async def connect(self, **kwargs: Any) -> None:
        if not bluez.is_bluez(self):
            kwargs["timeout"] = CONNECT_TIMEOUT_s
        await super().connect(**kwargs)


@contextmanager
def _radio_errors(what: str) -> Iterator[None]:
    """Turn whatever a backend raises into a RadioError."""
    try:
        yield
    except bluez.FAILURES as error:
        raise RadioError(f"cannot {what}: {bluez_errors.reason(error)}") from None
