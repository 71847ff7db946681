# SPDX-License-Identifier: MIT
"""Workarounds for what BlueZ does differently; bleak and bleak-retry-connector do the rest.

- `drop_orphans`: BlueZ keeps the connection of a program that has died, and a connected board is
  not heard.
- `forget`: BlueZ remembers a board's services across connections, even after an update of its
  firmware.
- `Scan`: BlueZ connects when it hears a board's next advert, but many controllers report a board
  once in a scan, which lasts 10 s, so the scan pauses meanwhile. BlueZ answers InProgress to
  whoever asks while it still works on the last question.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Container
from typing import Any

from bleak import BleakAdapter, BleakClient, BleakScanner
from bleak.backends import BleakBackend
from bleak.exc import BleakError
from bleak_retry_connector import close_stale_connections

from crowdcharge.radio.bluez_errors import is_in_progress
from wptcore import wire

FAILURES = (BleakError, TimeoutError, OSError, EOFError)  # what bleak's backends raise
PATIENCE_s = 5.0  # with InProgress
_RETRY_s = 0.25


def is_bluez(client: BleakClient) -> bool:
    return client.backend_id is BleakBackend.BLUEZ_DBUS


async def drop_orphans(bluez: Any, ours: Container[str]) -> None:
    """End connections to boards not in `ours` (addresses), which a killed host has left."""
    adapter = await BleakAdapter.get(bluez=bluez)
    for device in await adapter.get_connected_devices([wire.SERVICE_UUID]):
        if device.address not in ours:
            await close_stale_connections(device)


async def patiently(work: Callable[[], Awaitable[None]], patience_s: float = PATIENCE_s) -> None:
    """Do `work`, again and again while BlueZ says InProgress, for at most `patience_s`."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + patience_s
    while True:
        try:
            return await work()
        except BleakError as error:
            if not is_in_progress(error) or loop.time() >= until_s:
                raise
        await asyncio.sleep(_RETRY_s)


class Scan:
    """A scan that comes back after every pause, whatever BlueZ says to stopping and starting."""

    def __init__(self, scanner: BleakScanner) -> None:
        self._scanner = scanner
        self._turn = asyncio.Lock()  # a start that is cancelled half-way leaves BlueZ scanning
        self._pauses = 0
        self._stopped = True
        self._resuming: asyncio.Task[None] | None = None

    async def start(self) -> None:
        async with self._turn:
            await patiently(self._scanner.start)
            self._stopped = False

    async def stop(self) -> None:
        """Stop for good, ignoring errors: bluetoothd or the adapter may be away."""
        self._stopped = True
        await self._quiet()

    @contextlib.asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Pause the scan. If it cannot be stopped, the block runs all the same."""
        self._pauses += 1
        try:
            await self._quiet()
            yield
        finally:
            self._pauses -= 1
            self._resuming = asyncio.create_task(self._resume())

    async def _quiet(self) -> None:
        async with self._turn:
            with contextlib.suppress(*FAILURES):
                await patiently(self._scanner.stop)

    async def _resume(self) -> None:
        while True:
            async with self._turn:
                if self._stopped or self._pauses:
                    return
                with contextlib.suppress(*FAILURES):  # the observer tells of silence
                    await self._scanner.start()
                    return
            await asyncio.sleep(_RETRY_s)


async def forget(client: BleakClient) -> None:
    """Remove the board and its remembered services from BlueZ until it is heard again."""
    if is_bluez(client):
        with contextlib.suppress(*FAILURES):
            await client.unpair()
