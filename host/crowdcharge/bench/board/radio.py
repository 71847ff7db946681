# SPDX-License-Identifier: MIT
"""A board's radio and BLE host stack in the hub, driven by the VM's `bluetooth` module.

Each board has one bumble device (GATT server), which its VM reaches over one AF_UNIX stream. The
attribute values stay in the VM: only the VM answers a remote read or write.

Frames, little-endian: u16 length of what follows, u8 opcode, payload.

VM -> hub
    H  hello                                   reply: u8 address type, 6 address, u8 links allowed
    A  active     u8                           reply: empty
    R  register   JSON services                reply: u16 value handles
    G  settings   u16 MTU, name
    a  address    6 random address, most significant byte first
    V  advertise  u32 interval_us (0 stops), u8 connectable, u8 n, n advert, scan response
    N  notify     u16 link, u16 handle, data
    I  indicate   u16 link, u16 handle, data
    D  disconnect u16 link                     reply: empty, when the controller has begun
    M  exchange MTU u16 link
    S O o P  the central role: see central_role.py
    r  answer     u8 request, u8 ATT error, data
hub -> VM
    =  reply
    C  connected, X disconnected               u16 link, u8 address type, 6 address
    W  write      u8 request, u16 link, u16 handle, data
    Q  read       u8 request, u16 link, u16 handle
    k  secret     u8 request, u8 kind, u8 index, u8 address type, 6 address (little-endian)
    c  subscribed u16 link, u16 handle, u8 1: notify, 2: indicate
    s  sent       u16 link, u8 how many notifications and indications
    e  encrypted  u16 link, u8 encrypted, u8 authenticated, u8 bonded, u8 key size
    m  MTU        u16 link, u16 MTU
    i  indicated  u16 link, u16 handle, u8 status
    u  updated    u16 link, u16 interval, u16 latency, u16 timeout, u8 status
    g  the central role: see central_role.py
"""

import asyncio
import contextlib
import struct
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from bumble import att, core, gatt, hci
from bumble.device import (
    AdvertisingType,
    Connection,
    Device,
    DeviceConfiguration,
    LegacyAdvertiser,
)
from bumble.profiles.gap import GenericAccessService

from crowdcharge.bench.board.central_role import CentralRole
from crowdcharge.bench.board.values import RemoteValues
from crowdcharge.bench.radio.air import Air
from crowdcharge.bench.radio.controller import Controller
from crowdcharge.bench.radio.host import attach
from crowdcharge.errors import BenchError

SOCKET_PATH_MAX = 107  # sun_path, less its final zero
ADDRESS_TYPE_PUBLIC = 0
NIMBLE_TIMEOUT = 13  # BLE_HS_ETIMEOUT: an indication got no answer
OUR_SECRET, PEER_SECRET = 1, 2  # BLE_STORE_OBJ_TYPE_OUR_SEC, _PEER_SEC
KEY_SIZE = 16


