# SPDX-License-Identifier: MIT
"""One client of a virtual proxy's native API: every message that it may send, and the answer.

Message classes and their numbers are aioesphomeapi's. Not modelled: entities, the old adverts
that a proxy parses itself, pairing, and the time that the ESP32 spends on its Wi-Fi.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol
from uuid import UUID

from aioesphomeapi import api_pb2
from aioesphomeapi.core import MESSAGE_TYPE_TO_PROTO
from bleak.exc import BleakError

from crowdcharge.bench.config import ProxyConfig
from crowdcharge.bench.proxies.frames import Frames
from crowdcharge.bench.proxies.slots import ProxySlots, error_code

pb: Any = api_pb2  # it comes without types
_NUMBERS = {kind: number for number, kind in MESSAGE_TYPE_TO_PROTO.items()}
API_VERSION = (1, 12)
CONNECT_KINDS = (0, 4, 5)  # the oldest, with and without the proxy's memory of services
DISCONNECT, CLEAR_CACHE = 1, 6
RAW_ADVERTS = 1
_FULL_UUID_BITS = 64
_BEFORE_HELLO = {pb.HelloRequest, pb.AuthenticationRequest, pb.DisconnectRequest, pb.PingRequest}


class ServedProxy(Protocol):
    """The proxy, as its sessions see it."""

    config: ProxyConfig
    slots: ProxySlots
    is_stalled: bool
    sessions: "set[ApiSession]"

    def serve(self, session: "ApiSession") -> None: ...
    def forsake(self, session: "ApiSession") -> None: ...
    def device_info(self) -> Any: ...
    def slots_message(self) -> Any: ...


class ApiSession(asyncio.Protocol):
    """A TCP connection to the proxy; while that stalls, nothing is read and nothing sent."""

    def __init__(self, proxy: ServedProxy, frames: Frames) -> None:
        self._proxy = proxy
        self._frames = frames
        self._transport: Any = None
        self._unsent = bytearray()
        self._turn = asyncio.Lock()  # one attribute operation at a time
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_ready = False  # it has said hello

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._proxy.sessions.add(self)
        if self._proxy.is_stalled:
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        for task in self._tasks:
            task.cancel()
        self._proxy.sessions.discard(self)
        self._proxy.forsake(self)

    def data_received(self, data: bytes) -> None:
        try:
            for number, body in self._frames.receive(data):
                self._send_reply()
                self._take(number, body)
            self._send_reply()
        except ValueError:  # what is wrong goes out before the end, such as a wrong key
            self._send_reply()
            self._transport.close()

    def _send_reply(self) -> None:
        reply, self._frames.reply = self._frames.reply, b""
        if reply:
            self._write(reply)

    def _take(self, number: int, body: bytes) -> None:
        kind = MESSAGE_TYPE_TO_PROTO.get(number)
        handler = _HANDLERS.get(kind) if kind is not None else None
        if kind is None or handler is None:
            return
        if not self.is_ready and kind not in _BEFORE_HELLO:
            raise ValueError("a client says hello first, or is let go")
        message = kind()
        try:
            message.ParseFromString(body)
        except Exception as error:
            raise ValueError("not a message") from error
        handler(self, message)

    def send(self, message: Any) -> None:
        if not self._transport.is_closing():
            number = _NUMBERS[type(message)]
            self._write(self._frames.pack(number, message.SerializeToString()))

    def _write(self, data: bytes) -> None:
        if self._proxy.is_stalled:
            self._unsent += data
        else:
            self._transport.write(data)

    def stall(self) -> None:
        self._transport.pause_reading()

    def go_on(self) -> None:
        self._transport.resume_reading()
        self._transport.write(bytes(self._unsent))
        self._unsent.clear()

    def abort(self) -> None:
        self._transport.abort()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- the device --

    def _hello(self, _request: Any) -> None:
        self.is_ready = True
        major, minor = API_VERSION
        name = self._proxy.config.name
        info = "crowdcharge virtual proxy"
        self.send(
            pb.HelloResponse(
                api_version_major=major, api_version_minor=minor, server_info=info, name=name
            )
        )

    def _device_info(self, _request: Any) -> None:
        self.send(self._proxy.device_info())

    def _disconnect(self, _request: Any) -> None:
        self.send(pb.DisconnectResponse())
        self._transport.close()

    def _subscribe_adverts(self, request: Any) -> None:
        if request.flags & RAW_ADVERTS:
            self._proxy.serve(self)

    def _unsubscribe_adverts(self, _request: Any) -> None:
        self._proxy.forsake(self)

    def _subscribe_slots(self, _request: Any) -> None:
        self.send(self._proxy.slots_message())

    # -- boards --

    def _device(self, request: Any) -> None:
        slots, kind = self._proxy.slots, request.request_type
        if kind in CONNECT_KINDS:
            slots.connect(request.address, request.address_type)
        elif kind == DISCONNECT:
            self._start(slots.disconnect(request.address))
        elif kind == CLEAR_CACHE:
            self.send(pb.BluetoothDeviceClearCacheResponse(address=request.address, success=True))

    def _services(self, request: Any) -> None:
        client = self._proxy.slots.of(request.address).client
        services = client.services if client is not None else None
        if services is None:
            self._gatt_error(request.address, 0, BleakError("no connection"))
            return
        for service in services:
            described = pb.BluetoothGATTService(
                uuid=_halves(service.uuid),
                handle=service.handle,
                characteristics=[_characteristic(each) for each in service.characteristics],
            )
            self.send(
                pb.BluetoothGATTGetServicesResponse(address=request.address, services=[described])
            )
        self.send(pb.BluetoothGATTGetServicesDoneResponse(address=request.address))

    def _gatt_error(self, address: int, handle: int, error: BaseException) -> None:
        code = error_code(error)
        self.send(pb.BluetoothGATTErrorResponse(address=address, handle=handle, error=code))

    def _gatt(self, request: Any, work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        async def answered() -> None:
            try:
                async with self._turn:
                    answer = await work()
            except (BleakError, OSError) as error:
                self._gatt_error(request.address, request.handle, error)
            else:
                if answer is not None:
                    self.send(answer)

        self._start(answered())

    def _read(self, request: Any) -> None:
        address, handle = request.address, request.handle

        async def work() -> Any:
            data = await self._proxy.slots.read(address, handle)
            return pb.BluetoothGATTReadResponse(address=address, handle=handle, data=data)

        self._gatt(request, work)

    def _write_value(self, request: Any) -> None:
        address, handle = request.address, request.handle

        async def work() -> Any:
            slots, response = self._proxy.slots, request.response
            await slots.write(address, handle, request.data, response)
            return pb.BluetoothGATTWriteResponse(address=address, handle=handle)

        self._gatt(request, work)

    def _write_descriptor(self, request: Any) -> None:
        address, handle = request.address, request.handle

        async def work() -> Any:
            await self._proxy.slots.write_descriptor(address, handle, request.data)
            return pb.BluetoothGATTWriteResponse(address=address, handle=handle)

        self._gatt(request, work)

    def _notify(self, request: Any) -> None:
        address, handle = request.address, request.handle

        def notified(data: bytes) -> None:
            self.send(
                pb.BluetoothGATTNotifyDataResponse(address=address, handle=handle, data=data)
            )

        async def work() -> Any:
            self._proxy.slots.notify(address, handle, notified if request.enable else None)
            return pb.BluetoothGATTNotifyResponse(address=address, handle=handle)

        self._gatt(request, work)


def _halves(uuid: str) -> list[int]:
    whole = UUID(uuid).int
    return [whole >> _FULL_UUID_BITS, whole & ((1 << _FULL_UUID_BITS) - 1)]


def _characteristic(found: Any) -> Any:
    return pb.BluetoothGATTCharacteristic(
        uuid=_halves(found.uuid),
        handle=found.handle,
        properties=int(found.obj.properties),
        descriptors=[
            pb.BluetoothGATTDescriptor(uuid=_halves(each.uuid), handle=each.handle)
            for each in found.descriptors
        ],
    )


_HANDLERS: dict[Any, Callable[[ApiSession, Any], None]] = {
    pb.HelloRequest: ApiSession._hello,
    pb.AuthenticationRequest: lambda session, _: session.send(pb.AuthenticationResponse()),
    pb.DisconnectRequest: ApiSession._disconnect,
    pb.PingRequest: lambda session, _: session.send(pb.PingResponse()),
    pb.DeviceInfoRequest: ApiSession._device_info,
    pb.ListEntitiesRequest: lambda session, _: session.send(pb.ListEntitiesDoneResponse()),
    pb.SubscribeBluetoothLEAdvertisementsRequest: ApiSession._subscribe_adverts,
    pb.UnsubscribeBluetoothLEAdvertisementsRequest: ApiSession._unsubscribe_adverts,
    pb.SubscribeBluetoothConnectionsFreeRequest: ApiSession._subscribe_slots,
    pb.BluetoothDeviceRequest: ApiSession._device,
    pb.BluetoothGATTGetServicesRequest: ApiSession._services,
    pb.BluetoothGATTReadRequest: ApiSession._read,
    pb.BluetoothGATTWriteRequest: ApiSession._write_value,
    pb.BluetoothGATTWriteDescriptorRequest: ApiSession._write_descriptor,
    pb.BluetoothGATTNotifyRequest: ApiSession._notify,
}
