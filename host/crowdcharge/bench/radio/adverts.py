# SPDX-License-Identifier: MIT
"""Translate AD structures (Core 5.0, Vol 3, Part C, 11) into bleak's `AdvertisementData`."""

import functools
from uuid import UUID

from bleak.backends.scanner import AdvertisementData
from bleak.uuids import normalize_uuid_str

from crowdcharge.radio.advert_data import MANUFACTURER, structures

UUID_LISTS = {0x02: 2, 0x03: 2, 0x04: 4, 0x05: 4, 0x06: 16, 0x07: 16}
SERVICE_DATA = {0x16: 2, 0x20: 4, 0x21: 16}
SHORT_NAME, NAME, TX_POWER = 0x08, 0x09, 0x0A


def advertisement_data(data: bytes, rssi_dBm: int) -> AdvertisementData:
    """Decode an advert, followed by its scan response if there was one; skip bad structures."""
    name: str | None = None
    tx_power_dBm: int | None = None
    manufacturer_data: dict[int, bytes] = {}
    service_data: dict[str, bytes] = {}
    service_uuids: list[str] = []
    for kind, value in structures(data):
        if kind in UUID_LISTS:
            size = UUID_LISTS[kind]
            whole = len(value) - len(value) % size
            service_uuids += [uuid_text(value[i : i + size]) for i in range(0, whole, size)]
        elif kind in SERVICE_DATA and len(value) >= SERVICE_DATA[kind]:
            size = SERVICE_DATA[kind]
            service_data[uuid_text(value[:size])] = value[size:]
        elif kind == MANUFACTURER and len(value) >= 2:
            manufacturer_data[int.from_bytes(value[:2], "little")] = value[2:]
        elif kind == NAME or (kind == SHORT_NAME and name is None):
            name = value.decode(errors="replace")
        elif kind == TX_POWER and len(value) == 1:
            tx_power_dBm = int.from_bytes(value, signed=True)
    return AdvertisementData(
        name, manufacturer_data, service_data, service_uuids, tx_power_dBm, rssi_dBm, (data,)
    )


@functools.lru_cache(maxsize=1024)
def uuid_text(little_endian: bytes) -> str:
    if len(little_endian) == 16:
        return str(UUID(bytes=little_endian[::-1]))
    return normalize_uuid_str(little_endian[::-1].hex().zfill(4))
