# SPDX-License-Identifier: MIT
"""One pass of the firmware: sense, decide (in the core), act, publish. Decides nothing itself."""

import os

import switches
from console import SerialConsole
from console_backend import ConsoleBackend
from radio import LINKS_MAX, BoardRadio
from store import Store
from wptcore import lamp, wire
from wptcore.attendance import WINDOW_DEFAULT_s
from wptcore.board import Board
from wptcore.compat import const
from wptcore.consent import AGREED, CROWD, HOST, STRANGERS
from wptcore.ept import NONE, SELF_TEST

REVISION = "0.1.0"
ACTIVE_ms = 15  # while power may flow; two passes are a period of the second break's pulses
IDLE_ms = 200
_SOC_ms = const(250)
_FIELD_ms = const(200)
_BOUNCE_ms = const(10)  # contacts close and open for some ms; a finger stays longer


class BoardLoop:
    """`pins`: the generated board module; `hal`: the port's Hal; `sha256`: of the port."""

    def __init__(self, pins, identity: dict, hal, sha256):
        self.hal = hal
        self.guard = hal.guard
        key = bytes.fromhex(identity.get("key", ""))
        self.market = _market(pins, identity, key, sha256)
        desk = _desk(pins, identity, sha256)
        self.board = Board(
            identity.get("board_id", 0),
            key,
            hal.limits,
            hal.roles,
            hal.saved,
            sha256,
            hal.curve,
            hal.boot_cause,
            self.market,
            identity.get("attended_s", WINDOW_DEFAULT_s),
            pins.FEATURES & wire.CARRIED,
            min(pins.LINKS_MAX, LINKS_MAX),
            desk,
            _consent(identity) + (_quotas(identity, hal.saved),),
            hal.pair_curves,
            bytes.fromhex(identity.get("owner_key", "")),
        )
        unit = _receiving_unit(pins, identity, self.board, hal.limits)
        self.radio = BoardRadio(self.board, self.guard, pins.NAME, REVISION, unit)
        self.radio.hide_by(lambda: _alias(self.board, key, desk, sha256))
        if desk is not None:
            taker = _taker(self.board, desk, sha256)
            self.radio.meet_peers(taker, lambda: _caller(self.board, desk, sha256))
        backend = ConsoleBackend(hal, identity, pins.NAME, REVISION)
        self.console = SerialConsole(self.board, backend, sha256)
        self.store = Store(hal)
        self._rest = _rest(hal)
        if hal.maintenance:
            self.board.on_maintenance(True)
        self._unmetered_ms = 0
        self._since_soc_ms = _SOC_ms
        self._since_field_ms = 0
        self._is_down = False  # the button
        self._held_ms = 0  # how long it is held down

    @property
    def period_ms(self) -> int:
        """How long the loop may wait for the radio before the next pass."""
        return ACTIVE_ms if self._at_work or self.board.is_attentive else IDLE_ms

    @property
    def is_touched(self) -> bool:
        """Is the button down?"""
        return self.guard.attempt("button", self._look_at_button) and self._is_down

    def _look_at_button(self) -> None:
        self._is_down = self.hal.button_is_down()

    def step(self, dt_ms: int) -> None:
        """Do one pass. Raises only where a switch or the watchdog fails: then main.py is next.

        docs/explanation/firmware-loop.md lists each call, and what its failure does.
        """
        attempt = self.guard.attempt
        self._sense(dt_ms)  # first, so that a Stop still counts what flowed until now
        attempt("radio", self.radio.deliver, dt_ms)
        attempt("console", self.console.step, dt_ms)
        attempt("peers", self.radio.step_peers, dt_ms)
        self.board.on_elapsed(dt_ms)
        self._switch(dt_ms)
        attempt("lamp", self.hal.set_lamp, lamp.is_lit(self.board))
        self.hal.feed_watchdog()
        if self.market is not None and not self.board.is_running:
            attempt("market", self.market.step)
        if self.board.press is not None and not self.board.is_running:
            attempt("peers", self.board.press.step)
        self.store.step(self.board.pop_save(), dt_ms)
        # After storing: what was answered survives a power cut.
        attempt("console", self.console.give, dt_ms)
        attempt("radio", self.radio.publish, dt_ms)
        if self.console.reset_due:
            self.hal.reset()
        sleep_ms = self._rest.due_ms(self.board, self._needed, dt_ms) if self._rest else 0
        if sleep_ms:
            attempt("sleep", self.hal.sleep, sleep_ms)

    @property
    def _at_work(self) -> bool:
        """Does a part have something to do that the core does not see?"""
        trades = self.market is not None and self.market.is_working
        press = self.board.press
        agrees = press is not None and press.left_ms > 0
        return self.console.busy or trades or agrees or self.radio.meeting

    @property
    def _needed(self) -> bool:
        """Is there something that sleep would cut short?"""
        return self._at_work or self.store.waiting or self.hal.maintenance

    def _switch(self, dt_ms: int) -> None:
        board = self.board
        code = switches.follow(self.hal, board.coil_on, board.pulses_on, board.receiver_on, dt_ms)
        if board.pulses_on:
            self.hal.pulse()  # here and nowhere else: the second break opens when passes stop
        if code != NONE:
            self.board.on_qi_end(code)

    def _sense(self, dt_ms: int) -> None:
        self._unmetered_ms += dt_ms
        self._since_soc_ms += dt_ms
        self._since_field_ms += dt_ms
        if not self.guard.attempt("meter", self._sense_meters):
            self.hal.forget_meters()  # the core ends a transfer whose samples are stale
        if self._since_soc_ms >= _SOC_ms:
            self._since_soc_ms = 0
            self._sense_charge()
        if not self.guard.attempt("cable", self._sense_cable):
            self.board.on_cable(True)  # no transfer leaves a board that may be on a cable
        self.guard.attempt("button", self._sense_button, dt_ms)
        if self._unfit():
            self.board.on_fault(SELF_TEST)

    def _sense_charge(self) -> None:
        gauge = self.hal.gauge
        soc_permille = gauge.read_permille()
        if gauge.has_restarted:
            gauge.has_restarted = False
            self.board.on_gauge_reset()
        self.board.on_soc(soc_permille)

    def _unfit(self) -> bool:
        """Is a part missing without which nothing may be granted?"""
        hal = self.hal
        unwatched = not hal.watched and not hal.maintenance
        return unwatched or not hal.connected or self.store.failing

    def _sense_cable(self) -> None:
        self.board.on_cable(self.hal.on_cable())

    def _sense_button(self, dt_ms: int) -> None:
        """Tell of a press once it is over, so that a button that is stuck is none."""
        self._look_at_button()
        if self._is_down:
            self._held_ms += dt_ms
        elif self._held_ms:
            if self._held_ms >= _BOUNCE_ms:
                self.board.on_button(self._held_ms)
            self._held_ms = 0

    def _sense_meters(self) -> None:
        if not self.hal.maintenance:  # there a bench supply may feed the meter
            self._sense_meter()
        if self._since_field_ms >= _FIELD_ms:
            self._sense_idle_side()

    def _sense_idle_side(self) -> None:
        """Read the meter that _sense_meter leaves out; its switch is off."""
        dt_ms = self._since_field_ms
        self._since_field_ms = 0
        meter = self.hal.meter(not self.board.receiver_on)
        if meter is not None and not meter.sample() and not self.hal.maintenance:
            self.board.on_idle_side(meter.bus_mV, meter.current_mA, dt_ms)
        self.board.on_field(self.hal.field_present())

    def _sense_meter(self) -> None:
        if self._unmetered_ms == 0:
            return
        received = self.board.receiver_on
        meter = self.hal.meter(received)
        if meter is None:
            return
        code = meter.sample()
        dt_ms = self._unmetered_ms
        self._unmetered_ms = 0
        if code:
            self.board.on_bad_sample(code, dt_ms)
            return
        current_mA = -meter.current_mA if received else meter.current_mA
        self.hal.gauge.add(meter.bus_mV, current_mA, dt_ms, received, self.hal.on_cable())
        self.board.on_sample(
            meter.bus_mV, current_mA, self.hal.coil_dC(), self.hal.battery_dC(), dt_ms
        )


