# SPDX-License-Identifier: MIT
"""The board on the air through the built-in `bluetooth` module.

The interrupt handler only copies; the loop delivers to the core and publishes from it.
"""

import asyncio
import os

import bluetooth

from adverts import Adverts
from wptcore import wire
from wptcore.auth import NONCE_SIZE
from wptcore.links import LINKS_MAX

_IRQ_CENTRAL_CONNECT = 1
_IRQ_CENTRAL_DISCONNECT = 2
_IRQ_GATTS_WRITE = 3
_IRQ_GATTS_READ_REQUEST = 4

_READ = bluetooth.FLAG_READ
_NOTIFY = bluetooth.FLAG_NOTIFY
_ADVERT_ms = 250
_NOTIFY_GAP_ms = 50  # NimBLE on ESP32 drops notifications that come faster
_FRAMES_MAX = 4  # of one link that wait for the loop
_COMMAND_MAX = 128
_READ_OK = 0
_READ_UNLIKELY = 0x0E

_SERVICES = (
    (
        bluetooth.UUID(wire.BATTERY_SERVICE),
        ((bluetooth.UUID(wire.BATTERY_LEVEL), _READ | _NOTIFY),),
    ),
    (
        bluetooth.UUID(wire.DEVICE_INFORMATION),
        (
            (bluetooth.UUID(wire.MODEL_NUMBER), _READ),
            (bluetooth.UUID(wire.FIRMWARE_REVISION), _READ),
        ),
    ),
    (
        bluetooth.UUID(wire.SERVICE_UUID),
        (
            (bluetooth.UUID(wire.STATUS_UUID), _READ | _NOTIFY),
            (bluetooth.UUID(wire.CHALLENGE_UUID), _READ),
            (bluetooth.UUID(wire.COMMAND_UUID), bluetooth.FLAG_WRITE),
            (bluetooth.UUID(wire.REPLY_UUID), _NOTIFY),
            (bluetooth.UUID(wire.RECEIPTS_UUID), _READ),
            (bluetooth.UUID(wire.LIMITS_UUID), _READ),
            (bluetooth.UUID(wire.FAULTS_UUID), _READ | _NOTIFY),
        ),
    ),
)


class BoardRadio:
    def __init__(self, board, model: str, revision: str):
        self._board = board
        self._events = []  # (link handle, nonce or frame, is a frame), oldest first
        self._challenges = {}
        self._wake = asyncio.ThreadSafeFlag()
        self._since_advert_ms = _ADVERT_ms
        self._since_notify_ms = _NOTIFY_GAP_ms
        self._adverts = Adverts(board)
        self._ble = ble = bluetooth.BLE()
        ble.active(True)
        ble.config(mtu=247)
        ble.irq(self._irq)
        (
            (self._battery_level,),
            (model_number, firmware_revision),
            (
                self._status_handle,
                self._challenge,
                self._command,
                self._reply,
                self._receipts,
                self._limits,
                self._faults,
            ),
        ) = ble.gatts_register_services(_SERVICES)
        ble.gatts_set_buffer(self._command, _COMMAND_MAX)
        ble.gatts_set_buffer(self._receipts, wire.RECEIPTS_KEPT * wire.RECEIPT_SIZE)
        ble.gatts_write(model_number, model)
        ble.gatts_write(firmware_revision, revision)

    def _irq(self, event, data) -> int:
        if event == _IRQ_GATTS_READ_REQUEST:
            return self._prepare_read(data[0], data[1])
        if event == _IRQ_CENTRAL_CONNECT:
            nonce = os.urandom(NONCE_SIZE)
            self._challenges[data[0]] = self._board.challenge(nonce)
            self._events.append((data[0], nonce, False))
        elif event == _IRQ_CENTRAL_DISCONNECT:
            self._challenges.pop(data[0], None)
            self._events.append((data[0], b"", False))
        elif event == _IRQ_GATTS_WRITE and data[1] == self._command:
            self._take_frame(data[0])
        self._wake.set()
        return _READ_OK

    def _take_frame(self, link: int) -> None:
        """A flood beyond what the loop can take is dropped here, the flooding link's alone."""
        waiting = sum(1 for event in self._events if event[0] == link and event[2])
        if waiting < _FRAMES_MAX:
            self._events.append((link, self._ble.gatts_read(self._command), True))

    def _prepare_read(self, link: int, attribute: int) -> int:
        """Each link reads its own challenge."""
        if attribute == self._challenge:
            if link not in self._challenges:
                return _READ_UNLIKELY
            self._ble.gatts_write(self._challenge, self._challenges[link])
        return _READ_OK

    async def wait(self, time_ms: int) -> None:
        """Until something came from the air, or the time is over."""
        try:
            await asyncio.wait_for_ms(self._wake.wait(), time_ms)
        except asyncio.TimeoutError:
            pass

    def deliver(self) -> None:
        """Hand what came to the core."""
        while self._events:
            link, data, is_frame = self._events.pop(0)
            if is_frame:
                self._board.on_command(link, data)
            else:
                self._board.on_link(link, data)
        unwelcome = self._board.unwelcome_link
        if unwelcome >= 0:
            self._ble.gap_disconnect(unwelcome)

    def publish(self, dt_ms: int) -> None:
        """Send at most one reply, and refresh adverts and readable values when due."""
        self._since_notify_ms += dt_ms
        self._since_advert_ms += dt_ms
        if self._since_notify_ms >= _NOTIFY_GAP_ms:
            self._send_reply()
        if self._since_advert_ms >= _ADVERT_ms:
            self._since_advert_ms = 0
            self._refresh()

    def _send_reply(self) -> None:
        reply = self._board.pop_reply()
        if reply is None:
            return
        self._since_notify_ms = 0
        try:
            self._ble.gatts_notify(reply[0], self._reply, reply[1])
        except OSError:
            pass  # the link went; its disconnect event follows

    def _refresh(self) -> None:
        board, ble = self._board, self._ble
        advert, response = self._adverts.advance()
        ble.gatts_write(self._status_handle, self._adverts.status, True)
        ble.gatts_write(self._receipts, board.receipts)
        ble.gatts_write(self._limits, board.limits)
        ble.gatts_write(self._faults, board.faults, True)
        ble.gatts_write(self._battery_level, bytes((min(wire.soc_pct(board.soc_permille), 100),)))
        try:
            ble.gap_advertise(
                _ADVERT_ms * 1000,
                advert,
                resp_data=response,
                connectable=len(self._challenges) < LINKS_MAX,
            )
        except OSError:
            pass  # the controller is busy with a connection; the next refresh tries again
