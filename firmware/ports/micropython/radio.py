# SPDX-License-Identifier: MIT
"""The board's radio through MicroPython's built-in `bluetooth` module.

The interrupt handler only copies; the loop hands the copies to the core and publishes from it.
"""

import asyncio
import os

import bluetooth

from gatt_server import NOTIFY, READ, WRITE, ADVERT_ms, GattServer, services
from wptcore import wire
from wptcore.auth import NONCE_SIZE
from wptcore.compat import const

LINKS_MAX = 3
_IRQ_CENTRAL_CONNECT = const(1)
_IRQ_CENTRAL_DISCONNECT = const(2)
_IRQ_GATTS_WRITE = const(3)
_IRQ_GATTS_READ_REQUEST = const(4)

_FLAGS = (
    (READ, bluetooth.FLAG_READ),
    (WRITE, bluetooth.FLAG_WRITE),
    (NOTIFY, bluetooth.FLAG_NOTIFY),
)
_FRAMES_MAX = const(4)  # frames of one link that wait for the loop
_ADDRESS_NRPA = const(3)
_READ_OK = const(0)
_READ_UNLIKELY = const(0x0E)


class BoardRadio(GattServer):
    """`board`: board.Board; `guard`: guard.Guard; `unit`: receiving_unit.ReceivingUnit or None.

    Raises where the radio does not start.
    """

    def __init__(self, board, guard, model: str, revision: str, unit=None):
        super().__init__(board, guard)
        self._events = []  # as _next_event returns them, oldest first
        self._nonces = {}  # of each link that is open
        self._handles = {}
        self._wake = asyncio.ThreadSafeFlag()
        self._peers = None  # peer_radio.PeerRadio of a member of a crowd
        self._airfuel = None  # airfuel_radio.AirFuelRadio where the owner has it on
        self._ble = bluetooth.BLE()
        self._ble.active(True)
        guard.attempt("radio", self._configure, board.board_id)
        self._ble.irq(self._irq)
        self._register(unit)
        self._write(wire.MODEL_NUMBER, model)
        self._write(wire.FIRMWARE_REVISION, revision)

    def meet_peers(self, taker, make_caller) -> None:
        from peer_radio import PeerRadio  # here, because other boards save its memory

        self._peers = PeerRadio(taker, make_caller, self._ble)

    def step_peers(self, dt_ms: int) -> None:
        if self._peers is not None:
            self._peers.step(dt_ms)

    @property
    def meeting(self) -> bool:
        """Is a link to another board there or on its way?"""
        return self._peers is not None and self._peers.is_busy

    @property
    def linked(self) -> bool:
        return bool(self._nonces) or self.meeting

    def _new_address(self) -> None:
        """Take another non-resolvable private address; controllers refuse while they advertise."""
        self._ble.gap_advertise(None)
        self._ble.config(addr_mode=_ADDRESS_NRPA)

    def _configure(self, board_id: int) -> None:
        self._ble.config(gap_name="wpt-%d" % board_id)  # else phones show the stack's own name
        self._ble.config(mtu=247)

    def _register(self, unit) -> None:
        table = services()
        described = tuple((bluetooth.UUID(uuid), _described(rows)) for uuid, rows in table)
        if unit is not None:
            import airfuel_radio  # here, because other boards save its memory

            described += (airfuel_radio.service(),)
        registered = self._ble.gatts_register_services(described)
        last = 0
        for i, (_, rows) in enumerate(table):
            for j, (uuid, _, size) in enumerate(rows):
                handle = registered[i][j]
                if handle <= last:  # BTstack says nothing when its table of 512 bytes is full
                    raise RuntimeError("the Bluetooth stack has no room for our services")
                last = handle
                self._handles[uuid] = handle
                self._ble.gatts_set_buffer(handle, size)
        self._command = self._handles[wire.COMMAND_UUID]
        self._challenge = self._handles[wire.CHALLENGE_UUID]
        if unit is not None:
            self._airfuel = airfuel_radio.AirFuelRadio(unit, self._ble, registered[-1])
            self._adverts.others = self._airfuel.advert

    def _irq(self, event, data):
        """Return a number for a read request and None for all else, as the stack requires.

        An exception here would switch the handler off for good. `data` lives on the stack's own
        memory: only numbers and copies may leave.
        """
        answer = _READ_UNLIKELY if event == _IRQ_GATTS_READ_REQUEST else None
        try:
            if event == _IRQ_GATTS_READ_REQUEST:
                answer = self._prepare_read(data[0], data[1])
            else:
                self._note(event, data)
        except Exception:  # noqa: BLE001 - see above
            self._guard.drop("radio")
            if event == _IRQ_CENTRAL_CONNECT and data:
                self._stranded = data[0]
        return answer

    def _note(self, event, data) -> None:
        if event == _IRQ_CENTRAL_CONNECT:
            nonce = os.urandom(NONCE_SIZE)
            self._nonces[data[0]] = nonce
            self._events.append((data[0], nonce, False))
        elif event == _IRQ_CENTRAL_DISCONNECT:
            self._nonces.pop(data[0], None)
            self._events.append((data[0], b"", False))
        elif event == _IRQ_GATTS_WRITE and data[1] == self._command:
            self._take_frame(data[0])
        elif self._airfuel is not None and self._airfuel.note(event, data):
            pass
        elif self._peers is not None and not self._peers.note(event, data):
            return
        self._wake.set()

    def _take_frame(self, link: int) -> None:
        """Keep a frame; those beyond what the loop can take are dropped, of that link only."""
        waiting = sum(1 for event in self._events if event[0] == link and event[2])
        if waiting < _FRAMES_MAX:
            self._events.append((link, self._ble.gatts_read(self._command), True))

    def _prepare_read(self, link: int, attribute: int) -> int:
        """Each link reads its own challenge."""
        if attribute == self._challenge:
            if link not in self._nonces:
                return _READ_UNLIKELY
            challenge = self._board.challenge(self._nonces[link])
            self._ble.gatts_write(self._challenge, challenge)
        elif self._airfuel is not None:
            self._airfuel.prepare_read(link, attribute)
        return _READ_OK

    async def wait(self, time_ms: int) -> bool:
        """Return True when something came from the air, False when the time is over."""
        try:
            await asyncio.wait_for_ms(self._wake.wait(), time_ms)
        except asyncio.TimeoutError:
            return False
        return True

    def deliver(self, dt_ms: int) -> None:
        super().deliver(dt_ms)
        if self._airfuel is not None:
            self._guard.attempt("airfuel", self._airfuel.step)

    def _next_event(self):
        return self._events.pop(0) if self._events else None

    def _disconnect(self, link: int) -> None:
        if self._peers is not None and self._peers.has_lent(link):
            self._peers.caller.leave()
        elif not self._ble.gap_disconnect(link):
            self._board.on_link(link, b"")  # it has gone, and its event was lost

    def _write(self, uuid, value, notify: bool = False) -> None:
        self._ble.gatts_write(self._handles[uuid], value, notify)

    def _notify(self, link: int, frame: bytes) -> bool:
        if self._peers is not None and self._peers.has_lent(link):
            return self._peers.caller.send(frame)
        if link not in self._nonces:
            return True  # the link has gone, and its reply with it
        try:
            self._ble.gatts_notify(link, self._handles[wire.REPLY_UUID], frame)
        except OSError:
            return False
        return True

    def _advertise(self, advert, response) -> None:
        """Advertise; a stack without a free link refuses only connectable adverts."""
        connectable = len(self._nonces) < self._board.links_max
        try:
            self._start_advert(advert, response, connectable)
        except OSError:
            self._start_advert(advert, response, False)

    def _start_advert(self, advert, response, connectable: bool) -> None:
        interval_us = ADVERT_ms * 1000
        if self._airfuel is not None and advert is self._airfuel.advert:
            interval_us = self._airfuel.advert_us
        self._ble.gap_advertise(interval_us, advert, resp_data=response, connectable=connectable)


def _described(rows) -> tuple:
    """Return the characteristics as `bluetooth` takes them: (UUID, flags)."""
    return tuple(
        (bluetooth.UUID(uuid), sum(flag for ours, flag in _FLAGS if properties & ours))
        for uuid, properties, _ in rows
    )
