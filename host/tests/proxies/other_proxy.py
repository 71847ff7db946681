# SPDX-License-Identifier: MIT
"""A Bluetooth proxy that owes nothing to the product's virtual one: ESPHome's firmware, retold.

It does what `bluetooth_proxy.cpp` and `bluetooth_connection.cpp` of ESPHome do, over a radio in
memory: only the client that subscribed to adverts is told of connections, and when it goes or
unsubscribes, they end. `Firmware` has what differs between versions and what may go wrong.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag

from crowdcharge.errors import RadioError
from crowdcharge.radio.base import Advert, Link, Radio
from wptcore import wire

from .other_firmware import Firmware
from .other_frames import Noise, Plain, body, fields, varint, zigzag

HELLO, HELLO_ANSWER, LOGIN, LOGIN_ANSWER, END, END_ANSWER, PING, PING_ANSWER = range(1, 9)
INFO, INFO_ANSWER, TIME = 9, 10, 36
ADVERTS, DEVICE, DEVICE_STATE = 66, 68, 69
SERVICES, SERVICES_ANSWER, SERVICES_DONE = 70, 71, 72
READ, READ_ANSWER, WRITE, WRITE_DESCRIPTOR, NOTIFY, NOTIFIED = 73, 74, 75, 77, 78, 79
SLOTS, SLOTS_ANSWER, GATT_ERROR, WRITE_ANSWER, NOTIFY_ANSWER = 80, 81, 82, 83, 84
NO_ADVERTS, RAW_ADVERTS, SCANNER = 87, 93, 126
CONNECT, DISCONNECT, WITH_CACHE, WITHOUT_CACHE = 0, 1, 4, 5
SCANNER_TOLD = 64
NOT_CONNECTED, NO_ANSWER = 0x0D - 0x100, 0x85
READS, WRITES, NOTIFIES = 2, 8, 16
TABLE = [  # handle, UUID, properties
    (3, wire.STATUS_UUID, READS | NOTIFIES),
    (6, wire.CHALLENGE_UUID, READS),
    (8, wire.COMMAND_UUID, WRITES),
    (10, wire.REPLY_UUID, NOTIFIES),
    (13, wire.RECEIPTS_UUID, READS),
]
UUIDS = {handle: uuid for handle, uuid, _ in TABLE}
BATCH_s = 0.1


@dataclass
class Slot:
    address: int
    link: Link | None = None
    is_ending: bool = False
    has_sent_services: bool = False


class OtherProxy:
    """`radio` is what it hears and connects by; `asked` has every message that came."""

    def __init__(self, radio: Radio, firmware: Firmware | None = None, key: bytes = b"") -> None:
        self.radio, self.firmware, self.key = radio, firmware or Firmware(), key
        self.subscriber: Session | None = None
        self.sessions: set[Session] = set()
        self.slots: dict[int, Slot] = {}
        self.takings = 0  # how often one client took it from another
        self.asked: list[tuple[int, dict[int, Any]]] = []
        self.names: dict[int, str] = {}
        self._batch: list[bytes] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._connecting = asyncio.Lock()
        self._server: asyncio.Server
        self.port = 0

    async def start(self, host: str = "127.0.0.1") -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Session(self), host, self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])
        await self.radio.start_scan(self._on_advert)

    async def stop(self) -> None:
        self._server.close()
        for session in list(self.sessions):
            session.transport.abort()
        for slot in list(self.slots.values()):
            await self._disconnect(slot)
        await self.radio.stop_scan()

    def start_task(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _on_advert(self, advert: Advert) -> None:
        number = int(advert.address.replace(":", ""), 16)
        self.names[number] = advert.address
        payload = wire.COMPANY_ID.to_bytes(2, "little") + advert.data
        data = bytes((2, 1, 6, len(payload) + 1, 0xFF)) + payload + self.firmware.padding
        fields_ = (
            (1, number),
            (2, zigzag(advert.rssi_dBm)),
            (3, self.firmware.address_type),
            (4, data),
        )
        if self._connecting.locked():
            return
        if not self._batch:
            asyncio.get_running_loop().call_later(BATCH_s, self._flush)
        self._batch.append(body((1, body(*fields_))))

    def _flush(self) -> None:
        batch, self._batch = self._batch, []
        if self.subscriber is not None:
            self.subscriber.send(RAW_ADVERTS, b"".join(batch))

    def subscribe(self, session: "Session") -> None:
        if self.subscriber is None or self.firmware.newest_wins:  # else refused in silence
            self.takings += self.subscriber not in {None, session}
            self.subscriber = session
            if self.firmware.tells_slots == "at once":
                self.tell_slots(session)
            if self.firmware.features & SCANNER_TOLD and self.firmware.tells_scanner:
                session.send(SCANNER, body((1, 2), (2, 1), (3, 1)))

    def unsubscribe(self, session: "Session") -> None:
        if self.subscriber is session:
            self.subscriber = None
            for slot in list(self.slots.values()):
                self.start_task(self._disconnect(slot))

    # -- connections, of which only the subscriber is told --

    def _tell_state(self, address: int, connected: bool, mtu: int = 0, error: int = 0) -> None:
        if self.subscriber is not None:
            told = body((1, address), (2, connected), (3, mtu), (4, error))
            self.subscriber.send(DEVICE_STATE, told)

    def tell_slots(self, session: "Session | None") -> None:
        firmware, taken = self.firmware, [*self.slots]
        free = firmware.limit - len(taken) if firmware.free_told is None else firmware.free_told
        told = body((1, free), (2, firmware.limit if firmware.tells_limit else 0))
        if firmware.tells_allocated and taken:
            packed = b"".join(varint(each) for each in taken)
            told += body((3, packed))
        if session is not None and firmware.tells_slots != "never":
            session.send(SLOTS_ANSWER, told)

    def device(self, address: int, what: int, has_type: bool) -> None:
        """Do as asked; a connect while one is under way, or ending, gets no answer.

        What is under way cannot be stopped: it is ended as soon as it is there.
        """
        slot = self.slots.get(address)
        if what == DISCONNECT:
            if slot is None:
                self._tell_state(address, connected=False)
                self.tell_slots(self.subscriber)
            elif not slot.is_ending:
                self.start_task(self._disconnect(slot))
        elif what in {WITH_CACHE, WITHOUT_CACHE} and has_type:
            if slot is None and len(self.slots) < self.firmware.limit:
                slot = self.slots[address] = Slot(address)
                self.start_task(self._connect(slot))
                self.tell_slots(self.subscriber)
            elif slot is None:
                self._tell_state(address, connected=False)
            elif slot.link is None:
                slot.is_ending = False
            elif not slot.is_ending:
                self._tell_state(address, connected=True)  # without an MTU
                self.tell_slots(self.subscriber)
        else:
            self._tell_state(address, connected=False)  # "V1 connections removed"

    async def _connect(self, slot: Slot) -> None:
        """Connect when no other connect is under way: it has one radio, and hears nothing then."""
        firmware = self.firmware
        try:
            async with self._connecting:
                await asyncio.sleep(firmware.connect_s)
                name = "" if firmware.refuses else self.names.get(slot.address, "")
                firmware.refuses = max(firmware.refuses - 1, 0)
                try:
                    slot.link = await self.radio.connect(name, lambda: self._ended(slot))
                except RadioError:
                    await asyncio.sleep(firmware.gives_up_s)
                    raise
        except RadioError:
            self._free(slot, NO_ANSWER)
            return
        if slot.is_ending:
            await self._disconnect(slot)
            return
        for mtu in firmware.mtus:
            self._tell_state(slot.address, connected=True, mtu=mtu)
            self.tell_slots(self.subscriber)
            await asyncio.sleep(0.01)

    async def _disconnect(self, slot: Slot) -> None:
        slot.is_ending = True
        if slot.link is not None:
            await asyncio.sleep(self.firmware.disconnect_s)
            with suppress(RadioError):  # the board was faster
                await slot.link.close()
            await self._close(slot, 0x16)

    def _ended(self, slot: Slot) -> None:
        if not slot.is_ending:
            slot.is_ending = True
            self.start_task(self._close(slot, 8))

    async def _close(self, slot: Slot, error: int) -> None:
        """Tell of a link's end; its slot is free, and its end is told again, a little later."""
        if self.firmware.close_s:
            self._tell_state(slot.address, connected=False, error=error)
            await asyncio.sleep(self.firmware.close_s)
        self._free(slot, error)

    def _free(self, slot: Slot, error: int = 0) -> None:
        if self.slots.get(slot.address) is slot:
            del self.slots[slot.address]
            self._tell_state(slot.address, connected=False, error=error)
            self.tell_slots(self.subscriber)


