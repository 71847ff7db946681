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
_LEAVE_ms = const(10_000)
_REPLY_TRIES_MAX = const(20)  # over one second; the host has asked again by then
_NOTIFY_GAP_ms = const(50)  # NimBLE on ESP32 drops notifications that come faster


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
    _notify(link, frame)         sends one reply; False: no room, so it must be tried again
    _advertise(advert, response) replaces both; a busy controller keeps the old ones
    _new_address()               gives the radio another random address, with silence before it

    Each may raise; what it raises is counted, and the rest of the pass goes on.
    """

    def __init__(self, board, guard):
        self._board = board
        self._guard = guard
        self._adverts = Adverts(board)
        self._since_advert_ms = ADVERT_ms
        self._since_notify_ms = _NOTIFY_GAP_ms
        self._reply = None  # (link, frame) that waits for room
        self._reply_tries = 0
        self._stranded = -1  # a link whose coming found no memory, so that nobody serves it
        self._leaving = -1  # the link that was asked to go
        self._leaving_ms = 0

    meeting = False
    linked = False  # may the address not change now?

    def hide_by(self, make_alias) -> None:
        self._adverts.hide_by(make_alias)

    def meet_peers(self, taker, make_caller) -> None:
        """Let `taker` (peer_taker.PeerTaker) ask others, and what `make_caller` returns
        (peer_caller.PeerCaller) call those that only accept.
        """

    def step_peers(self, dt_ms: int) -> None:
        """Take the next step of a meeting."""

    def deliver(self, dt_ms: int) -> None:
        """Hand what came to the core."""
        event = self._next_event()
        while event is not None:
            link, data, is_frame = event
            if not self._guard.attempt("frame", self._take, link, data, is_frame) and not is_frame:
                self._stranded = link
            event = self._next_event()
        if self._stranded >= 0:
            link, self._stranded = self._stranded, -1
            self._guard.attempt("radio", self._disconnect, link)
        self._drop_unwelcome(dt_ms)

    def _take(self, link: int, data: bytes, is_frame: bool) -> None:
        if is_frame:
            self._board.on_command(link, data)
            return
        if link == self._leaving:
            self._leaving = -1
        self._board.on_link(link, data)

    def _drop_unwelcome(self, dt_ms: int) -> None:
        """Ask each link once: it goes a connection interval or two later, and a stack that is
        asked again meanwhile raises. A link that stays all the same is asked again.
        """
        self._leaving_ms += dt_ms
        unwelcome = self._board.unwelcome_link
        if unwelcome < 0 or (unwelcome == self._leaving and self._leaving_ms < _LEAVE_ms):
            return
        self._leaving = unwelcome
        self._leaving_ms = 0
        self._guard.attempt("radio", self._disconnect, unwelcome)

    def publish(self, dt_ms: int) -> None:
        """Send at most one reply, and refresh adverts and readable values when due."""
        self._since_notify_ms += dt_ms
        self._since_advert_ms += dt_ms
        if self._since_notify_ms >= _NOTIFY_GAP_ms:
            self._guard.attempt("reply", self._send_reply)
        if self._since_advert_ms >= ADVERT_ms:
            dt_ms, self._since_advert_ms = self._since_advert_ms, 0
            self._refresh(dt_ms)

    def _send_reply(self) -> None:
        if self._reply is None:
            self._reply = self._board.pop_reply()
            self._reply_tries = 0
        if self._reply is None:
            return
        self._since_notify_ms = 0
        reply, self._reply = self._reply, None
        if self._notify(*reply):
            return
        self._reply_tries += 1
        if self._reply_tries < _REPLY_TRIES_MAX:
            self._reply = reply
        else:
            self._guard.drop("reply")

    def _refresh(self, dt_ms: int) -> None:
        board = self._board
        attempt = self._guard.attempt
        hidden = self._adverts.hidden
        if hidden is not None:
            hidden.elapse(dt_ms)
            if hidden.is_due and not self.linked and attempt("radio", self._new_address):
                hidden.turn()
        advert, response = self._adverts.advance()
        known = board.soc_permille <= 1000
        battery = bytes((wire.soc_pct(board.soc_permille),)) if known else b""
        attempt("radio", self._advertise, advert, response)
        attempt("radio", self._write, wire.RECEIPTS_UUID, board.receipts)
        attempt("radio", self._write, wire.BATTERY_LEVEL, battery)
        attempt("radio", self._write, wire.STATUS_UUID, self._adverts.status, True)
