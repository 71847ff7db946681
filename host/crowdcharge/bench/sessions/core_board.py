# SPDX-License-Identifier: MIT
"""A board's core on CPython: the real `wptcore.board.Board`, its journal, and its connections.

What its sensors see is a subclass's. Not here: the port's files.
"""

from binascii import crc32
from hashlib import sha256
from typing import Protocol

from wptcore import wire
from wptcore.board import Board
from wptcore.fod import LossCurve
from wptcore.journal import Journal
from wptcore.limits import Limits

_REFRESH_ms = 250


class HostEnd(Protocol):
    """What a board does to a connection."""

    def tell(self, uuid: str, data: bytes) -> None: ...

    def drop(self) -> None: ...


class CoreBoard:
    """`boot` is also what happens after `power_cut`; the key is made of the board's number."""

    def __init__(self, board_id: int, limits: Limits, curve: LossCurve) -> None:
        self.board_id = board_id
        self.key = sha256(str(board_id).encode()).digest()
        self.flash = [b"", b""]
        self.links: dict[int, HostEnd] = {}
        self._limits = limits
        self._curve = curve
        self._until_refresh_ms = 0
        self.boot()

    @property
    def address(self) -> str:
        return f"00:00:00:00:00:{self.board_id:02X}"

    def boot(self) -> None:
        self._journal = Journal(self.flash, crc32)
        roles = wire.PTX | wire.PRX
        saved = self._journal.saved
        self.core = Board(self.board_id, self.key, self._limits, roles, saved, sha256, self._curve)
        self.core.attend()

    def power_cut(self) -> None:
        """Do what a battery pulled out and put in again does."""
        for link in list(self.links.values()):
            link.drop()
        self.boot()

    def save(self) -> None:
        saved = self.core.pop_save()
        if saved is not None:
            slot, record = self._journal.next_record(saved)
            self.flash[slot] = record

    def beacon(self) -> bytes:
        buffer = bytearray(wire.BEACON_SIZE)
        self.core.pack_beacon_into(buffer, 0)
        return bytes(buffer)

    def refresh(self) -> None:
        """Refresh what can be read, which lags: the port writes it four times a second."""
        self.readable = (self.beacon(), self.core.receipts)
        for link in list(self.links.values()):
            link.tell(wire.STATUS_UUID, self.readable[0])

    def publish(self, dt_ms: int) -> None:
        """Send what waits, store what is due, and refresh what can be read when it is time."""
        self.pump()
        self.save()
        self._until_refresh_ms -= dt_ms
        if self._until_refresh_ms <= 0:
            self._until_refresh_ms = _REFRESH_ms
            self.refresh()

    def pump(self) -> None:
        while (reply := self.core.pop_reply()) is not None:
            handle, frame = reply
            if handle in self.links:
                self.links[handle].tell(wire.REPLY_UUID, frame)
        if (handle := self.core.unwelcome_link) in self.links:
            self.links[handle].drop()
