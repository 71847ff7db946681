# SPDX-License-Identifier: MIT
"""The board's radio as a central, for meetings with other boards; loaded only where they may be.

The interrupt handler copies and never decides; `step` runs in the loop and does one thing a pass.
Events can come nested inside a call, so the state is set before the call.
"""

import struct

import bluetooth

from wptcore import peer_taker, wire
from wptcore.compat import const

_IRQ_SCAN_RESULT = const(5)
_IRQ_SCAN_DONE = const(6)
_IRQ_PERIPHERAL_CONNECT = const(7)
_IRQ_PERIPHERAL_DISCONNECT = const(8)
_IRQ_SERVICE_RESULT = const(9)
_IRQ_SERVICE_DONE = const(10)
_IRQ_CHARACTERISTIC_RESULT = const(11)
_IRQ_CHARACTERISTIC_DONE = const(12)
_IRQ_READ_RESULT = const(15)
_IRQ_READ_DONE = const(16)
_IRQ_WRITE_DONE = const(17)
_IRQ_NOTIFY = const(18)
_IRQ_MTU_EXCHANGED = const(21)

# A scan costs more than all else that an idle board does (docs/reference/current-budget.md), and
# adverts come every 250 ms: one of two is enough.
_SCAN_ms = const(500)
_SCAN_EVERY_ms = const(2000)
_SCAN_TO_CALL_ms = const(6000)
_CONNECT_ms = const(2000)
_INTERVAL_MIN_us = const(7500)
_INTERVAL_MAX_us = const(15000)
_BEACON = const(0xFF)  # manufacturer data
_HEARD_MAX = const(8)
_NEWS_MAX = const(16)  # that wait for a pass; our service has five characteristics
_SUBSCRIBE = b"\x01\x00"
_CCCD_OFFSET = const(1)  # our GATT server puts it right behind the value that notifies


