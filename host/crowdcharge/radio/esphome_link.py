# SPDX-License-Identifier: MIT
"""One connection to one board by way of an ESPHome Bluetooth proxy."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from aioesphomeapi.client import APIClient
from aioesphomeapi.core import APIConnectionError
from aioesphomeapi.model import BluetoothGATTCharacteristic, ESPHomeBluetoothGATTServices

from crowdcharge.errors import RadioError
from crowdcharge.radio.base import OnClosed, OnData

IO_TIMEOUT_s = 3.0
SWITCH_TIMEOUT_s = 1.0  # for the answer to switching notifications on, which not every proxy gives
DISCONNECT_TIMEOUT_s = 2.0
FAILURES = (APIConnectionError, TimeoutError, OSError, ValueError)
_CLIENT_CONFIGURATION = "00002902-0000-1000-8000-00805f9b34fb"
_NOTIFY, _INDICATE = 0x10, 0x20  # properties of a characteristic
_SWITCH_ON = {_NOTIFY: b"\x01\x00", _INDICATE: b"\x02\x00"}


class EsphomeLink:
    """A link; when it ends for any reason it is `lost` and `on_closed` is called once.

    `forget` is called with the link once the proxy has let go of the board, or may have; `see_off`
    waits until the proxy has freed the slot of an address.
    """

    def __init__(
        self,
        client: APIClient,
        address: str,
        on_closed: OnClosed,
        forget: Callable[["EsphomeLink"], None],
        see_off: Callable[[str], Awaitable[None]],
    ) -> None:
        self.address = address
        self.number = int(address.replace(":", ""), 16)
        self.mtu = 0
        self.is_connected = False
        self.error = 0
        self.lost = False
        self.gone = asyncio.Event()  # the proxy has let go of the board, or does not say so
        self.stop_states: Callable[[], None] = _nothing
        self._client = client
        self._on_closed = on_closed
        self._forget, self._see_off = forget, see_off
        self._characteristics: dict[str, BluetoothGATTCharacteristic] = {}

    def on_state(self, connected: bool, mtu: int, error: int) -> None:
        """Take what the proxy says of the connection."""
        if connected:
            self.is_connected, self.mtu = True, mtu or self.mtu
            return
        self.error = error
        was_connected, self.is_connected = self.is_connected, False
        if was_connected:
            self.lose()
            self._end()

    def check(self) -> None:
        """Raise APIConnectionError if the proxy has answered no."""
        if not self.is_connected:
            raise APIConnectionError(f"the proxy answers no (error {self.error})")

    def learn(self, services: ESPHomeBluetoothGATTServices) -> None:
        self._characteristics = {
            found.uuid.lower(): found
            for each in services.services
            for found in each.characteristics
        }

    async def read(self, uuid: str) -> bytes:
        async with self._io("read from"):
            return bytes(
                await self._client.bluetooth_gatt_read(
                    self.number, self._found(uuid).handle, timeout=IO_TIMEOUT_s
                )
            )

    async def write(self, uuid: str, data: bytes) -> None:
        async with self._io("write to"):
            await self._client.bluetooth_gatt_write(
                self.number, self._found(uuid).handle, data, response=True, timeout=IO_TIMEOUT_s
            )

    async def subscribe(self, uuid: str, on_data: OnData) -> None:
        """Subscribe; the proxy only registers, so the board is told by its descriptor."""
        async with self._io("subscribe to"):
            found = self._found(uuid)
            await self._client.bluetooth_gatt_start_notify(
                self.number,
                found.handle,
                lambda _handle, data: on_data(bytes(data)),
                timeout=IO_TIMEOUT_s,
            )
            only_indicates = found.properties & (_NOTIFY | _INDICATE) == _INDICATE
            kind = _INDICATE if only_indicates else _NOTIFY
            for descriptor in found.descriptors:
                if descriptor.uuid.lower() == _CLIENT_CONFIGURATION:
                    await self._switch(descriptor.handle, _SWITCH_ON[kind])

    async def _switch(self, handle: int, value: bytes) -> None:
        with suppress(TimeoutError):
            await self._client.bluetooth_gatt_write_descriptor(
                self.number, handle, value, timeout=SWITCH_TIMEOUT_s
            )

    async def close(self) -> None:
        """Disconnect. If the proxy does not answer, its list of connections shows the end."""
        self.lose()
        if self.gone.is_set():
            return
        try:
            with suppress(*FAILURES):
                async with asyncio.timeout(DISCONNECT_TIMEOUT_s):
                    await self._client.bluetooth_device_disconnect(
                        self.number, timeout=DISCONNECT_TIMEOUT_s
                    )
                    await self._see_off(self.address)
        finally:
            self._end()

    def _end(self) -> None:
        self.gone.set()
        stop, self.stop_states = self.stop_states, _nothing
        stop()
        self._forget(self)

    def _fail(self) -> None:
        """End the link without waiting, so that its slot does not stay taken."""
        if not self.lost:
            self._disconnect_no_wait()
        self.lose()

    def abandon(self) -> None:
        """Give up an attempt to connect, and wait until the proxy has let go of the board."""
        self.lost = True
        if self.is_connected:
            self._disconnect_no_wait()
        else:
            self._end()

    def _disconnect_no_wait(self) -> None:
        with suppress(*FAILURES):
            self._client.bluetooth_device_disconnect_no_wait(self.number)

    def lose(self) -> None:
        if not self.lost:
            self.lost = True
            self._client.bluetooth_gatt_stop_notify_for_address(self.number)
            self._on_closed()

    def _found(self, uuid: str) -> BluetoothGATTCharacteristic:
        found = self._characteristics.get(uuid.lower())
        if found is None:
            raise RadioError(f"{self.address} has no characteristic {uuid}")
        return found

    @asynccontextmanager
    async def _io(self, what: str) -> AsyncIterator[None]:
        if self.lost:
            raise RadioError(f"cannot {what} {self.address}: the connection was lost")
        try:
            async with asyncio.timeout(IO_TIMEOUT_s + SWITCH_TIMEOUT_s):
                yield
        except FAILURES as error:
            self._fail()
            raise RadioError(f"cannot {what} {self.address}: {reason(error)}") from None
        except RadioError:
            self._fail()
            raise


def reason(error: BaseException) -> str:
    """Return the error's text on one line."""
    text = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
    return " ".join(str(error).split()) or text


def _nothing() -> None:
    pass
