# SPDX-License-Identifier: MIT
"""Radios: bleak's adapters and recordings, and the protocol that both follow."""

import importlib

from crowdcharge.errors import NoAdapter
from crowdcharge.radio.base import Radio


def open_radio(transport: str = "", adapter: str = "") -> Radio:
    """Open the platform's Bluetooth, or a bench's bumble transport ("tcp-client:host:port").

    A bleak backend is chosen only here; the bench is imported by name, on demand.
    """
    radio = importlib.import_module("crowdcharge.radio.bleak_radio")
    if not transport:
        made: Radio = radio.BleakRadio(adapter=adapter or None)
        return made
    backend = importlib.import_module("crowdcharge.bench.radio.bleak_backend")
    try:
        made = radio.BleakRadio(*backend.backends(transport), transport=transport)
    except ValueError as error:
        raise NoAdapter(f'transport "{transport}": {error}') from None
    return made
