# SPDX-License-Identifier: MIT
"""What differs between versions of ESPHome's firmware, and between proxies of other makers."""

from dataclasses import dataclass

ACTIVE = 1 | 2 | 4 | 16 | 32 | 64 | 128  # features: all but pairing, as of 2026


@dataclass
class Firmware:
    """What a proxy says and how fast; the defaults are those of 2026."""

    api: tuple[int, int] = (1, 14)
    features: int = ACTIVE
    limit: int = 3
    hello: bytes = b"other\0" + b"c0ffee000001\0"
    mac: str = "C0:FF:EE:00:00:01"
    tells_allocated: bool = True
    tells_limit: bool = True
    tells_scanner: bool = True  # if its features say so
    free_told: int | None = None  # what it says whatever is taken
    short_uuids: bool = True
    newest_wins: bool = False  # as of August 2026
    password: bool = False
    login_answer: bool = False  # firmware of 2026 gives none
    mtus: tuple[int, ...] = (247,)  # one message for each
    services_s: float = 0.0
    is_dumb_after: int = 0  # a kind of message after which it answers nothing more
    connect_s: float = 0.02
    disconnect_s: float = 0.02
    close_s: float = 0.05  # from the end of a link to its second word; older: 0, and one word
    lag_s: float = 0.0  # of the Wi-Fi, on the way to it
    gives_up_s: float = 0.0  # after which a connect that nobody answers ends; ESPHome: 20
    notifies_early: bytes = b""  # data before the answer to the subscription
    padding: bytes = b""  # behind every advert
    refuses: int = 0  # connects that fail first
    lacks: tuple[str, ...] = ()  # characteristics that are an error to use
    address_type: int = 1  # of every board: 0 public, 1 random
    tells_slots: str = "asked"  # or "at once", or "never"
    says_why: bool = False  # to who comes with encryption to one that has none, or without
    piece: int = 0  # bytes of what it sends that come together, if not all
    lingers_s: float = 0.0  # until it knows that a client has gone
