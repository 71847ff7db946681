# SPDX-License-Identifier: MIT
"""The board on the air through `_bleio`.

CircuitPython does not say which link wrote or reads, so this port serves one link at a time and
advertises without being connectable meanwhile. A challenge is drawn before the link that reads it
comes: one that came in the middle of a pass would find the last one's.
"""

import os
import time

import _bleio

from adverts import Adverts
from wptcore import wire
from wptcore.auth import NONCE_SIZE

_ADVERT_s = 0.25
_ADVERT_ms = 250
_NOTIFY_GAP_ms = 50
_COMMAND_MAX = 128
_REPLY_MAX = 96
_FRAMES_HELD = 8
_LINK = 0
_READ = _bleio.Characteristic.READ
_NOTIFY = _bleio.Characteristic.NOTIFY
_WRITE = _bleio.Characteristic.WRITE
_NOBODY = _bleio.Attribute.NO_ACCESS


class BoardRadio:
    def __init__(self, board, model: str, revision: str):
        self._board = board
        self._adapter = _bleio.adapter
        self._adapter.enabled = True
        self._adverts = Adverts(board)
        self._since_advert_ms = _ADVERT_ms
        self._since_notify_ms = _NOTIFY_GAP_ms
        self._linked = False
        self._frame = bytearray(_COMMAND_MAX)
        battery = _bleio.Service(_bleio.UUID(wire.BATTERY_SERVICE))
        self._battery_level = _add(battery, wire.BATTERY_LEVEL, _READ | _NOTIFY, 1)
        device = _bleio.Service(_bleio.UUID(wire.DEVICE_INFORMATION))
        _add(device, wire.MODEL_NUMBER, _READ, len(model)).value = model.encode()
        _add(device, wire.FIRMWARE_REVISION, _READ, len(revision)).value = revision.encode()
        crowd = _bleio.Service(_bleio.UUID(wire.SERVICE_UUID))
        self._status = _add(crowd, wire.STATUS_UUID, _READ | _NOTIFY, wire.BEACON_SIZE)
        self._challenge = _add(crowd, wire.CHALLENGE_UUID, _READ, 64)
        command = _add(crowd, wire.COMMAND_UUID, _WRITE, _COMMAND_MAX)
        self._frames = _bleio.PacketBuffer(command, buffer_size=_FRAMES_HELD)
        self._reply = _add(crowd, wire.REPLY_UUID, _NOTIFY, _REPLY_MAX)
        self._receipts = _add(
            crowd, wire.RECEIPTS_UUID, _READ, wire.RECEIPTS_KEPT * wire.RECEIPT_SIZE
        )
        self._limits = _add(crowd, wire.LIMITS_UUID, _READ, 64)
        self._faults = _add(crowd, wire.FAULTS_UUID, _READ | _NOTIFY, 32)
        self._draw_challenge()

    def _draw_challenge(self) -> None:
        self._nonce = os.urandom(NONCE_SIZE)
        self._challenge.value = self._board.challenge(self._nonce)

    def wait(self, time_ms: int) -> None:
        """Nothing wakes CircuitPython when a frame comes, so a pass is never far away."""
        time.sleep(min(time_ms, 20) / 1000)

    def deliver(self) -> None:
        """Hand what came to the core."""
        connected = self._adapter.connected
        if connected != self._linked:
            self._linked = connected
            self._board.on_link(_LINK, self._nonce if connected else b"")
            if not connected:
                self._draw_challenge()
        length = self._frames.readinto(self._frame)
        while length:
            self._board.on_command(_LINK, bytes(self._frame[:length]))
            length = self._frames.readinto(self._frame)
        if self._board.unwelcome_link >= 0:
            for connection in self._adapter.connections:
                connection.disconnect()

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
        if reply is not None:
            self._since_notify_ms = 0
            self._reply.value = reply[1]

    def _refresh(self) -> None:
        board = self._board
        advert, response = self._adverts.advance()
        self._status.value = self._adverts.status
        self._receipts.value = board.receipts
        self._limits.value = board.limits
        self._faults.value = board.faults
        self._battery_level.value = bytes((min(wire.soc_pct(board.soc_permille), 100),))
        self._adapter.stop_advertising()
        try:
            self._adapter.start_advertising(
                advert,
                scan_response=response,
                connectable=not self._linked,
                interval=_ADVERT_s,
            )
        except _bleio.BluetoothError:
            pass  # the controller is busy with a connection; the next refresh tries again


def _add(service, uuid, properties: int, max_length: int):
    """A characteristic that nobody can write but through WRITE, nor read but through READ."""
    return _bleio.Characteristic.add_to_service(
        service,
        _bleio.UUID(uuid),
        properties=properties,
        read_perm=_bleio.Attribute.OPEN if properties & (_READ | _NOTIFY) else _NOBODY,
        write_perm=_bleio.Attribute.OPEN if properties & _WRITE else _NOBODY,
        max_length=max_length,
    )
