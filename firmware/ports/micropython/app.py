# SPDX-License-Identifier: MIT
"""The loop: sense, decide (in the core), act, publish. Decides nothing itself."""

import hashlib
import time

from console import Desk, SerialConsole
from hal import Hal
from radio import Radio
from storage import load_identity
from wptcore.board import Board

REVISION = "0.1.0"
_ACTIVE_ms = 20  # while power may flow
_IDLE_ms = 200
_SOC_ms = 250
_FIELD_ms = 200


class App:
    """`pins`: the generated board module of this board."""

    def __init__(self, pins):
        identity = load_identity()
        self.hal = Hal(pins, identity)
        self.board = Board(
            identity.get("board_id", 0),
            bytes.fromhex(identity.get("key", "")),
            self.hal.limits,
            self.hal.roles,
            self.hal.saved,
            hashlib.sha256,
            self.hal.curve,
            self.hal.short_boot,
        )
        self.radio = Radio(self.board, pins.NAME, REVISION)
        desk = Desk(self.hal, identity, pins.NAME, REVISION)
        self.console = SerialConsole(self.board, desk)
        self.maintenance = desk.maintenance
        if self.maintenance:
            self.board.on_maintenance(True)
        self._unmetered_ms = 0
        self._since_soc_ms = _SOC_ms
        self._since_field_ms = 0

    async def run(self) -> None:
        if not self.maintenance:  # a watchdog cannot be stopped, and copying files takes long
            self.hal.start_watchdog()
        last_ms = time.ticks_ms()
        try:
            while True:
                await self.radio.wait(_ACTIVE_ms if self.board.is_running else _IDLE_ms)
                now_ms = time.ticks_ms()
                self._pass(time.ticks_diff(now_ms, last_ms))
                last_ms = now_ms
        finally:
            self.hal.set_coil(False)
            self.hal.set_receiver(False)

    def _pass(self, dt_ms: int) -> None:
        self.radio.deliver()
        self.console.step(dt_ms)
        self._sense(dt_ms)
        self.board.on_elapsed(dt_ms)
        self.hal.set_receiver(self.board.receiver_on)
        self.hal.set_coil(self.board.coil_on)
        self.hal.feed_watchdog()
        self.radio.publish(dt_ms)
        saved = self.board.pop_save()
        if saved is not None:
            self.hal.save(saved)
        if self.console.reset_due:
            self.hal.reset()

    def _sense(self, dt_ms: int) -> None:
        self._unmetered_ms += dt_ms
        self._since_soc_ms += dt_ms
        self._since_field_ms += dt_ms
        try:
            if not self.maintenance:  # else a bench supply on the meter is no fault
                self._sense_meter()
            if self._since_field_ms >= _FIELD_ms:
                self._since_field_ms = 0
                self.board.on_field(self.hal.field_present())
        except (OSError, ValueError):
            self.hal.forget_meters()  # no sample: the core ends what runs when it is stale
        if self._since_soc_ms >= _SOC_ms:
            self._since_soc_ms = 0
            self.board.on_soc(self.hal.gauge.read_permille())
        self.board.on_cable(self.hal.on_cable())

    def _sense_meter(self) -> None:
        if self._unmetered_ms == 0:
            return
        received = self.board.receiver_on
        meter = self.hal.meter(received)
        code = meter.sample()
        dt_ms = self._unmetered_ms
        self._unmetered_ms = 0
        if code:
            self.board.on_bad_sample(code, dt_ms)
            return
        current_mA = -meter.current_mA if received else meter.current_mA
        self.hal.gauge.add(meter.bus_mV, current_mA, dt_ms)
        self.board.on_sample(
            meter.bus_mV, current_mA, self.hal.coil_dC(), self.hal.battery_dC(), dt_ms
        )
