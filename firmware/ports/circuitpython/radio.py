# SPDX-License-Identifier: MIT
"""The board's radio through CircuitPython's `_bleio`.

CircuitPython does not say which link wrote or reads, so this port serves one link at a time and
is not connectable meanwhile. Each challenge is drawn before its link comes: a link that came in
the middle of a pass would otherwise read the challenge of the link before it.
"""

import os
import time

import _bleio

from gatt_server import COMMAND_MAX, NOTIFY, READ, WRITE, ADVERT_ms, GattServer, services
from notify_credits import Credits
from wptcore import wire
from wptcore.auth import NONCE_SIZE
from wptcore.compat import const

LINKS_MAX = 1
_ADVERT_s = ADVERT_ms / 1000
_PASS_MAX_ms = const(20)
_FRAMES_HELD = const(8)
_LINK = const(0)
_PROPERTIES = (
    (READ, _bleio.Characteristic.READ),
    (WRITE, _bleio.Characteristic.WRITE),
    (NOTIFY, _bleio.Characteristic.NOTIFY),
)


class BoardRadio(GattServer):
    """`board`: board.Board; `guard`: guard.Guard; no board of this port carries AirFuel's service.

    Raises where the radio does not start.
    """

    def __init__(self, board, guard, model: str, revision: str, _unit=None):
        super().__init__(board, guard)
        self._credits = Credits()
        self._adapter = _bleio.adapter
        self._adapter.enabled = True
        guard.attempt("radio", setattr, self._adapter, "name", "wpt-%d" % board.board_id)
        self._linked = False
        self._called: list = []  # one called_link.CalledLink in a member of a crowd
        self._characteristics = {}
        self._shown: dict = {}  # the values that a central may read now
        for service, rows in services():
            self._characteristics.update(_registered(service, rows))
        self._frame = bytearray(COMMAND_MAX)
        command = self._characteristics[wire.COMMAND_UUID]
        self._frames = _bleio.PacketBuffer(command, buffer_size=_FRAMES_HELD)
        self._write(wire.MODEL_NUMBER, model.encode())
        self._write(wire.FIRMWARE_REVISION, revision.encode())
        self._draw_challenge()

    def meet_peers(self, taker, _make_caller) -> None:
        from called_link import CalledLink  # here, because other boards save its memory

        self._called = [CalledLink(taker, self._board, self._notify, self._disconnect)]

    def step_peers(self, dt_ms: int) -> None:
        for called in self._called:
            called.step(dt_ms)

    def _take(self, link: int, data: bytes, is_frame: bool) -> None:
        for called in self._called:
            if called.take(link, data, is_frame):
                return
        super()._take(link, data, is_frame)

    def _new_address(self) -> None:
        """Keep the address: not tried on this port, so a hidden board can be followed by it."""

    def _draw_challenge(self) -> None:
        self._nonce = os.urandom(NONCE_SIZE)
        self._write(wire.CHALLENGE_UUID, self._board.challenge(self._nonce))

    def wait(self, time_ms: int) -> None:
        """Nothing wakes CircuitPython when a frame comes, so the next pass is never far away."""
        time.sleep(min(time_ms, _PASS_MAX_ms) / 1000)

    def publish(self, dt_ms: int) -> None:
        self._credits.elapse(dt_ms)
        super().publish(dt_ms)

    def _next_event(self):
        connected = self._adapter.connected
        if connected != self._linked:
            event = (_LINK, self._nonce if connected else b"", False)
            if not connected:
                self._draw_challenge()
            self._credits.refill()
            self._linked = connected  # last: what finds no memory before is tried again
            return event
        length = self._frames.readinto(self._frame)
        if not length:
            return None
        self._credits.refill()
        return _LINK, bytes(self._frame[:length]), True

    def _disconnect(self, _link: int) -> None:
        for connection in self._adapter.connections:
            connection.disconnect()

    def _write(self, uuid, value, _notify: bool = False) -> None:
        """Set a value; where a central may subscribe this also sends it, so it takes a credit."""
        value = bytes(value)
        characteristic = self._characteristics[uuid]
        sends = self._linked and characteristic.properties & _bleio.Characteristic.NOTIFY
        if sends and (value == self._shown.get(uuid) or not self._credits.take(False)):
            return
        characteristic.value = value
        self._shown[uuid] = value

    def _notify(self, _link: int, frame: bytes) -> bool:
        if not self._linked:
            return True  # the link has gone, and its reply with it
        if not self._credits.take(True):
            return False
        self._characteristics[wire.REPLY_UUID].value = frame
        return True

    def _advertise(self, advert, response) -> None:
        self._adapter.stop_advertising()
        self._adapter.start_advertising(
            advert, scan_response=response, connectable=not self._linked, interval=_ADVERT_s
        )


def _registered(service_uuid, rows) -> dict:
    """Return a new service's characteristics by UUID; each is open only to what it is for."""
    service = _bleio.Service(_bleio.UUID(service_uuid))
    return {
        uuid: _bleio.Characteristic.add_to_service(
            service,
            _bleio.UUID(uuid),
            properties=sum(theirs for ours, theirs in _PROPERTIES if properties & ours),
            read_perm=_permission(properties & (READ | NOTIFY)),
            write_perm=_permission(properties & WRITE),
            max_length=size,
        )
        for uuid, properties, size in rows
    }


def _permission(wanted: int) -> int:
    return _bleio.Attribute.OPEN if wanted else _bleio.Attribute.NO_ACCESS
