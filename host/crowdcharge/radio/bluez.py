# SPDX-License-Identifier: MIT
"""What Linux does differently, and what is done about it.

BlueZ keeps a connection when the program that made it dies, and a connected board is not heard:
`drop_orphans`. It remembers a board's services across connections, and so also those of the
firmware before an update: `forget`. It connects to a board when it hears its next advert, and many
controllers report a board once a scan, which lasts 10 s: `scan_paused`. bleak and
bleak-retry-connector do the rest.
"""

import contextlib
from collections.abc import AsyncIterator, Container
from typing import Any

from bleak import BleakAdapter, BleakClient, BleakScanner
from bleak.backends import BleakBackend
from bleak.exc import BleakError
from bleak_retry_connector import close_stale_connections

from wptcore import wire


def is_bluez(client: BleakClient) -> bool:
    return client.backend_id is BleakBackend.BLUEZ_DBUS


async def drop_orphans(bluez: Any, ours: Container[str]) -> None:
    """Ends connections to boards that are none of `ours` (addresses): a killed host left them."""
    adapter = await BleakAdapter.get(bluez=bluez)
    for device in await adapter.get_connected_devices([wire.SERVICE_UUID]):
        if device.address not in ours:
            await close_stale_connections(device)


@contextlib.asynccontextmanager
async def scan_paused(scanner: BleakScanner) -> AsyncIterator[None]:
    """A scanner that does not come back is the business of who listens to it."""
    await scanner.stop()
    try:
        yield
    finally:
        with contextlib.suppress(BleakError, OSError, EOFError, TimeoutError):
            await scanner.start()


async def forget(client: BleakClient) -> None:
    """Removes the board, with its remembered services, from BlueZ; it comes back when heard."""
    if is_bluez(client):
        with contextlib.suppress(BleakError, OSError, EOFError, TimeoutError):
            await client.unpair()