def _market(pins, identity: dict, key: bytes, sha256):
    """Load the market only where a board carries it and has terms, because it takes memory."""
    if not pins.FEATURES & wire.MARKET or "market" not in identity:
        return None
    from wptcore.market_desk import MarketDesk, Settings

    return MarketDesk(Settings(identity), key, sha256, os.urandom)


def _desk(pins, identity: dict, sha256):
    """Load what meets other boards only in members of a crowd, and where its owner has switched
    strangers on.
    """
    strangers = pins.FEATURES & wire.STRANGERS and _consent(identity)[0] & STRANGERS
    if not strangers and not (pins.FEATURES & wire.PEERS and "crowd" in identity):
        return None
    from wptcore.peer_desk import Membership, PeerDesk

    membership = Membership(identity.get("crowd"))
    if not strangers:
        return PeerDesk(membership, sha256)
    from wptcore.stranger_desk import StrangerDesk

    return StrangerDesk(membership, sha256, os.urandom)


def _taker(board, desk, sha256):
    if desk.press is None:
        from wptcore.peer_taker import PeerTaker

        return PeerTaker(board, desk.membership, sha256, os.urandom)
    from wptcore.stranger_taker import StrangerTaker

    return StrangerTaker(board, desk.membership, sha256, os.urandom, desk.press)


def _caller(board, desk, sha256):
    """Load it only on a port that connects to others."""
    from wptcore.peer_caller import PeerCaller

    return PeerCaller(board, desk.membership, sha256, os.urandom)


def _receiving_unit(pins, identity: dict, board, limits):
    """Load AirFuel's side only where its owner has switched it on."""
    if not pins.FEATURES & wire.AIRFUEL or not identity.get("airfuel"):
        return None
    from wptcore.receiving_unit import ReceivingUnit

    return ReceivingUnit(board, limits)


def _rest(hal):
    """Load it only where the chip can sleep, because it takes memory."""
    if not hal.can_sleep:
        return None
    from wptcore.rest import Rest

    return Rest()


def _alias(board, key: bytes, desk, sha256):
    """Load what hides a board only where its owner wants it."""
    from wptcore.alias import Alias, host_key

    crowd = desk.membership.alias if desk is not None else b""
    return Alias(board, sha256, os.urandom, host_key(sha256, key), crowd or os.urandom(32))


def _consent(identity: dict) -> tuple:
    """To whom the board gives, and how many mJ a day; a new one only to its owner's host."""
    consent = identity.get("consent", {})
    gives_to = 0
    for name in consent.get("to", ("host",)):
        gives_to |= {"host": HOST, "crowd": CROWD, "agreed": AGREED, "strangers": STRANGERS}[name]
    return gives_to, consent.get("day_mJ", 0)


def _quotas(identity: dict, saved):
    """Load them only where an agreement has one."""
    quotas = identity.get("crowd", {}).get("quotas")
    if not quotas:
        return None
    from wptcore.quotas import Quotas

    return Quotas({int(crowd): quotas[crowd] for crowd in quotas}, saved.given_to)
