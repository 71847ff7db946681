# SPDX-License-Identifier: MIT
"""One board of the bench: its plant, chips, pins, radio and VM, wired together."""

import hashlib
import json
import math
import random
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from crowdcharge.bench.board import recording, silicon, software, vm, wiring
from crowdcharge.bench.board.deep_sleep import DeepSleep
from crowdcharge.bench.board.hardware import Hardware, HardwareServer
from crowdcharge.bench.board.identity import identity
from crowdcharge.bench.board.radio import ShimRadio
from crowdcharge.bench.board.recording import SensorReadings
from crowdcharge.bench.board.supervisor import Supervisor
from crowdcharge.bench.board.truth import Levels, TruthPage
from crowdcharge.bench.board.usb_port import BLOCK_s
from crowdcharge.bench.board.vm import VmOptions
from crowdcharge.bench.board.witness import COILS, Witness
from crowdcharge.bench.config import BoardConfig
from crowdcharge.bench.i2c import Bus
from crowdcharge.bench.i2c.max17048 import CellTruth, Max17048
from crowdcharge.bench.i2c.stwbc86 import Stwbc86
from crowdcharge.bench.physics.breaks import Breaks, Surroundings
from crowdcharge.bench.physics.plant import Node, Plant
from crowdcharge.bench.physics.shunt import Shunt
from crowdcharge.bench.physics.thermal import ntc_share
from crowdcharge.clock import BoardClock

_HOLD_MAX_s = 0.45  # of the bench's own board, which has no circuit
_ASLEEP_W = 0.004  # docs/reference/current-budget.md
_SETTLE_s = 1e-6  # so that a meter read right after its switch sees the effect


def address(board_id: int) -> str:
    """Return the board's public Bluetooth address."""
    return f"C0:DE:00:00:{board_id >> 8:02X}:{board_id & 0xFF:02X}"


def _digest(seed: int, board_id: int, what: str) -> bytes:
    return hashlib.sha256(f"{seed}/{board_id}/{what}".encode()).digest()[:6]


