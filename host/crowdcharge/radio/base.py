# SPDX-License-Identifier: MIT
"""What the host needs from a radio: adverts, connections, reads, writes and notifications.

Anything with these methods is a radio: bleak's adapters, a recording, a remote gateway. Every
failure is a RadioError.
"""

import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Advert:
    """One advert; `data` is the manufacturer data of wire.COMPANY_ID, not yet decoded.

    `radio` names who heard it, where there are several.
    """

    address: str
    rssi_dBm: int
    data: bytes
    radio: str = ""


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where an ESPHome Bluetooth proxy is; `key` is that of its encryption, "" if it has none."""

    host: str
    port: int = 6053
    key: str = ""

    @property
    def name(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.host if self.port == 6053 else f"{host}:{self.port}"


def is_host(text: str) -> bool:
    """Tell whether the text can be a host name or an address, without a scheme or a port."""
    try:
        text.encode("idna")
    except UnicodeError:  # a part between dots is empty or too long
        return False
    is_shown = text.isprintable() and not any(map(str.isspace, text))
    return bool(text) and is_shown and not set(text) & set("/@[]") and text.count(":") != 1


def is_noise_key(text: str) -> bool:
    """Tell whether the text can be a proxy's key: 32 bytes in base64."""
    try:
        return len(binascii.a2b_base64(text, strict_mode=True)) == 32
    except ValueError:
        return False


Tell = Callable[[str], None]
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


def tell_nobody(_line: str) -> None:
    pass


class Radio(Protocol):
    async def start_scan(self, on_advert: OnAdvert) -> None:
        """Start scanning. NoAdapter: there is nothing to scan with."""
        ...

    async def stop_scan(self) -> None: ...

    async def connect(self, address: str, on_closed: OnClosed, /) -> Link:
        """Connect to an address that was heard; the radio makes one connection at a time."""
        ...

    async def close(self) -> None: ...


class PathRadio(Radio, Protocol):
    """A radio that can be one of many: it has a name, and says how many connections it can take.

    `deaf_after_s`: so long without any advert, and it does not hear. `trouble`: why it has ended,
    as a line for the user, where it knows more than that it has.
    """

    name: str
    deaf_after_s: float
    trouble: str

    @property
    def is_up(self) -> bool: ...

    @property
    def slots(self) -> int: ...

    def room(self, address: str) -> int:
        """Return how many more connections it can take, if the next one is to this address."""
        ...

    @property
    def is_disputed(self) -> bool:
        """Tell whether it claims to be full, though fewer links are open here than it can hold."""
        ...

    async def reclaim(self) -> None:
        """Free the connections that the radio still keeps but nobody here uses."""
        ...