class PeerRadio:
    """`taker`: peer_taker.PeerTaker; `make_caller` returns a peer_caller.PeerCaller, which has the
    same names, and is loaded where a board with less lies; `ble`: bluetooth.BLE, which BoardRadio
    has switched on.
    """

    def __init__(self, taker, make_caller, ble):
        self._taker = taker
        self._make_caller = make_caller
        self.caller = None
        self._role = taker  # which of the two has the link, or had it last
        self._ble = ble
        self._heard = []  # (address type, address, beacon, dBm)
        self._news = []  # (event, copies), oldest first
        self._scanning = False
        self._since_scan_ms = _SCAN_EVERY_ms
        self._forget()

    def _forget(self) -> None:
        self._link = -1
        self._connecting = False
        self._span = (0, 0)
        self._values = {}  # characteristic's UUID -> handle
        self._leaving = False
        self._writing = False
        self._challenge = b""

    @property
    def is_busy(self) -> bool:
        return self._link >= 0 or self._connecting

    # -- in the interrupt --

    def note(self, event, data) -> bool:
        """Copy what the loop needs; True when it is an event of the central role."""
        if event == _IRQ_SCAN_RESULT:
            return self._hear(data)
        if not (event == _IRQ_MTU_EXCHANGED or _IRQ_SCAN_DONE <= event <= _IRQ_NOTIFY):
            return False
        if event == _IRQ_SCAN_DONE:
            self._scanning = False
        elif event not in _SENT or len(self._news) < _NEWS_MAX:
            self._news.append((event, _copied(event, data)))
        return True

    def _hear(self, data) -> bool:
        beacon = _beacon(data[4]) if len(self._heard) < _HEARD_MAX else b""
        if beacon:
            self._heard.append((data[0], bytes(data[1]), beacon, data[3]))
        return bool(beacon)

    # -- in the loop --

    def step(self, dt_ms: int) -> None:
        self._taker.on_elapsed(dt_ms)
        if self.caller is not None:
            self.caller.on_elapsed(dt_ms)
        self._since_scan_ms += dt_ms
        for _ in range(len(self._news)):  # and not what comes meanwhile: a pass has an end
            event, copies = self._news.pop(0)
            self._take(event, copies)
        heard, self._heard = self._heard, []
        for address_type, address, beacon, rssi_dBm in heard:
            self._consider((address_type, address), beacon, rssi_dBm)
        self._act(self._role.action)

    def _consider(self, address, beacon: bytes, rssi_dBm: int) -> None:
        for role in (self._taker, self.caller):
            if role is not None and self._role.action == peer_taker.LISTEN:
                role.on_advert(address, beacon, rssi_dBm)
                self._role = role
        if self.caller is None and self._taker.hears_less and self._taker.may_call:
            self.caller = self._make_caller()

    def has_lent(self, link: int) -> bool:
        """Is this the number of the link that the board has lent to the one it called?"""
        return self.caller is not None and link == self.caller.link

    def _act(self, action: int) -> None:
        if action == peer_taker.LISTEN:
            self._listen()
        elif action == peer_taker.CONNECT and not self.is_busy:
            self._connect(*self._role.address)
        elif action == peer_taker.TALK and not self._writing:
            frame = self._role.pop_frame()
            if frame:
                self._writing = True
                self._ble.gattc_write(self._link, self._values[_COMMAND], frame, 1)
        elif action == peer_taker.LEAVE:
            self._leave()

    def _connect(self, address_type: int, address: bytes) -> None:
        """Try to connect; a stack without a free link, or with one to that board, refuses."""
        self._connecting = True
        times = (_CONNECT_ms, _INTERVAL_MIN_us, _INTERVAL_MAX_us)
        try:
            self._ble.gap_connect(address_type, address, *times)
        except OSError:
            self._gone()

    def _listen(self) -> None:
        every_ms = _SCAN_EVERY_ms if self._taker.wants else _SCAN_TO_CALL_ms
        due = self._since_scan_ms >= every_ms
        if self._scanning or not due or not (self._taker.wants or self._taker.may_call):
            return
        self._scanning = True
        self._since_scan_ms = 0
        try:
            self._ble.gap_scan(_SCAN_ms, 30000, 30000)
        except OSError:
            self._scanning = False

    def _leave(self) -> None:
        if self._link < 0:
            if not self._connecting:
                self._gone()
        elif not self._leaving:
            self._leaving = True
            if not self._ble.gap_disconnect(self._link):
                self._gone()

    def _gone(self) -> None:
        self._forget()
        self._role.on_gone()

    def _take(self, event: int, copies: tuple) -> None:
        """Goes on with the set-up: MTU, service, characteristics, subscription, challenge."""
        link = copies[0]
        if event == _IRQ_PERIPHERAL_CONNECT:
            self._connecting = False
            self._link = link
            self._ble.gattc_exchange_mtu(link)
            return
        if event == _IRQ_PERIPHERAL_DISCONNECT:
            if link == self._link or self._link < 0:
                self._gone()
            return
        if link != self._link or self._leaving:
            return
        if event in _SENT:
            self._keep(event, copies)
        else:
            self._advance(event)

    def _keep(self, event: int, copies: tuple) -> None:
        """Take what the other board sends; values that are none of ours are nothing."""
        if event == _IRQ_SERVICE_RESULT:
            self._span = copies[1:]
        elif event == _IRQ_READ_RESULT:
            self._challenge = copies[2]
        elif event == _IRQ_CHARACTERISTIC_RESULT:
            if copies[2] in _OURS:
                self._values[copies[2]] = copies[1]
        elif copies[1] == self._values.get(_REPLY):
            self._role.on_reply(copies[2])

    def _advance(self, event: int) -> None:
        ble, link = self._ble, self._link
        if event == _IRQ_MTU_EXCHANGED:
            ble.gattc_discover_services(link, bluetooth.UUID(wire.SERVICE_UUID))
        elif event == _IRQ_SERVICE_DONE:
            if self._span[0]:
                ble.gattc_discover_characteristics(link, *self._span)
            else:
                self._leave()
        elif event == _IRQ_CHARACTERISTIC_DONE:
            if len(self._values) == len(_OURS):
                ble.gattc_write(link, self._values[_REPLY] + _CCCD_OFFSET, _SUBSCRIBE, 1)
            else:
                self._leave()
        elif event == _IRQ_WRITE_DONE and self._role.action == peer_taker.CONNECT:
            ble.gattc_read(link, self._values[_CHALLENGE])
        elif event == _IRQ_WRITE_DONE:
            self._writing = False
        elif event == _IRQ_READ_DONE:
            self._role.on_challenge(self._challenge)


_REPLY = bytes(bluetooth.UUID(wire.REPLY_UUID))
_COMMAND = bytes(bluetooth.UUID(wire.COMMAND_UUID))
_CHALLENGE = bytes(bluetooth.UUID(wire.CHALLENGE_UUID))
_OURS = (_REPLY, _COMMAND, _CHALLENGE)
# What the other board sends as often as it likes; all else comes once for each thing asked.
_SENT = (_IRQ_SERVICE_RESULT, _IRQ_CHARACTERISTIC_RESULT, _IRQ_READ_RESULT, _IRQ_NOTIFY)


def _copied(event, data) -> tuple:
    """Return the link, and of what the other board sends what the loop needs."""
    if event == _IRQ_SERVICE_RESULT:
        return data[0], data[1], data[2]
    if event == _IRQ_CHARACTERISTIC_RESULT:
        return data[0], data[2], bytes(data[4])
    if event in (_IRQ_READ_RESULT, _IRQ_NOTIFY):
        return data[0], data[1], bytes(data[2])
    return (data[0],)


def _beacon(advert) -> bytes:
    """Return our manufacturer data from an advert, or nothing; what it says is judged later."""
    at = 0
    while at + 4 < len(advert):
        size = advert[at]
        ours = advert[at + 1] == _BEACON and size == wire.BEACON_SIZE + 3
        if ours and struct.unpack_from("<H", advert, at + 2)[0] == wire.COMPANY_ID:
            return bytes(advert[at + 4 : at + 1 + size])
        at += size + 1
    return b""
