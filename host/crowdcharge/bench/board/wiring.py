# SPDX-License-Identifier: MIT
"""What is connected to which pin of a board, read from its generated module in firmware/boards."""

import runpy
from dataclasses import dataclass
from pathlib import Path

from crowdcharge.flash import firmware_tree


@dataclass(frozen=True, slots=True)
class Wiring:
    """Pins by the name that firmware gives them, as text; "-1" = not fitted."""

    i2c_id: int
    i2c_sda: str
    i2c_scl: str
    i2c_power: str
    coils: dict[str, str]  # "tx", "rx" -> enable pin
    cable_sense: str
    button: str  # to ground when pressed
    coil_ntc: str
    battery_ntc: str
    ntc_beta_K: float
    ntc_r25_Ohm: float
    ntc_pullup_Ohm: float
    ntc_supply_mV: int
    meter: str  # part name of both meters
    tx_meter: int  # I2C addresses, 0 = not fitted
    rx_meter: int
    shunt_Ohm: float
    gauge: int
    qi: str
    qi_i2c: tuple[int, str, str]  # id, data, clock of the transmitter chip's own bus
    tx_reset: str
    tx_pulse: str  # keeps the second break closed
    tx_off_max_ms: int  # the second break lets go, at most, after its last edge
    led: str
    vbus_interlock: bool

    @property
    def names(self) -> list[str]:
        """Pins that are attributes of CircuitPython's `board`, not numbers."""
        pins = (
            self.i2c_sda,
            self.i2c_scl,
            self.i2c_power,
            *self.coils.values(),
            self.cable_sense,
            self.button,
            self.coil_ntc,
            self.battery_ntc,
            self.tx_pulse,
            self.led,
        )
        return [pin for pin in pins if pin.isidentifier()]


def exists(name: str) -> bool:
    return name.isidentifier() and _path(name).is_file()


def vm(name: str) -> str:
    """Return the VM that the board runs: "micropython" or "circuitpython"."""
    return str(runpy.run_path(str(_path(name)))["VM"])


def _path(name: str) -> Path:
    return firmware_tree.root() / "boards" / f"{name}.py"


def load(name: str) -> Wiring:
    values = runpy.run_path(str(_path(name)))
    return Wiring(
        i2c_id=values["I2C_ID"],
        i2c_sda=str(values["I2C_SDA"]),
        i2c_scl=str(values["I2C_SCL"]),
        i2c_power=str(values["I2C_POWER_PIN"]),
        coils={"tx": str(values["TX_ENABLE_PIN"]), "rx": str(values["RX_ENABLE_PIN"])},
        cable_sense=str(values["CABLE_SENSE_PIN"]),
        button=str(values.get("BUTTON_PIN", -1)),
        coil_ntc=str(values["COIL_NTC_PIN"]),
        battery_ntc=str(values["BATTERY_NTC_PIN"]),
        ntc_beta_K=values["NTC_BETA_K"],
        ntc_r25_Ohm=values["NTC_R25_Ohm"],
        ntc_pullup_Ohm=values["NTC_PULLUP_Ohm"],
        ntc_supply_mV=values["NTC_SUPPLY_mV"],
        meter=values["METER"],
        tx_meter=values["TX_METER_ADDRESS"],
        rx_meter=values["RX_METER_ADDRESS"],
        shunt_Ohm=values["SHUNT_uOhm"] * 1e-6,
        gauge=values["GAUGE_ADDRESS"],
        qi=values["QI"],
        qi_i2c=(
            values.get("TX_QI_I2C_ID", -1),
            str(values.get("TX_QI_SDA", -1)),
            str(values.get("TX_QI_SCL", -1)),
        ),
        tx_reset=str(values.get("TX_RESET_PIN", -1)),
        tx_pulse=str(values.get("TX_PULSE_PIN", -1)),
        tx_off_max_ms=values["TX_OFF_MAX_ms"],
        led=str(values.get("LED_PIN", -1)),
        vbus_interlock=values["VBUS_INTERLOCK"],
    )