class ShimRadio:
    """Serves one board's VM on `socket_path`; the VM may come, die and come again."""

    def __init__(
        self, air: Air, name: str, address: str, socket_path: Path | str, links_max: int = 1
    ) -> None:
        if len(str(socket_path).encode()) > SOCKET_PATH_MAX:
            raise BenchError(f"the path of a board's radio socket is too long: {socket_path}")
        self.name = name
        self.address = address
        self.links_max = links_max
        self.socket_path = Path(socket_path)
        self._air = air
        self._vm: _Vm | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._unsent: dict[int, int] = {}  # link -> notifications that wait for the air
        self._indicating: set[int] = set()  # links that owe a confirmation

    async def start(self) -> None:
        self.controller = Controller(self.name, self._air, self.address)
        self._device = Device(
            config=DeviceConfiguration(name=self.name, gatt_service_enabled=True),
            host=attach(self.controller),
        )
        await self._device.power_on()
        self._device.on(Device.EVENT_CONNECTION, self._on_connection)
        server = self._device.gatt_server
        self._values = RemoteValues(server, self._send)
        self._central = CentralRole(self._device, self.controller, self._air.speed, self._send)
        server.on(server.EVENT_CHARACTERISTIC_SUBSCRIPTION, self._on_subscription)
        self._device.host.long_term_key_provider = self._long_term_key
        self.socket_path.unlink(missing_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Vm(self), str(self.socket_path))

    async def stop(self) -> None:
        self._server.close()
        if self._vm is not None:
            self._vm.close()
        self.power_off()
        self._air.remove_controller(self.controller)
        self.socket_path.unlink(missing_ok=True)

    @property
    def links(self) -> list[Connection]:
        return list(self._device.connections.values())

    def power_off(self) -> None:
        """Fall silent: adverts end, links are dropped, pending reads and writes fail."""
        self._central.power_off()
        self.controller.power_off()
        self._values.clear()
        self._unsent.clear()
        self._indicating.clear()
        for task in self._tasks:
            task.cancel()

    # The VM

    def on_vm(self, vm: "_Vm") -> None:
        if self._vm is not None:  # the VM restarted before its old socket was closed
            self._vm.close()
            self.power_off()
        self._vm = vm

    def on_vm_lost(self, vm: "_Vm") -> None:
        if self._vm is vm:
            self._vm = None
            self.power_off()

    def on_frame(self, opcode: str, payload: bytes) -> None:
        if opcode in CentralRole.OPCODES:
            self._central.on_frame(opcode, payload)
        else:
            HANDLERS[opcode](self, payload)

    def _send(self, opcode: str, payload: bytes = b"") -> None:
        if self._vm is not None:
            self._vm.send(opcode, payload)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _hello(self, _payload: bytes) -> None:
        address = self.controller.public_address.address_bytes[::-1]
        self._send("=", bytes((ADDRESS_TYPE_PUBLIC,)) + address + bytes((self.links_max,)))

    def _active(self, payload: bytes) -> None:
        if payload[0]:
            self._values.switched_on()
        else:
            self.power_off()
        self._send("=")

    def _settings(self, payload: bytes) -> None:
        self._device.gatt_server.max_mtu = int.from_bytes(payload[:2], "little")
        access = self._device.gatt_server.services[0]
        if isinstance(access, GenericAccessService):
            access.device_name_characteristic.value = payload[2:]

    def _register(self, payload: bytes) -> None:
        handles = self._values.register(payload)
        self._send("=", struct.pack(f"<{len(handles)}H", *handles))

    def _answer(self, payload: bytes) -> None:
        self._values.answer(payload)

    # Advertising

    def _move(self, payload: bytes) -> None:
        self._device.random_address = self.controller.move_to(payload)

    def _advertise(self, payload: bytes) -> None:
        """Set the controller directly: frames stay in order and no HCI round trip is spent."""
        interval_us, connectable, length = struct.unpack_from("<IBB", payload)
        advertiser = self.controller.advertiser
        advertiser.stop()
        if not interval_us or (connectable and len(self.links) >= self.links_max):
            return
        kind = (
            AdvertisingType.UNDIRECTED_CONNECTABLE_SCANNABLE
            if connectable
            else AdvertisingType.UNDIRECTED_SCANNABLE  # what NimBLE sends when not connectable
        )
        own = advertiser.own_address_type = self.controller.own_address_type
        # bumble's device reads its own address for a new link from here.
        self._device.legacy_advertiser = LegacyAdvertiser(
            self._device, kind, own, hci.Address.ANY, auto_restart=False
        )
        advertiser.advertising_type = kind
        advertiser.advertising_interval_min = interval_us // 625
        advertiser.advertising_data = payload[6 : 6 + length]
        advertiser.scan_response_data = payload[6 + length :]
        advertiser.start()

    # Links

    def _on_connection(self, link: Connection) -> None:
        peer = bytes((link.peer_address.address_type,)) + link.peer_address.address_bytes[::-1]

        def gone(_reason: int) -> None:
            self._indicating.discard(link.handle)
            if link.role == hci.Role.CENTRAL:
                self._central.gone(link, peer)
            else:
                self._send("X", struct.pack("<H", link.handle) + peer)

        def mtu_changed() -> None:
            self._send("m", struct.pack("<HH", link.handle, link.att_mtu))

        def updated() -> None:
            parameters = link.parameters
            values = (
                round(parameters.connection_interval / 1.25),
                parameters.peripheral_latency,
                round(parameters.supervision_timeout / 10),
            )
            self._send("u", struct.pack("<HHHHB", link.handle, *values, 0))

        link.on(Connection.EVENT_DISCONNECTION, gone)
        link.on(Connection.EVENT_CONNECTION_ATT_MTU_UPDATE, mtu_changed)
        link.on(Connection.EVENT_CONNECTION_PARAMETERS_UPDATE, updated)
        link.on(
            Connection.EVENT_CONNECTION_ENCRYPTION_CHANGE,
            lambda: self._send("e", struct.pack("<HBBBB", link.handle, *_encryption(link))),
        )
        link.on(
            Connection.EVENT_PAIRING_START,
            lambda: self._spawn(_quietly(self._ask_secret(link, PEER_SECRET))),
        )
        self._central.listen_on(link)
        if link.role == hci.Role.CENTRAL:
            self._central.connected(link, peer)
        else:
            self._send("C", struct.pack("<H", link.handle) + peer)

    def _link(self, payload: bytes) -> Connection | None:
        return self._device.connections.get(int.from_bytes(payload[:2], "little"))

    def _notify(self, payload: bytes) -> None:
        """Notify a central whether it has subscribed or not, as NimBLE does."""
        link = self._link(payload)
        if link is not None:
            self._send_notification(link, int.from_bytes(payload[2:4], "little"), payload[4:])

    def _send_notification(self, link: Connection, handle: int, data: bytes) -> None:
        pdu = att.ATT_Handle_Value_Notification(
            attribute_handle=handle, attribute_value=data[: link.att_mtu - 3]
        )
        self._device.gatt_server.send_gatt_pdu(link, bytes(pdu))
        self._count(link)

    def _count(self, link: Connection) -> None:
        """Keep account of what the air has not carried yet; the VM has so many buffers less."""
        if link.handle not in self._unsent:
            self._unsent[link.handle] = 0
            self._spawn(self._report_sent(link))
        self._unsent[link.handle] += 1

    async def _report_sent(self, link: Connection) -> None:
        queue = link.data_packet_queue
        with contextlib.suppress(ValueError):  # the link is gone
            if queue is not None:
                await queue.drain(link.handle)
        self._send("s", struct.pack("<HB", link.handle, self._unsent.pop(link.handle, 0)))

    def _on_subscription(
        self,
        link: att.Bearer,
        characteristic: gatt.Characteristic[bytes],
        notify: bool,
        indicate: bool,
    ) -> None:
        if isinstance(link, Connection):
            kinds = notify | indicate << 1
            self._send("c", struct.pack("<HHB", link.handle, characteristic.handle, kinds))

    def _indicate(self, payload: bytes) -> None:
        """Indicate; of two at once NimBLE sends both and reports one."""
        link = self._link(payload)
        handle = int.from_bytes(payload[2:4], "little")
        if link is None or handle not in self._values.attributes:
            return
        first = link.handle not in self._indicating
        self._indicating.add(link.handle)
        self._count(link)
        self._spawn(self._indicate_and_report(link, handle, payload[4:], report=first))

    async def _indicate_and_report(
        self, link: Connection, handle: int, data: bytes, *, report: bool
    ) -> None:
        server, attribute = self._device.gatt_server, self._values.attributes[handle]
        status = NIMBLE_TIMEOUT
        with contextlib.suppress(TimeoutError):
            await server.indicate_subscriber(link, attribute, data, force=True)
            status = 0
        if report:
            self._indicating.discard(link.handle)
            self._send("i", struct.pack("<HHB", link.handle, handle, status))

    def _disconnect(self, payload: bytes) -> None:
        self._spawn(self._begin_disconnect(self._link(payload)))

    async def _begin_disconnect(self, link: Connection | None) -> None:
        """Answer as soon as the controller has taken the command, as NimBLE's call returns."""
        if link is not None:
            reason = hci.HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR
            command = hci.HCI_Disconnect_Command(connection_handle=link.handle, reason=reason)
            await _quietly(self._device.host.send_async_command(command))
        self._send("=")

    # Encryption

    async def _long_term_key(self, handle: int, rand: bytes, ediv: int) -> bytes | None:
        """Return the key of a pairing that is under way; for a stored one ask the firmware.

        A secret that the firmware keeps is not used: the peer's request is refused.
        """
        key = await self._device.get_long_term_key(handle, rand, ediv)
        link = self._device.connections.get(handle)
        if key is None and link is not None:
            await _quietly(self._ask_secret(link, OUR_SECRET))
        return key

    async def _ask_secret(self, link: Connection, kind: int) -> None:
        peer = link.peer_address
        await self._values.ask("k", bytes((kind, 0, peer.address_type)) + peer.address_bytes)

    def _exchange_mtu(self, payload: bytes) -> None:
        link = self._link(payload)
        if link is not None:
            self._spawn(_quietly(link.gatt_client.request_mtu(self._device.gatt_server.max_mtu)))