class Session(asyncio.Protocol):
    """One client."""

    transport: asyncio.Transport

    def __init__(self, proxy: OtherProxy) -> None:
        self.proxy, firmware = proxy, proxy.firmware
        self._frames = Noise(proxy.key, firmware.hello) if proxy.key else Plain()
        self._buffer, self._unsent = bytearray(), bytearray()
        self._sending: asyncio.Task[None] | None = None
        self.is_dumb = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.proxy.sessions.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.proxy.sessions.discard(self)
        lingers_s = self.proxy.firmware.lingers_s
        asyncio.get_running_loop().call_later(lingers_s, self.proxy.unsubscribe, self)

    def data_received(self, data: bytes) -> None:
        if self.proxy.firmware.lag_s:
            asyncio.get_running_loop().call_later(self.proxy.firmware.lag_s, self._receive, data)
        else:
            self._receive(data)

    def _receive(self, data: bytes) -> None:
        self._buffer += data
        if self._buffer[:1] != self._frames.first:
            if self.proxy.firmware.says_why:
                self.transport.write(self._frames.refusal("Bad indicator byte"))
            self.transport.close()
            return
        try:
            for kind, content in self._frames.take(self._buffer):
                self._take(kind, fields(content))
        except InvalidTag:
            self.transport.write(
                self._frames.greeting + self._frames.refusal("Handshake MAC failure")
            )
            self.transport.close()
            return
        greeting, self._frames.greeting = self._frames.greeting, b""
        self._write(greeting)

    def send(self, kind: int, content: bytes = b"") -> None:
        if not self.is_dumb and not self.transport.is_closing():
            self._write(self._frames.pack(kind, content))

    def _write(self, data: bytes) -> None:
        """Write all at once, or in pieces that come one by one."""
        size = self.proxy.firmware.piece
        if not size:
            self.transport.write(data)
            return
        self._unsent += data
        if self._sending is None:
            self._sending = self.proxy.start_task(self._send_pieces(size))

    async def _send_pieces(self, size: int) -> None:
        while self._unsent and not self.transport.is_closing():
            piece = bytes(self._unsent[:size])
            del self._unsent[:size]
            self.transport.write(piece)
            await asyncio.sleep(0)
        self._sending = None

    def _take(self, kind: int, got: dict[int, Any]) -> None:
        proxy = self.proxy
        proxy.asked.append((kind, got))
        answers: dict[int, Callable[[], None]] = {
            HELLO: self._hello,
            LOGIN: self._login,
            INFO: self._info,
            PING: lambda: self.send(PING_ANSWER),
            END: self._end,
            ADVERTS: lambda: proxy.subscribe(self),
            NO_ADVERTS: lambda: proxy.unsubscribe(self),
            SLOTS: lambda: proxy.tell_slots(self),
            DEVICE: lambda: proxy.device(got[1], got.get(2, CONNECT), bool(got.get(3))),
        }
        if kind in answers:
            answers[kind]()
        elif kind in {SERVICES, READ, WRITE, WRITE_DESCRIPTOR, NOTIFY}:
            proxy.start_task(self._attribute(kind, got[1], got.get(2, 0), got))
        self.is_dumb = self.is_dumb or kind == proxy.firmware.is_dumb_after

    def _hello(self) -> None:
        major, minor = self.proxy.firmware.api
        self.send(HELLO_ANSWER, body((1, major), (2, minor), (3, "other"), (4, "other")))

    def _login(self) -> None:
        firmware = self.proxy.firmware
        if firmware.login_answer or firmware.password:
            self.send(LOGIN_ANSWER, body((1, firmware.password)))

    def _info(self) -> None:
        firmware = self.proxy.firmware
        info = (2, "other"), (3, firmware.mac), (4, "2026.10.0"), (15, firmware.features)
        self.send(INFO_ANSWER, body(*info))

    def _end(self) -> None:
        self.send(END_ANSWER)
        self.transport.close()

    # -- attributes --

    async def _attribute(self, kind: int, address: int, handle: int, got: dict[int, Any]) -> None:
        slot = self.proxy.slots.get(address)
        head = (1, address), (2, handle)
        if slot is None or slot.link is None:
            self.send(GATT_ERROR, body(*head, (3, NOT_CONNECTED)))
        elif kind == SERVICES:
            await self._services(slot)
        else:
            with suppress(RadioError):  # then the link has ended, which its state tells
                await self._at_handle(slot.link, kind, head, got)

    async def _at_handle(
        self, link: Link, kind: int, head: tuple[tuple[int, int], ...], got: dict[int, Any]
    ) -> None:
        handle = head[1][1]
        if UUIDS.get(handle) in self.proxy.firmware.lacks:
            self.send(GATT_ERROR, body(*head, (3, 0x0A)))
        elif kind == READ and handle in UUIDS:
            self.send(READ_ANSWER, body(*head, (3, await link.read(UUIDS[handle]))))
        elif kind == WRITE and handle in UUIDS:
            await link.write(UUIDS[handle], got.get(4, b""))
            self.send(WRITE_ANSWER, body(*head))
        elif kind == NOTIFY and handle in UUIDS:
            early = self.proxy.firmware.notifies_early
            if early:
                self.send(NOTIFIED, body(*head, (3, early)))
            self.send(NOTIFY_ANSWER, body(*head))
        elif kind == WRITE_DESCRIPTOR and handle - 1 in UUIDS:

            def told(data: bytes) -> None:
                self.send(NOTIFIED, body(head[0], (2, handle - 1), (3, data)))

            if got.get(3) == b"\1\0":
                await link.subscribe(UUIDS[handle - 1], told)
            self.send(WRITE_ANSWER, body(*head))
        else:
            self.send(GATT_ERROR, body(*head, (3, 1)))

    async def _services(self, slot: Slot) -> None:
        """Send them once: to save memory they are forgotten then."""
        await asyncio.sleep(self.proxy.firmware.services_s)
        if self.proxy.slots.get(slot.address) is not slot:
            return
        if not slot.has_sent_services:
            slot.has_sent_services = True
            described = b"".join(self._described(*each) for each in TABLE)
            service = self._uuid(wire.SERVICE_UUID) + body((2, 1)) + described
            self.send(SERVICES_ANSWER, body((1, slot.address), (2, service)))
        self.send(SERVICES_DONE, body((1, slot.address)))

    def _described(self, handle: int, uuid: str, properties: int) -> bytes:
        described = self._uuid(uuid) + body((2, handle), (3, properties))
        if properties & NOTIFIES:
            switch = body((2, handle + 1))
            if self.proxy.firmware.short_uuids:
                switch += body((3, 0x2902))
            else:
                switch += self._uuid("00002902-0000-1000-8000-00805f9b34fb")
            described += body((4, switch))
        return body((3, described))

    @staticmethod
    def _uuid(text: str) -> bytes:
        """Return field 1 of a service, characteristic or descriptor: two halves, packed."""
        whole = UUID(text).int
        return body((1, varint(whole >> 64) + varint(whole & ((1 << 64) - 1))))
