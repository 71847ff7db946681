# SPDX-License-Identifier: MIT
"""The radio of a laptop or a Raspberry Pi through bleak, or any bleak backend handed in here.

The only file that imports bleak. Passes the BLEDevice of the latest advert, never an address, and
makes one connect at a time: parallel ones give InProgress on BlueZ. Retries and back-off are
bleak-retry-connector's.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from bleak import BleakClient, BleakScanner
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakDBusError, BleakError
from bleak_retry_connector import establish_connection
from wptcore import wire

from crowdcharge.errors import NoAdapter, RadioError
from crowdcharge.radio.base import Advert, OnAdvert, OnClosed, OnData

CONNECT_TIMEOUT_s = 10.0
CONNECT_ATTEMPTS = 2
IO_TIMEOUT_s = 5.0
_ATT_HEADER = 3

_FAILURES = (BleakError, TimeoutError, OSError, EOFError)
_NO_ADAPTER = "no Bluetooth adapter: plug one in and switch it on, or name a transport"


class BleakRadio:
    """`scanner` and `client`: backend classes for bleak, None for the platform's own.

    `adapter`: which one, for BlueZ ("hci1"); None for the first. `transport`: what the backend
    classes reach, for messages.
    """

    def __init__(
        self,
        scanner: type[BaseBleakScanner] | None = None,
        client: type[BaseBleakClient] | None = None,
        adapter: str | None = None,
        transport: str = "",
    ) -> None:
        self._transport = transport
        self._scanner_backend = scanner
        self._client_backend = client
        self._bluez: Any = {"adapter": adapter} if adapter else {}
        self._scanner: BleakScanner | None = None
        self._devices: dict[str, BLEDevice] = {}
        self._connecting = asyncio.Lock()

    async def start_scan(self, on_advert: OnAdvert) -> None:
        def detected(device: BLEDevice, data: AdvertisementData) -> None:
            payload = data.manufacturer_data.get(wire.COMPANY_ID)
            if payload is not None:
                self._devices[device.address] = device
                on_advert(Advert(device.address, data.rssi, payload))

        try:
            self._scanner = BleakScanner(
                detected, bluez=self._bluez, backend=self._scanner_backend
            )
            await self._scanner.start()
        except BleakBluetoothNotAvailableError as error:
            raise self._no_adapter(error.args[0]) from None
        except (BleakDBusError, OSError) as error:
            raise self._no_adapter(str(error)) from None
        except BleakError as error:
            raise RadioError(f"cannot scan: {error}") from None

    def _no_adapter(self, reason: str) -> NoAdapter:
        if self._transport:
            return NoAdapter(f"no radio at {self._transport}; is the bench up? ({reason})")
        return NoAdapter(f"{_NO_ADAPTER} ({reason})")

    async def stop_scan(self) -> None:
        scanner, self._scanner = self._scanner, None
        if scanner is not None:
            with _radio_errors("stop scanning"):
                await scanner.stop()

    async def connect(self, address: str, on_closed: OnClosed) -> "BleakLink":
        device = self._devices.get(address)
        if device is None:
            raise RadioError(f"{address} has not been heard")
        async with self._connecting:
            with _radio_errors(f"connect to {address}"):
                client = await establish_connection(
                    _Client,
                    device,
                    address,
                    disconnected_callback=lambda _: on_closed(),
                    max_attempts=CONNECT_ATTEMPTS,
                    bluez=self._bluez,
                    backend=self._client_backend,
                )
        return BleakLink(client)

    async def close(self) -> None:
        await self.stop_scan()


class BleakLink:
    def __init__(self, client: BleakClient) -> None:
        self._client = client

    @property
    def address(self) -> str:
        return self._client.address

    @property
    def mtu(self) -> int:
        """BlueZ tells the MTU per characteristic only, and 23 for the connection."""
        command = self._client.services.get_characteristic(wire.COMMAND_UUID)
        if command is None:
            raise RadioError(f"{self.address} has no crowd-charge service")
        return max(self._client.mtu_size, command.max_write_without_response_size + _ATT_HEADER)

    async def read(self, uuid: str) -> bytes:
        async with _io(f"read from {self.address}"):
            return bytes(await self._client.read_gatt_char(uuid))

    async def write(self, uuid: str, data: bytes) -> None:
        async with _io(f"write to {self.address}"):
            await self._client.write_gatt_char(uuid, data, response=True)

    async def subscribe(self, uuid: str, on_data: OnData) -> None:
        async with _io(f"subscribe to {self.address}"):
            await self._client.start_notify(uuid, lambda _, data: on_data(bytes(data)))

    async def close(self) -> None:
        async with _io(f"disconnect from {self.address}"):
            await self._client.disconnect()


class _Client(BleakClient):
    """The connector asks for 20 s an attempt; a lease does not wait that long."""

    async def connect(self, **kwargs: Any) -> None:
        kwargs["timeout"] = CONNECT_TIMEOUT_s
        await super().connect(**kwargs)


@asynccontextmanager
async def _io(what: str) -> AsyncIterator[None]:
    with _radio_errors(what):
        async with asyncio.timeout(IO_TIMEOUT_s):
            yield


@contextmanager
def _radio_errors(what: str) -> Iterator[None]:
    """Whatever a backend raises, the caller sees one RadioError."""
    try:
        yield
    except _FAILURES as error:
        reason = str(error) or type(error).__name__
        raise RadioError(f"cannot {what}: {reason}") from None
