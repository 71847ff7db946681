# SPDX-License-Identifier: MIT
"""Radios: bleak's adapters, recordings, and what the host needs of either."""

import importlib

from crowdcharge.errors import NoAdapter
from crowdcharge.radio.base import Radio


def open_radio(transport: str = "", adapter: str = "") -> Radio:
    """The platform's own Bluetooth, or a bench's on a bumble transport ("tcp-client:host:port").

    The only place where a bleak backend is chosen; the bench is loaded by name, on demand.
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
