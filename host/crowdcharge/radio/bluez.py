# SPDX-License-Identifier: MIT
"""Workarounds for what BlueZ does differently; bleak and bleak-retry-connector do the rest.

- `drop_orphans`: BlueZ keeps the connection of a program that has died, and a connected board is
  not heard.
- `forget`: BlueZ remembers a board's services across connections, even after an update of its
  firmware.
- `scan_paused`: BlueZ connects when it hears a board's next advert, but many controllers report a
  board once in a scan, which lasts 10 s.
"""

import contextlib
from collections.abc import AsyncIterator, Container
from typing import Any

from bleak import BleakAdapter, BleakClient, BleakScanner
from bleak.backends import BleakBackend
from bleak.exc import BleakError
from bleak_retry_connector import close_stale_connections

from wptcore import wire

FAILURES = (BleakError, TimeoutError, OSError, EOFError)  # what bleak's backends raise


def is_bluez(client: BleakClient) -> bool:
    return client.backend_id is BleakBackend.BLUEZ_DBUS


async def drop_orphans(bluez: Any, ours: Container[str]) -> None:
    """Ends connections to boards not in `ours` (addresses), which a killed host has left."""
    adapter = await BleakAdapter.get(bluez=bluez)
    for device in await adapter.get_connected_devices([wire.SERVICE_UUID]):
        if device.address not in ours:
            await close_stale_connections(device)


@contextlib.asynccontextmanager
async def scan_paused(scanner: BleakScanner) -> AsyncIterator[None]:
    """Stops the scanner meanwhile. If it does not start again, the observer notices silence."""
    await scanner.stop()
    try:
        yield
    finally:
        with contextlib.suppress(*FAILURES):
            await scanner.start()


async def forget(client: BleakClient) -> None:
    """Removes the board and its remembered services from BlueZ until it is heard again."""
    if is_bluez(client):
        with contextlib.suppress(*FAILURES):
            await client.unpair()
