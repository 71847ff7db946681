# SPDX-License-Identifier: MIT
"""A virtual ESPHome Bluetooth proxy: a radio of the bench behind a real native API.

It is one process with the bench, and its Wi-Fi is a loopback address. It hears the boards in its
range and has a few slots. Faults: docs/reference/bench-config.md.
"""

import asyncio
import base64
from typing import Any

from aioesphomeapi import api_pb2

from crowdcharge.bench.config import ProxyConfig
from crowdcharge.bench.proxies.frames import Frames, NoiseFrames, PlainFrames
from crowdcharge.bench.proxies.session import ApiSession
from crowdcharge.bench.proxies.slots import ProxySlots
from crowdcharge.bench.radio.air import Air
from crowdcharge.bench.radio.central import Central
from crowdcharge.bench.radio.hci_ports import serve_hci_tcp
from crowdcharge.bench.radio.host import Report
from crowdcharge.errors import BenchError

pb: Any = api_pb2  # it comes without types
ADDRESS = "C0:DE:FE:00:00:{:02X}"
FEATURES = 1 | 2 | 4 | 16 | 32 | 64  # all but pairing
INTERVAL_ms = 7.5  # what ESPHome asks for while it discovers services
SCANNING = {"state": 2, "mode": 1, "configured_mode": 1}  # it runs, and is active
_BATCH_s = 0.03  # adverts travel together, as from an ESP32
_BATCH_MAX = 16


class VirtualProxy:
    """`number` counts from 1 and makes the address."""

    def __init__(self, config: ProxyConfig, number: int, air: Air) -> None:
        self.config = config
        self.number = number
        self.address = ADDRESS.format(number)
        self.host = config.host or f"127.0.0.{number + 1}"
        self.port = config.port
        self.is_stalled = False
        self.is_on = False
        self.keeps_connections = False  # when its client goes away: a stale session
        self.sessions: set[ApiSession] = set()
        self.owner: ApiSession | None = None  # whom it serves: who subscribed to its adverts
        self.slots: ProxySlots
        self._air = air
        self._central: Central
        self._server: asyncio.Server | None = None
        self._batch: list[Any] = []
        self._hci_port = 0
        self._changing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open the radio and the API; BenchError if the address is taken."""
        if not self._hci_port:
            name = f"proxy-{self.number}"
            self._hci_port = await serve_hci_tcp(self._air, name, self.address)
        self._central = Central(f"tcp-client:127.0.0.1:{self._hci_port}", INTERVAL_ms)
        self.slots = ProxySlots(self._central, self.config.slots, self._on_state, self._on_change)
        await self._central.start_scanning(self._on_report, active=True)
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._session, self.host, self.port)
        except OSError as error:
            raise BenchError(
                f"{self.config.name}: cannot listen on {self.host}:{self.port}: {error.strerror}"
            ) from None
        self.port = int(self._server.sockets[0].getsockname()[1])
        self.is_on = True

    async def stop(self) -> None:
        """Lose the power: the API and the radio are gone at once."""
        self.is_on = False
        if self._server is not None:
            self._server.close()
        for session in list(self.sessions):
            session.abort()
        self.slots.clear()
        await self._central.shut()

    def _session(self) -> ApiSession:
        return ApiSession(self, self._frames())

    def _frames(self) -> Frames:
        if not self.config.key:
            return PlainFrames()
        mac = self.address.replace(":", "").lower()
        return NoiseFrames(base64.b64decode(self.config.key), self.config.name, mac)

    def serve(self, session: ApiSession) -> None:
        """Serve a client that subscribes; while there is one, others are refused in silence."""
        if self.owner is None:
            self.owner = session
            session.send(pb.BluetoothScannerStateResponse(**SCANNING))

    def forsake(self, session: ApiSession) -> None:
        """End the connections of a client that is gone or unsubscribes, unless they are stale."""
        if self.owner is session:
            self.owner = None
            if self.is_on and not self.keeps_connections:
                self.start_task(self.slots.disconnect_all())

    def start_task(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def turn(self, on: bool) -> None:
        """Switch the power; boards notice by their supervision timeouts."""
        async with self._changing:
            if on and not self.is_on:
                self.is_stalled = self.keeps_connections = False
                await self.start()
            elif not on and self.is_on:
                await self.stop()

    def stall(self, on: bool) -> None:
        """Stop or go on with all that passes the Wi-Fi; the radio to the boards goes on."""
        if on != self.is_stalled:
            self.is_stalled = on
            for session in list(self.sessions):
                if on:
                    session.stall()
                else:
                    session.go_on()

    # -- what clients are told --

    def device_info(self) -> Any:
        return pb.DeviceInfoResponse(
            name=self.config.name,
            mac_address=self.address,
            bluetooth_mac_address=self.address,
            esphome_version="2026.8.0",
            model="virtual",
            manufacturer="crowdcharge",
            bluetooth_proxy_feature_flags=FEATURES,
            api_encryption_supported=bool(self.config.key),
        )

    def slots_message(self) -> Any:
        taken = self.slots.addresses
        return pb.BluetoothConnectionsFreeResponse(
            free=self.slots.limit - len(taken), limit=self.slots.limit, allocated=taken
        )

    def _tell(self, message: Any) -> None:
        if self.owner is not None:
            self.owner.send(message)

    def _on_change(self) -> None:
        self._tell(self.slots_message())

    def _on_state(self, address: int, connected: bool, mtu: int, error: int) -> None:
        self._tell(
            pb.BluetoothDeviceConnectionResponse(
                address=address, connected=connected, mtu=mtu, error=error
            )
        )

    def _on_report(self, report: Report, data: bytes) -> None:
        if self.owner is None:
            return
        if not self._batch:
            asyncio.get_running_loop().call_later(_BATCH_s, self._flush)
        address = int.from_bytes(report.address, "little")
        self._batch.append(
            pb.BluetoothLERawAdvertisement(
                address=address, rssi=report.rssi_dBm, address_type=report.address_type, data=data
            )
        )
        if len(self._batch) >= _BATCH_MAX:
            self._flush()

    def _flush(self) -> None:
        batch, self._batch = self._batch, []
        if batch and not self.is_stalled:
            self._tell(pb.BluetoothLERawAdvertisementsResponse(advertisements=batch))
