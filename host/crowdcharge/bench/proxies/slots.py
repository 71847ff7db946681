# SPDX-License-Identifier: MIT
"""The connections of a virtual proxy to boards: a few slots, each held by one address.

As in an ESP32, a slot is taken when a connect begins and free again a little after its connection
has ended; with both, the client is told of the end.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError, BleakGATTProtocolError
from bumble import hci

from crowdcharge.bench.radio.bleak_backend import Client
from crowdcharge.bench.radio.central import Central

CONNECT_TIMEOUT_s = 20.0
CLOSE_s = 0.03
NOT_CONNECTED = -1  # as ESPHome reports it
FAILED = 0x85  # what ESP-IDF says when nobody answers
OnState = Callable[[int, bool, int, int], None]  # address, connected, MTU, error


class Slot:
    """One slot; `client` None: it has leaked, and holds no connection."""

    def __init__(self, client: Client | None) -> None:
        self.client = client
        self.opening: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return self.client is not None and self.client.is_connected

    def characteristic(self, handle: int) -> BleakGATTCharacteristic:
        """Return the characteristic of that handle; BleakError if there is none."""
        services = self.client.services if self.client is not None and self.is_open else None
        found = services.get_characteristic(handle) if services is not None else None
        if found is None:
            raise BleakError("no such characteristic, or no connection")
        return found


class ProxySlots:
    """`on_state` is told when a connection begins or ends, `on_change` of slots taken or freed."""

    def __init__(
        self, central: Central, limit: int, on_state: OnState, on_change: Callable[[], None]
    ) -> None:
        self._central = central
        self.limit = limit
        self._on_state = on_state
        self._on_change = on_change
        self._slots: dict[int, Slot] = {}
        self._leaks_due = 0

    @property
    def addresses(self) -> list[int]:
        return list(self._slots)

    def of(self, address: int) -> Slot:
        return self._slots.get(address) or Slot(None)

    def connect(self, address: int, address_type: int) -> None:
        slot = self._slots.get(address)
        if slot is not None and slot.is_open:
            self._on_state(address, True, self._mtu(slot), 0)
            return
        if slot is None and len(self._slots) >= self.limit:
            self._on_state(address, False, 0, 0)
            return
        if slot is not None and slot.client is not None:  # it is being opened, or closed
            return
        slot = self._slots[address] = Slot(self._client(address, address_type))
        self._on_change()
        slot.opening = asyncio.create_task(self._open(address, slot))

    def _client(self, address: int, address_type: int) -> Client:
        text = ":".join(f"{byte:02X}" for byte in address.to_bytes(6, "big"))
        details = hci.Address(address.to_bytes(6, "little"), hci.AddressType(address_type))
        device = BLEDevice(text, None, details)

        class ProxyClient(Client):
            _central = self._central

        return ProxyClient(
            device,
            disconnected_callback=lambda: self._ended(address),
            timeout=CONNECT_TIMEOUT_s,
        )

    @staticmethod
    def _mtu(slot: Slot) -> int:
        assert slot.client is not None
        return slot.client.mtu_size

    async def _open(self, address: int, slot: Slot) -> None:
        assert slot.client is not None
        try:
            await slot.client.connect(pair=False, timeout=CONNECT_TIMEOUT_s)
        except (BleakError, TimeoutError, OSError):
            self._free(address, slot, FAILED)
            return
        finally:
            slot.opening = None
        if not slot.is_open:  # it ended as it came, so that `_ended` took it for one being opened
            self._free(address, slot, FAILED)
        elif self._slots.get(address) is slot:
            self._on_state(address, True, self._mtu(slot), 0)
            self._on_change()

    def _ended(self, address: int) -> None:
        slot = self._slots.get(address)
        if slot is not None and slot.opening is None and not slot.is_open:
            self._on_state(address, False, 0, 0)
            asyncio.get_running_loop().call_later(CLOSE_s, self._free, address, slot)

    def _free(self, address: int, slot: Slot, error: int = 0) -> None:
        if self._slots.get(address) is slot:
            del self._slots[address]
            self._on_state(address, False, 0, error)
            if self._leaks_due:
                self._leaks_due -= 1
                self.leak()  # it tells of the change
            else:
                self._on_change()

    async def disconnect(self, address: int) -> None:
        """End a connection; a slot that has leaked stays taken, whatever is asked."""
        slot = self._slots.get(address)
        if slot is not None and slot.opening is not None:
            slot.opening.cancel()
            await asyncio.gather(slot.opening, return_exceptions=True)
            if not slot.is_open:
                self._free(address, slot)
        if slot is None or slot.client is None:
            self._on_state(address, False, 0, 0)
        elif slot.is_open:
            await slot.client.disconnect()  # `_ended` tells of it

    async def disconnect_all(self) -> None:
        for address in self.addresses:
            await self.disconnect(address)

    def leak(self) -> None:
        """Take a slot for an address that nobody has asked for or ever will.

        Where none is free, it is the next one whose connection ends.
        """
        if len(self._slots) >= self.limit:
            self._leaks_due += 1
            return
        for number in range(1, self.limit + 1):
            address = 0xC0DE_DEAD_0000 + number
            if address not in self._slots:
                self._slots[address] = Slot(None)
                self._on_change()
                return

    def clear(self) -> None:
        """Forget everything, as a reboot does."""
        for slot in self._slots.values():
            if slot.opening is not None:
                slot.opening.cancel()
        self._slots.clear()
        self._leaks_due = 0

    # -- attributes --

    async def read(self, address: int, handle: int) -> bytes:
        slot = self.of(address)
        characteristic = slot.characteristic(handle)
        assert slot.client is not None
        return bytes(await slot.client.read_gatt_char(characteristic))

    async def write(self, address: int, handle: int, data: bytes, response: bool) -> None:
        slot = self.of(address)
        characteristic = slot.characteristic(handle)
        assert slot.client is not None
        await slot.client.write_gatt_char(characteristic, data, response)

    async def write_descriptor(self, address: int, handle: int, data: bytes) -> None:
        client = self.of(address).client
        descriptor = client.services.get_descriptor(handle) if client and client.services else None
        if client is None or descriptor is None:
            raise BleakError("no such descriptor, or no connection")
        await client.write_gatt_descriptor(descriptor, data)

    def notify(self, address: int, handle: int, on_data: Callable[[bytes], None] | None) -> None:
        """Register for notifications; to switch them on, the client writes the descriptor."""
        proxy: Any = self.of(address).characteristic(handle).obj
        subscribers = proxy.client.notification_subscribers
        subscribers[handle] = {on_data} if on_data is not None else set()


def error_code(error: BaseException) -> int:
    return error.code if isinstance(error, BleakGATTProtocolError) else NOT_CONNECTED
