# SPDX-License-Identifier: MIT
"""A board's radio as a central: it scans, connects, and is a GATT client over bumble's.

Frames, little-endian (radio.py has the others). VM -> hub:
    S  scan       u8 on, u8 active, u32 duration ms (0: for ever), u32 interval us, u32 window us
    O  connect    u32 duration ms, u32 interval us, u32 most us, u8 address type, 6 address
    o  cancel
    P  procedure  u8 event of its results, u16 link, what it needs
hub -> VM:
    g  event      u8 number, and the fields that MicroPython gives with it
"""

import asyncio
import struct
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from bumble import att, core, hci
from bumble.device import Connection, ConnectionParametersPreferences, Device
from bumble.gatt_client import Client

from crowdcharge.bench.radio.controller import Controller
from crowdcharge.bench.radio.host import Report

NO_LINK = 0xFFFF
NOBODY = bytes((255,)) + bytes(6)
SCAN_RESULT, SCAN_DONE, CONNECT, DISCONNECT = 5, 6, 7, 8
SERVICES, CHARACTERISTICS, DESCRIPTORS, READ, WRITE, NOTIFY, INDICATE = 9, 11, 13, 15, 17, 18, 19
LINK_GONE = 7  # BLE_HS_ENOTCONN
ATT_BASE = 256  # NimBLE adds it to an ATT error
SUPERVISION_ms = 2560
Send = Callable[[str, bytes], None]


