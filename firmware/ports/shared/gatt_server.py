# SPDX-License-Identifier: MIT
"""The GATT server of both ports: its services, and when the core hears and is heard."""

from adverts import Adverts
from wptcore import wire
from wptcore.compat import const

READ = const(1)
WRITE = const(2)
NOTIFY = const(4)
ADVERT_ms = 250
COMMAND_MAX = const(128)
_NOTIFY_GAP_ms = 50  # NimBLE on ESP32 drops notifications that come faster


def services() -> tuple:
    """(service, its characteristics: (UUID, properties, longest value in bytes)).

    A function, because the table is needed once and should not stay in memory.
    """
    return (
        (wire.BATTERY_SERVICE, ((wire.BATTERY_LEVEL, READ | NOTIFY, 1),)),
        (
            wire.DEVICE_INFORMATION,
            ((wire.MODEL_NUMBER, READ, 32), (wire.FIRMWARE_REVISION, READ, 32)),
        ),
        (
            wire.SERVICE_UUID,
            (
                (wire.STATUS_UUID, READ | NOTIFY, wire.BEACON_SIZE),
                (wire.CHALLENGE_UUID, READ, 64),
                (wire.COMMAND_UUID, WRITE, COMMAND_MAX),
                (wire.REPLY_UUID, NOTIFY, 96),
                (wire.RECEIPTS_UUID, READ, wire.RECEIPTS_KEPT * wire.RECEIPT_SIZE),
            ),
        ),
    )


class GattServer:
    """What a pass of the loop does with the radio.

    A port's BoardRadio adds what its VM does:

    _next_event()                (link, nonce or frame, is a frame) of the oldest event, or None;
                                 the nonce is empty when the link has gone
    _disconnect(link)
    _write(uuid, value, notify)  sets a readable value; `notify` also sends it to subscribers
    _notify(link, frame)         sends one reply; nothing happens when the link has gone
    _advertise(advert, response) replaces both; a busy controller keeps the old ones
    """

    def __init__(self, board):
        self._board = board
        self._adverts = Adverts(board)
        self._since_advert_ms = ADVERT_ms
        self._since_notify_ms = _NOTIFY_GAP_ms

    def deliver(self) -> None:
        """Hand what came to the core."""
        board = self._board
        event = self._next_event()
        while event is not None:
            link, data, is_frame = event
            if is_frame:
                board.on_command(link, data)
            else:
                board.on_link(link, data)
            event = self._next_event()
        unwelcome = board.unwelcome_link
        if unwelcome >= 0:
            self._disconnect(unwelcome)

    def publish(self, dt_ms: int) -> None:
        """Send at most one reply, and refresh adverts and readable values when due."""
        self._since_notify_ms += dt_ms
        self._since_advert_ms += dt_ms
        if self._since_notify_ms >= _NOTIFY_GAP_ms:
            self._send_reply()
        if self._since_advert_ms >= ADVERT_ms:
            self._since_advert_ms = 0
            self._refresh()

    def _send_reply(self) -> None:
        reply = self._board.pop_reply()
        if reply is not None:
            self._since_notify_ms = 0
            self._notify(*reply)

    def _refresh(self) -> None:
        board = self._board
        advert, response = self._adverts.advance()
        known = board.soc_permille <= 1000
        battery = bytes((wire.soc_pct(board.soc_permille),)) if known else b""
        self._write(wire.STATUS_UUID, self._adverts.status, True)
        self._write(wire.RECEIPTS_UUID, board.receipts)
        self._write(wire.BATTERY_LEVEL, battery)
        self._advertise(advert, response)
