# SPDX-License-Identifier: MIT
"""What the host needs from a radio: adverts, connections, reads, writes and notifications.

Anything with these methods is a radio: bleak's adapters, a recording, a remote gateway. Every
failure is a RadioError.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Advert:
    """One advert; `data` is the manufacturer data of wire.COMPANY_ID, not yet decoded."""

    address: str
    rssi_dBm: int
    data: bytes


OnAdvert = Callable[[Advert], None]
OnData = Callable[[bytes], None]
OnClosed = Callable[[], None]


class Link(Protocol):
    """One connection to one board; characteristics are named by their UUID."""

    @property
    def address(self) -> str: ...
    @property
    def mtu(self) -> int: ...
    async def read(self, uuid: str) -> bytes: ...
    async def write(self, uuid: str, data: bytes) -> None: ...
    async def subscribe(self, uuid: str, on_data: OnData) -> None: ...
    async def close(self) -> None: ...


class Radio(Protocol):
    async def start_scan(self, on_advert: OnAdvert) -> None:
        """Start scanning. NoAdapter: there is nothing to scan with."""
        ...

    async def stop_scan(self) -> None: ...

    async def connect(self, address: str, on_closed: OnClosed, /) -> Link:
        """Connect to an address that was heard; the radio makes one connection at a time."""
        ...

    async def close(self) -> None: ...
