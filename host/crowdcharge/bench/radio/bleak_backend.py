# SPDX-License-Identifier: MIT
"""A bleak backend on a bumble host: what the orchestrator uses on the virtual bench.

`backends(transport)` gives the two classes for bleak's public `backend=` argument. The transport
is a bumble URI, "tcp-client:127.0.0.1:PORT" for a bench hub. All scanners and clients of one pair
of classes share one host, which is open while any of them is in use, as an operating system's is.

Adverts and scan responses are merged as Linux does it. Pairing is not supported.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeVar

from bleak.args import SizedBuffer
from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementDataCallback, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bleak.uuids import normalize_uuid_str
from bumble import att, core, hci
from bumble.device import Connection, Peer
from bumble.gatt_client import CharacteristicProxy

from crowdcharge.bench.radio.adverts import advertisement_data
from crowdcharge.bench.radio.central import Central, seen
from crowdcharge.bench.radio.host import Report

MTU = 517  # as Linux requests it
ATT_HEADER = 3
T = TypeVar("T")


def backends(transport: str) -> tuple[type[BaseBleakScanner], type[BaseBleakClient]]:
    """Scanner and client classes that share one radio on `transport`."""
    central = Central(transport)

    class BenchScanner(Scanner):
        _central = central

    class BenchClient(Client):
        _central = central

    return BenchScanner, BenchClient


class Scanner(BaseBleakScanner):
    _central: Central

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: Literal["active", "passive"] = "active",
        **_platform: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._active = scanning_mode == "active"

    async def start(self) -> None:
        self.seen_devices = {}
        await self._central.start_scanning(self._on_advert, active=self._active)

    async def stop(self) -> None:
        await self._central.stop_scanning(self._on_advert)

    def _on_advert(self, report: Report, data: bytes) -> None:
        advert = advertisement_data(data, report.rssi_dBm)
        if not self.is_allowed_uuid(advert.service_uuids):
            return
        address = ":".join(f"{byte:02X}" for byte in reversed(report.address))
        known = self.seen_devices.get(address)
        name = advert.local_name or (known[0].name if known else None)
        details = hci.Address(report.address, hci.AddressType(report.address_type))
        device = self.create_or_update_device(address, address, name, details, advert)
        self.call_detection_callbacks(device, advert)


class Client(BaseBleakClient):
    _central: Central

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        services: set[str] | None = None,
        **platform: Any,
    ) -> None:
        super().__init__(
            address_or_ble_device,
            disconnected_callback=disconnected_callback,
            timeout=timeout,
            **platform,
        )
        self._device = (
            address_or_ble_device if isinstance(address_or_ble_device, BLEDevice) else None
        )
        self._wanted_services = services
        self._link: Connection | None = None
        self._gone: asyncio.Future[None] | None = None

    @property
    def name(self) -> str:
        known = self._device.name if self._device else None
        return known or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        return self._require_link().att_mtu

    @property
    def is_connected(self) -> bool:
        return self._link is not None

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        timeout_s = kwargs.get("timeout", self._timeout)
        if pair:
            await self.pair()
        if self._link is not None:
            raise BleakError(f"{self.address} is already connected")
        await self._central.acquire()
        try:
            address = self._device.details if self._device else await self._find(timeout_s)
            self._on_link(await self._central.connect(address, timeout_s))
        except BaseException:
            await self._central.release()
            raise
        try:
            async with asyncio.timeout(timeout_s):
                await self._request(self._discover())
        except BaseException:
            await self.disconnect()
            raise

    async def disconnect(self) -> None:
        link, gone = self._link, self._gone
        if link is not None and gone is not None:
            with contextlib.suppress(core.BaseBumbleError):
                await link.disconnect()
            await gone

    async def pair(self, *_args: Any, **_kwargs: Any) -> None:
        raise NotImplementedError("the virtual bench does not pair")

    async def unpair(self) -> None:
        raise NotImplementedError("the virtual bench does not pair")

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **_kwargs: Any
    ) -> bytearray:
        del use_cached
        return bytearray(await self._request(characteristic.obj.read_value()))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **_kwargs: Any
    ) -> bytearray:
        del use_cached
        return bytearray(await self._request(descriptor.obj.read_value()))

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        if not response and len(data) > self.mtu_size - ATT_HEADER:
            raise BleakError(f"{len(data)} bytes do not fit into a write without response")
        await self._request(characteristic.obj.write_value(bytes(data), with_response=response))

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        await self._request(descriptor.obj.write_value(bytes(data), with_response=True))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_kwargs: Any
    ) -> None:
        proxy: CharacteristicProxy[bytes] = characteristic.obj
        await self._request(proxy.subscribe(lambda value: callback(bytearray(value))))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        proxy: CharacteristicProxy[bytes] = characteristic.obj
        await self._request(proxy.unsubscribe())

    # The link

    async def _find(self, timeout_s: float) -> hci.Address:
        """Wait for an advert of the device: an address alone does not say of which type it is."""
        found: asyncio.Future[hci.Address] = asyncio.get_running_loop().create_future()
        wanted = bytes(reversed(bytes.fromhex(self.address.replace(":", ""))))

        def look(report: Report, _data: bytes) -> None:
            if report.address == wanted and not found.done():
                found.set_result(hci.Address(wanted, hci.AddressType(report.address_type)))

        await self._central.start_scanning(look, active=False)
        try:
            async with asyncio.timeout(timeout_s):
                return await found
        except TimeoutError:
            raise BleakDeviceNotFoundError(
                self.address, f"{self.address} was not seen within {timeout_s:g} s"
            ) from None
        finally:
            await self._central.stop_scanning(look)

    def _on_link(self, link: Connection) -> None:
        self._link = link
        self._gone = asyncio.get_running_loop().create_future()
        link.on(Connection.EVENT_DISCONNECTION, self._on_gone)

    def _on_gone(self, _reason: int) -> None:
        if self._gone is None or self._gone.done():
            return
        self._link = None
        self.services = None
        self._gone.set_result(None)
        self._central.release_soon()
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    def _require_link(self) -> Connection:
        if self._link is None:
            raise BleakError(f"{self.address} is not connected")
        return self._link

    async def _request(self, work: Coroutine[Any, Any, T]) -> T:
        """Run one ATT operation; it fails at once when the link ends, not after ATT's 30 s.

        If the caller gives up, the operation goes on, so that a late response is not taken for
        the response to the next request.
        """
        gone = self._gone
        if self._link is None or gone is None:
            work.close()
            raise BleakError(f"{self.address} is not connected")
        task = asyncio.ensure_future(work)
        task.add_done_callback(seen)

        def give_up(_gone: asyncio.Future[None]) -> None:
            task.cancel()

        gone.add_done_callback(give_up)
        task.add_done_callback(lambda _task: gone.remove_done_callback(give_up))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if gone.done():
                raise BleakError(f"{self.address} disconnected") from None
            raise
        except att.ATT_Error as error:
            raise BleakGATTProtocolError(error.error_code) from None
        except core.BaseBumbleError as error:
            raise BleakError(str(error)) from error

    async def _discover(self) -> None:
        peer = Peer(self._require_link())
        await peer.request_mtu(MTU)
        await peer.discover_services()
        for found in peer.services:
            for proxy in await peer.discover_characteristics(service=found):
                await peer.discover_descriptors(characteristic=proxy)
        collection = BleakGATTServiceCollection()
        for each in peer.services:
            uuid = _uuid(each.uuid)
            if self._wanted_services and uuid not in self._wanted_services:
                continue
            service = BleakGATTService(each, each.handle, uuid)
            collection.add_service(service)
            for proxy in each.characteristics:
                self._add_characteristic(collection, service, proxy)
        self.services = collection

    def _add_characteristic(
        self,
        collection: BleakGATTServiceCollection,
        service: BleakGATTService,
        proxy: CharacteristicProxy[Any],
    ) -> None:
        characteristic = BleakGATTCharacteristic(
            proxy,
            proxy.handle,
            _uuid(proxy.uuid),
            list(gatt_char_props_to_strs(proxy.properties)),
            lambda: self.mtu_size - ATT_HEADER,
            service,
        )
        collection.add_characteristic(characteristic)
        for each in proxy.descriptors:
            descriptor = BleakGATTDescriptor(each, each.handle, _uuid(each.type), characteristic)
            collection.add_descriptor(descriptor)


def _uuid(uuid: core.UUID) -> str:
    return normalize_uuid_str(str(uuid.to_hex_str("-")))