class CentralRole:
    OPCODES: ClassVar[str] = "SOoP"

    def __init__(self, device: Device, controller: Controller, speed: float, send: Send) -> None:
        self._device = device
        self._controller = controller
        self._speed = speed
        self._send = send
        self._scan_end: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        device.host.on_report = self._on_report  # type: ignore[attr-defined]  # a BumbleHost

    def power_off(self) -> None:
        self._stop_scan()
        for task in self._tasks:
            task.cancel()

    def on_frame(self, opcode: str, payload: bytes) -> None:
        if opcode == "S":
            self._scan(*struct.unpack("<BBIII", payload))
        elif opcode == "O":
            duration_ms, least_us, most_us = struct.unpack_from("<III", payload)
            self._spawn(self._connect(duration_ms, least_us, most_us, payload[12:]))
        elif opcode == "o":
            self._spawn(self._cancel())
        else:
            kind, handle = struct.unpack_from("<BH", payload)
            self._spawn(self._procedure(kind, handle, payload[3:]))

    def _event(self, number: int, fields: bytes = b"") -> None:
        self._send("g", bytes((number,)) + fields)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Scanning

    def _scan(
        self, on: int, active: int, duration_ms: int, interval_us: int, window_us: int
    ) -> None:
        """Set the controller directly, as adverts are, so that frames stay in order."""
        self._stop_scan()
        if not on:
            return
        controller = self._controller
        controller.le_scan_type = active
        controller.le_scan_interval = interval_us
        controller.le_scan_window = window_us
        controller.filter_duplicates = False
        controller.le_scan_enable = True
        controller._update_listening()
        if duration_ms:
            after_s = duration_ms / 1000 / self._speed
            self._scan_end = asyncio.get_running_loop().call_later(after_s, self._scan_over)

    def _stop_scan(self) -> None:
        if self._scan_end is not None:
            self._scan_end.cancel()
            self._scan_end = None
        self._controller.le_scan_enable = False
        self._controller._update_listening()

    def _scan_over(self) -> None:
        self._stop_scan()
        self._event(SCAN_DONE)

    def _on_report(self, report: Report) -> None:
        head = struct.pack(
            "<B6sBb",
            report.address_type,
            report.address[::-1],
            report.event_type,
            report.rssi_dBm,
        )
        self._event(SCAN_RESULT, head + report.data)

    # Connecting

    async def _connect(self, duration_ms: int, least_us: int, most_us: int, peer: bytes) -> None:
        preferences = ConnectionParametersPreferences(
            connection_interval_min=least_us / 1000,
            connection_interval_max=most_us / 1000,
            supervision_timeout=SUPERVISION_ms,
        )
        try:
            link = await self._device.connect_le(
                hci.Address(peer[1:][::-1], hci.AddressType(peer[0])),
                connection_parameters_preferences={hci.Phy.LE_1M: preferences},
                own_address_type=hci.OwnAddressType.PUBLIC,
                timeout=duration_ms / 1000 / self._speed,
            )
            if link.role != hci.Role.CENTRAL:  # bumble takes any new link for the one it wants
                await self._cancel()
                self._event(DISCONNECT, struct.pack("<H", NO_LINK) + NOBODY)
        except (core.BaseBumbleError, TimeoutError):
            self._event(DISCONNECT, struct.pack("<H", NO_LINK) + NOBODY)

    async def _cancel(self) -> None:
        command = hci.HCI_LE_Create_Connection_Cancel_Command()
        try:
            await self._device.send_sync_command(command)
        except core.BaseBumbleError:
            return  # the link has come up meanwhile, or the attempt has just ended

    def connected(self, link: Connection, peer: bytes) -> None:
        self._event(CONNECT, struct.pack("<H", link.handle) + peer)

    def gone(self, link: Connection, peer: bytes) -> None:
        self._event(DISCONNECT, struct.pack("<H", link.handle) + peer)

    # GATT client

    def listen_on(self, link: Connection) -> None:
        """Tell the VM of all that the other end notifies, whatever bumble's client expects."""

        def heard(pdu: Any, event: int = NOTIFY) -> None:
            head = struct.pack("<HH", link.handle, pdu.attribute_handle)
            self._event(event, head + pdu.attribute_value)

        client: Any = link.gatt_client
        client.on_att_handle_value_notification = heard

    async def _procedure(self, kind: int, handle: int, arguments: bytes) -> None:
        """Run one procedure and tells its results, then its end, as NimBLE does."""
        link = self._device.connections.get(handle)
        head = struct.pack("<H", handle)
        value = arguments[:2] if kind in {READ, WRITE} else b""
        status = 0
        try:
            if link is None:
                status = LINK_GONE
            else:
                work = PROCEDURES[kind](self, link.gatt_client, head, arguments)
                status = await self._unless_gone(link, work)
        except att.ATT_Error as error:
            status = ATT_BASE + error.error_code
        except (core.BaseBumbleError, TimeoutError):
            status = LINK_GONE
        if kind == WRITE:
            if arguments[2]:
                self._event(WRITE, head + value + struct.pack("<H", status))
        else:
            self._event(kind + 1, head + value + struct.pack("<H", status))

    async def _unless_gone(self, link: Connection, work: Coroutine[Any, Any, None]) -> int:
        """Wait for the procedure or for the end of its link, for which bumble would not stop."""
        gone = asyncio.Event()
        link.once(Connection.EVENT_DISCONNECTION, lambda _reason: gone.set())
        task, ended = asyncio.ensure_future(work), asyncio.ensure_future(gone.wait())
        try:
            await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            if not task.done():
                task.cancel()
        if not task.done() or task.cancelled():
            return LINK_GONE
        task.result()
        return 0

    async def _services(self, client: Client, head: bytes, uuid: bytes) -> None:
        if uuid:
            found = await client.discover_service(core.UUID.from_bytes(uuid))
        else:
            found = await client.discover_services()
        for service in found:
            span = struct.pack("<HH", service.handle, service.end_group_handle)
            self._event(SERVICES, head + span + service.uuid.to_bytes())

    async def _characteristics(self, client: Client, head: bytes, arguments: bytes) -> None:
        start, end = struct.unpack_from("<HH", arguments)
        span = _Span(start, end)
        wanted = [core.UUID.from_bytes(arguments[4:])] if arguments[4:] else []
        found = await client.discover_characteristics(wanted, span)  # type: ignore[arg-type]
        for each in found:
            handles = struct.pack("<HHB", each.end_group_handle, each.handle, int(each.properties))
            self._event(CHARACTERISTICS, head + handles + each.uuid.to_bytes())

    async def _descriptors(self, client: Client, head: bytes, arguments: bytes) -> None:
        start, end = struct.unpack_from("<HH", arguments)
        for each in await client.discover_descriptors(None, start, end):
            uuid: Any = each.type
            self._event(DESCRIPTORS, head + struct.pack("<H", each.handle) + uuid.to_bytes())

    async def _read(self, client: Client, head: bytes, arguments: bytes) -> None:
        (handle,) = struct.unpack("<H", arguments)
        data: bytes = await client.read_value(handle)
        self._event(READ, head + arguments + data)

    async def _write(self, client: Client, _head: bytes, arguments: bytes) -> None:
        handle, mode = struct.unpack_from("<HB", arguments)
        await client.write_value(handle, arguments[3:], with_response=bool(mode))


class _Span:
    """A service as far as bumble's discovery of characteristics asks for one."""

    def __init__(self, start: int, end: int) -> None:
        self.handle = start
        self.end_group_handle = end
        self.characteristics: list[Any] = []


Procedure = Callable[[CentralRole, Client, bytes, bytes], Coroutine[Any, Any, None]]
PROCEDURES: dict[int, Procedure] = {
    SERVICES: CentralRole._services,
    CHARACTERISTICS: CentralRole._characteristics,
    DESCRIPTORS: CentralRole._descriptors,
    READ: CentralRole._read,
    WRITE: CentralRole._write,
}