class VirtualBoard:
    def __init__(
        self,
        config: BoardConfig,
        node: Node,
        plant: Plant,
        witness: Witness,
        clock: BoardClock,
        seed: int,
        folder: Path,
        radio: ShimRadio | str,
        kind: bool = False,
    ) -> None:
        """`radio` is the board's own, or the pty of an HCI controller for the VM's host stack.

        `kind`: chips without most of their errors (`realism` of the bench file).
        """
        self.config = config
        self.address = address(config.id)
        self.node = node
        self.plant = plant
        self.radio = radio if isinstance(radio, ShimRadio) else None
        self._hci_port = radio if isinstance(radio, str) else ""
        self.folder = folder
        self.clock_jump_s = 0.0
        self.held_bus_V: dict[str, float] = {}  # side -> what its meter reads instead
        self.broken_ntcs: dict[str, float] = {}  # "coil", "battery" -> share of the supply
        self.stuck_pins: dict[str, int] = {}  # pin -> level
        self.ripple_A = {"tx": 0.0, "rx": 0.0}  # amplitude, on top of a current
        self._noise = random.Random(f"{seed}/{config.id}/ripple")
        self.load_A = {"tx": 0.0, "rx": 0.0}  # from a bench supply, through one meter's shunt only
        self.button_down = False
        self.bus_open = False  # at the microcontroller's end: no chip, no pull-up
        self._recording = recording.load(Path(config.replay)) if config.replay else None
        self._started_s = 0.0
        self.boots = 0
        self.last_reset = "power-on"
        self._witness = witness
        self._clock = clock
        self._kind = kind
        self._silicon = silicon.of_board(config.board, config.port)
        self.wiring = wiring.load(config.board)
        self.shunts = {
            side: Shunt(self.wiring.shunt_Ohm, not kind, ambient_C=config.ambient_C)
            for side in ("tx", "rx")
        }
        hold_s = min(self.wiring.tx_off_max_ms / 1000, _HOLD_MAX_s)
        self.breaks = Breaks(hold_s, self.wiring.vbus_interlock)
        self.power_since_s = self.power_waited_s = 0.0
        self._pin_coils = {pin: coil for coil, pin in self.wiring.coils.items() if pin != "-1"}
        self.bus = Bus()
        self.qi_chip: Stwbc86 | None = None
        if self.wiring.qi == "stwbc86":
            self.qi_chip = Stwbc86(lambda: round(clock.now_s() * 1000))
            self.qi_chip.reset = True
            self.bus.attach(self.qi_chip)
        self.gauge = Max17048(
            self._cell_truth, lambda: round(clock.now_s() * 1e6), self.wiring.gauge, kind
        )
        if self.has_gauge:
            self.bus.attach(self.gauge)
        self.deep_sleep = DeepSleep(
            lambda: self.reset(silicon.DEEP_SLEEP), self._input_levels, clock.speed
        )
        self.page = TruthPage(folder / software.TRUTH)
        self.page.open()
        self.publish()
        self.supervisor = Supervisor(
            self._vm_options(),
            folder / "console.log",
            self.reset,
            BLOCK_s[config.port] / clock.speed,
        )
        self.hardware = Hardware(
            self._describe(seed),
            self.bus,
            unique_id=_digest(seed, config.id, "unique id"),
            on_output=self._output,
            on_reset=self.reset,
            on_sleep=self.sleep,
            on_booted=self.supervisor.booted,
            clock_ns=lambda: round((clock.now_s() + self.clock_jump_s) * 1e9),
            speed=clock.speed,
        )
        self._server = HardwareServer(self.hardware, folder / software.HARDWARE_SOCKET)
        self.supervisor.on_soft_reboot = self._soft_rebooted

    # Power

    async def start(self) -> None:
        self._server.start()
        if self.radio:
            await self.radio.start()
        self.power_on()

    async def stop(self) -> None:
        self.power_off("bench ends")
        self.supervisor.close()
        self._server.stop()
        if self.radio:
            await self.radio.stop()
        self.page.close()

    def power_on(self) -> None:
        if self.supervisor.running:
            return
        self.deep_sleep.end()
        self.node.idle_W = self.config.idle_W
        self.hardware.start = self._silicon.start(silicon.POWER_ON, self.node.cable)
        self.boots += 1
        self._started_s = self._clock.now_s()
        self.supervisor.start()

    def power_off(self, cause: str) -> None:
        """Kill the VM at once; the pull-downs switch both coils off, the radio falls silent."""
        self.deep_sleep.end()
        self.supervisor.kill()  # comes first: without hardware a live VM would end at its prompt
        self._server.disconnect()
        self.hardware.power_off()
        for coil in COILS:
            self._switch(coil, False, cause)

    def reset(self, cause: str) -> None:
        """Switch off and on again: watchdog, reset pin, brown-out or a crash of the VM."""
        self.power_off(cause)
        self.power_on()
        self.last_reset = cause
        self.hardware.start = self._silicon.start(cause, self.node.cable)

    def sleep(self, time_s: float, wakes: dict[str, int]) -> None:
        self.power_off(silicon.DEEP_SLEEP)
        self.node.idle_W = min(self.config.idle_W, _ASLEEP_W)
        self.deep_sleep.begin(time_s, wakes)

    def freeze(self) -> None:
        self.supervisor.freeze()

    def thaw(self) -> None:
        self.supervisor.thaw()

    def _soft_rebooted(self) -> None:
        """Keep pins and watchdog as they are, as real boards do."""
        self.hardware.start = replace(self.hardware.start, cause=silicon.SOFT)
        self.boots += 1
        self.last_reset = "soft reboot"

    # Pins

    def _output(self, pin: str, level: int) -> None:
        coil = self._pin_coils.get(pin)
        if coil:
            self._switch(coil, bool(level), "pin")
        elif pin == self.wiring.tx_pulse and pin not in self.stuck_pins:
            now_s = self._clock.now_s()
            if self.breaks.pulse(bool(level), now_s, self._lost_s()):
                self._settle(now_s)
        elif self.qi_chip and pin == self.wiring.tx_reset:
            self.qi_chip.reset = not level

    def _switch(self, coil: str, on: bool, cause: str) -> None:
        now_s = self._clock.now_s()
        setattr(self.breaks, {"tx": "level", "rx": "receive"}[coil], on)
        self._settle(now_s)
        self._witness.record(now_s, self.config.id, coil, on, cause, self.waited_s)

    def _settle(self, now_s: float) -> None:
        self.plant.advance_to(now_s)
        self._follow_breaks(now_s)
        self.plant.advance_to(now_s + _SETTLE_s)
        self.publish()

    @property
    def waited_s(self) -> float:
        """How much bench time has gone by while the VM waited for a processor or for the hub."""
        return (self.supervisor.waited_s + self.hardware.late_s) * self._clock.speed

    def _lost_s(self) -> float:
        """Return how much bench time the machine has taken from the board.

        It kept VM and hub waiting; above speed 1, a pass of the firmware costs real time, too.
        """
        if self.supervisor.frozen:
            return -math.inf  # a processor that hangs has no excuse
        speed = self._clock.speed
        work_s = self._clock.now_s() * (1 - 1 / speed) if speed > 1 else 0.0
        return work_s + (self.supervisor.waited_s + vm.waited_s("self")) * speed

    def _follow_breaks(self, now_s: float) -> None:
        """Give power to the coils as the switches let it through now."""
        node = self.node
        around = Surroundings(node.cable, node.rx_bus_V, node.coil.temperature_C, node.cell_V)
        node.rx_on = self.breaks.receives(around)
        transmits = self.breaks.transmits(now_s, around, self._lost_s)
        if transmits != node.tx_on:
            node.tx_on, self.power_since_s = transmits, now_s
            self.power_waited_s = self.waited_s
        if self.qi_chip:
            self.qi_chip.powered = transmits

    # Chips

    def _describe(self, seed: int) -> dict[str, object]:
        """Return what the VM's `machine` needs to know of the board."""
        wired = self.wiring
        chips = [
            (wired.meter, address, side, self._seed(seed, str(side)), self._kind)
            for side, address in enumerate((wired.tx_meter, wired.rx_meter))
            if address
        ]
        adc = silicon.KIND_ADC if self._kind else self._silicon.adc
        return {
            **self._silicon.refusals(self.config.board),
            "pins": wired.names,
            "qi_i2c": wired.qi_i2c,
            "i2c": (wired.i2c_id, wired.i2c_sda, wired.i2c_scl, wired.i2c_power),
            "adc_chip": adc.as_dict(),
            "adc_seed": self._seed(seed, "adc"),
            "adc": {wired.coil_ntc: 0, wired.battery_ntc: 1},
            "inputs": {wired.cable_sense: 0, wired.button: 1},
            "chips": chips,
        }

    def _seed(self, seed: int, chip: str) -> int:
        return int.from_bytes(_digest(seed, self.config.id, chip))

    @property
    def has_gauge(self) -> bool:
        return bool(self.wiring.gauge) and self.config.gauge

    def publish(self) -> None:
        """Write the plant's state to the page that the board's chips read."""
        now_s = self._clock.now_s()
        self._follow_breaks(now_s)
        seen = self._seen(now_s)
        if self.qi_chip:
            self._show_qi(self.qi_chip)
        self.deep_sleep.look()
        self.page.write(
            Levels(
                tx=(self._shunt_uV("tx", seen.tx_A), self._bus_mV("tx", seen.tx_V)),
                rx=(self._shunt_uV("rx", seen.rx_A), self._bus_mV("rx", seen.rx_V)),
                adc=(self._ntc_V("coil", seen.coil_C), self._ntc_V("battery", seen.battery_C)),
                inputs=self._inputs(),
            )
        )

    def _seen(self, now_s: float) -> SensorReadings:
        """Return what the sensors measure: the plant, or what was recorded."""
        if self._recording:
            return self._recording.at(now_s - self._started_s)
        node = self.node
        return SensorReadings(
            tx_V=node.tx_bus_V,
            tx_A=node.tx_A,
            rx_V=node.rx_bus_V,
            rx_A=node.rx_A,
            coil_C=node.coil.temperature_C,
            battery_C=node.battery.temperature_C,
        )

    def _input_levels(self) -> dict[str, int]:
        cable, button = self.wiring.cable_sense, self.wiring.button
        levels = {cable: int(self.node.cable), button: int(not self.button_down)}
        return {pin: self.stuck_pins.get(pin, level) for pin, level in levels.items()}

    def _inputs(self) -> int:
        levels = self._input_levels()
        pins = levels[self.wiring.cable_sense] | levels[self.wiring.button] << 1
        return pins | self.bus_open << 2

    def _cell_truth(self) -> CellTruth:
        node = self.node
        return CellTruth(
            voltage_V=node.cell_V + node.relax_V,
            soc=node.soc,
            rate_per_h=-node.cell_A * node.ocv_V / node.cell.capacity_J * 3600,
            current_A=node.cell_A,
        )

    def _shunt_uV(self, side: str, current_A: float) -> int:
        ripple_A = self.ripple_A[side] * self._noise.uniform(-1.0, 1.0) if current_A else 0.0
        through_A = current_A + self.load_A[side] + ripple_A
        return self.shunts[side].voltage_uV(through_A, self.plant.now_s)

    def _show_qi(self, chip: Stwbc86) -> None:
        """Set what the Qi chip measures; its own loss curve is tuned: only an object is loss."""
        chip.receiver = self.node.coupled_s > 0
        chip.received_mW = round(self.node.tx_A * self.node.tx_bus_V * 1000)
        chip.sent_mW = chip.received_mW + round(self.node.foreign_W * 1000)

    def _bus_mV(self, side: str, bus_V: float) -> int:
        return round(self.held_bus_V.get(side, bus_V) * 1000)

    def _ntc_V(self, name: str, temperature_C: float) -> int:
        """Return the voltage at a thermistor's pin, in 0.1 mV."""
        wired = self.wiring
        share = self.broken_ntcs.get(name)
        share = self.ntc_share(temperature_C) if share is None else share
        return round(share * wired.ntc_supply_mV * 10)

    def ntc_share(self, temperature_C: float) -> float:
        """Return the voltage across a sound thermistor as a share of its supply."""
        wired = self.wiring
        return ntc_share(temperature_C, wired.ntc_r25_Ohm, wired.ntc_beta_K, wired.ntc_pullup_Ohm)

    # Software

    def deploy(self, files: dict[str, Path], crowd: Collection[int] = ()) -> None:
        """Write the firmware and the board's identity, as flashing and provisioning do."""
        text = json.dumps(identity(self.config, self.plant.link.loss_curve(), crowd))
        software.deploy(self.folder, self.config.port, files, text)

    def _vm_options(self) -> VmOptions:
        return software.vm_options(
            self.config, self.folder, self._clock.speed, self._hci_port, self._silicon.sleeps
        )
