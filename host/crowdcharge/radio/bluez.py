# SPDX-License-Identifier: MIT
"""What Linux does differently, and what is done about it.

BlueZ keeps a connection when the program that made it dies, and a connected board is not heard:
`drop_orphans`. It remembers a board's services across connections, and so also those of the
firmware before an update: `forget`. bleak and bleak-retry-connector do the rest.
"""

import contextlib
import sys
from collections.abc import Container
from typing import Any

from bleak import BleakAdapter, BleakClient
from bleak.backends import BleakBackend
from bleak.exc import BleakError
from bleak_retry_connector import close_stale_connections

from wptcore import wire


def is_bluez(client: BleakClient) -> bool:
    return client.backend_id is BleakBackend.BLUEZ_DBUS


async def drop_orphans(bluez: Any, ours: Container[str]) -> None:
    """Ends connections to boards that are none of `ours` (addresses): a killed host left them."""
    if sys.platform != "linux":
        return
    adapter = await BleakAdapter.get(bluez=bluez)
    for device in await adapter.get_connected_devices([wire.SERVICE_UUID]):
        if device.address not in ours:
            await close_stale_connections(device)


async def forget(client: BleakClient) -> None:
    """Removes the board, with its remembered services, from BlueZ; it comes back when heard."""
    if is_bluez(client):
        with contextlib.suppress(BleakError, OSError, EOFError, TimeoutError):
            await client.unpair()