HANDLERS: dict[str, Callable[[ShimRadio, bytes], None]] = {
    "H": ShimRadio._hello,
    "A": ShimRadio._active,
    "R": ShimRadio._register,
    "G": ShimRadio._settings,
    "a": ShimRadio._move,
    "V": ShimRadio._advertise,
    "N": ShimRadio._notify,
    "I": ShimRadio._indicate,
    "D": ShimRadio._disconnect,
    "M": ShimRadio._exchange_mtu,
    "r": ShimRadio._answer,
}


class _Vm(asyncio.Protocol):
    """The socket of one VM process."""

    def __init__(self, board: ShimRadio) -> None:
        self._board = board
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._board.on_vm(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._board.on_vm_lost(self)

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        while len(received) >= 3:
            length = received[0] | received[1] << 8
            if len(received) < 2 + length:
                break
            frame = bytes(received[2 : 2 + length])
            del received[: 2 + length]
            self._board.on_frame(chr(frame[0]), frame[1:])

    def send(self, opcode: str, payload: bytes) -> None:
        self._transport.write(struct.pack("<HB", len(payload) + 1, ord(opcode)) + payload)

    def close(self) -> None:
        self._transport.close()


def _encryption(link: Connection) -> tuple[bool, bool, bool, int]:
    encrypted = link.is_encrypted
    return encrypted, link.authenticated, False, KEY_SIZE if encrypted else 0


async def _quietly(work: Coroutine[Any, Any, Any]) -> None:
    """Ignore that a link has ended during a request; the VM learns that from its own event."""
    with contextlib.suppress(core.BaseBumbleError, TimeoutError):
        await work
