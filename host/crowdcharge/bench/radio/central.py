# SPDX-License-Identifier: MIT
"""The central's radio behind the bleak backend: one bumble host, shared by all its users."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakError,
)
from bumble import core, hci
from bumble.device import (
    Connection,
    ConnectionParametersPreferences,
    Device,
    DeviceConfiguration,
)
from bumble.transport import open_transport

from crowdcharge.bench.radio.advertiser import SCANNABLE, ReportType
from crowdcharge.bench.radio.host import BumbleHost, Report

if TYPE_CHECKING:
    from bumble.transport.common import Transport

SCAN_RESPONSE = ReportType.SCAN_RSP
Listener = Callable[[Report, bytes], None]
Preferences = dict[hci.Phy, ConnectionParametersPreferences]
T = TypeVar("T")


_OPEN_MAX_s = 30.0  # what is no radio may never say so; one of a busy bench takes seconds


class Central:
    """A host that is open while anyone scans or is connected, and is reopened if it was lost."""

    def __init__(self, transport: str, interval_ms: float | None = None) -> None:
        """`interval_ms`: of its connections; None: as a host asks that does not care."""
        self._uri = transport
        self._preferences = _preferences(interval_ms)
        self._users = 0
        self._transport: Transport | None = None
        self._listeners: dict[Listener, bool] = {}  # listener -> wants an active scan
        self._held: Report | None = None
        self._scan_is_active: bool | None = None  # None: not scanning
        self._opening = asyncio.Lock()
        self._scanning = asyncio.Lock()
        self._connecting = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def lost(self) -> bool:
        return self._transport is None or self._transport.source.terminated.done()

    async def acquire(self) -> None:
        async with self._opening:
            if self.lost:
                await self._close()
                await self._open()
            self._users += 1

    async def release(self) -> None:
        async with self._opening:
            self._users -= 1
            if self._users == 0:
                await self._close()

    async def shut(self) -> None:
        """Close the host at once, whoever uses it."""
        async with self._opening:
            await self._close()

    def release_soon(self) -> None:
        task = asyncio.get_running_loop().create_task(self.release())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(_OPEN_MAX_s):
                await self._power_on()
        except Exception as error:  # noqa: BLE001 - each kind of transport raises its own
            await self._close()
            why = str(error) or "what is there does not answer as a radio"
            raise BleakBluetoothNotAvailableError(
                f"no radio at {self._uri} ({why}): is the bench up?",
                BleakBluetoothNotAvailableReason.NO_BLUETOOTH,
            ) from None

    async def _power_on(self) -> None:
        self._transport = transport = await open_transport(self._uri)
        host = BumbleHost(transport.source, transport.sink)
        host.on_report = self._on_report
        config = DeviceConfiguration(
            name="crowdcharge", gap_service_enabled=False, gatt_service_enabled=False
        )
        self._device = Device(config=config, host=host)
        await self._unless_lost(self._device.power_on())

    async def _close(self) -> None:
        self._scan_is_active = None
        if self._transport is not None:
            transport, self._transport = self._transport, None
            await transport.close()

    async def _unless_lost(self, work: Coroutine[Any, Any, T]) -> T:
        """Fails if the controller goes away, for whose answer bumble would wait for ever."""
        if self._transport is None:
            work.close()
            raise BleakError(f"the radio at {self._uri} is gone")
        task = asyncio.ensure_future(work)
        task.add_done_callback(seen)
        either: set[asyncio.Future[Any]] = {task, self._transport.source.terminated}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
        if task.cancelled() or not task.done():
            raise BleakError(f"the radio at {self._uri} is gone")
        return task.result()

    # Scanning

    async def start_scanning(self, listener: Listener, *, active: bool) -> None:
        """Add a listener; a single active one makes the scan active for all, as on Linux."""
        await self.acquire()
        self._listeners[listener] = active
        await self._unless_lost(self._arrange_scan())

    async def stop_scanning(self, listener: Listener) -> None:
        if self._listeners.pop(listener, None) is None:
            return
        if not self.lost:
            await self._unless_lost(self._arrange_scan())
        await self.release()

    async def _arrange_scan(self) -> None:
        async with self._scanning:
            wanted = any(self._listeners.values()) if self._listeners else None
            if wanted == self._scan_is_active:
                return
            if self._scan_is_active is not None:
                await self._device.stop_scanning(legacy=True)
            if wanted is not None:
                await self._device.start_scanning(legacy=True, active=wanted)
            self._scan_is_active = wanted
            self._held = None

    def _on_report(self, report: Report) -> None:
        """Hold an advert of an active scan until its scan response, or another report, comes."""
        held, self._held = self._held, None
        response = report.event_type == SCAN_RESPONSE
        if response and held is not None and held.address == report.address:
            self._tell(report, held.data + report.data)
            return
        if held is not None:
            self._tell(held, held.data)
        if self._scan_is_active and report.event_type in SCANNABLE:
            self._held = report
        else:
            self._tell(report, report.data)

    def _tell(self, report: Report, data: bytes) -> None:
        for listener in list(self._listeners):
            listener(report, data)

    # Connecting

    async def connect(self, address: hci.Address, timeout_s: float) -> Connection:
        """Connect; attempts wait for each other. `TimeoutError`: no answer within `timeout_s`."""
        async with self._connecting:
            attempt = asyncio.ensure_future(self._unless_lost(self._attempt(address, timeout_s)))
            try:
                return await asyncio.shield(attempt)
            except asyncio.CancelledError:
                await self._abandon(attempt)
                raise

    async def _attempt(self, address: hci.Address, timeout_s: float) -> Connection:
        device = self._device
        try:
            return await device.connect_le(
                address,
                connection_parameters_preferences=self._preferences,
                own_address_type=hci.OwnAddressType.PUBLIC,
                timeout=timeout_s,
            )
        except core.TimeoutError:
            raise TimeoutError(f"no answer from {address} within {timeout_s:g} s") from None
        except core.BaseBumbleError as error:
            # The cancellation after a timeout can come too late: then the link is up.
            link = device.find_connection_by_bd_addr(address)
            if link is None:
                raise BleakError(str(error)) from error
            return link

    async def _abandon(self, attempt: asyncio.Future[Connection]) -> None:
        """Cancel the attempt in the controller, or end the link that has come up meanwhile."""
        cancel = self._device.send_sync_command(hci.HCI_LE_Create_Connection_Cancel_Command())
        with contextlib.suppress(core.BaseBumbleError, BleakError):
            await self._unless_lost(cancel)
        with contextlib.suppress(core.BaseBumbleError, BleakError, TimeoutError):
            link = await attempt
            await link.disconnect()


def _preferences(interval_ms: float | None) -> Preferences | None:
    if interval_ms is None:
        return None
    wanted = ConnectionParametersPreferences()
    wanted.connection_interval_min = wanted.connection_interval_max = interval_ms
    return {hci.Phy.LE_1M: wanted}


def seen(task: asyncio.Future[Any]) -> None:
    """Retrieve the result of an operation for which perhaps nobody waits any more."""
    if not task.cancelled():
        task.exception()
