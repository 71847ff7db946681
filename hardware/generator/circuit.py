# SPDX-License-Identifier: MIT
"""Turn a board and its build into a circuit: parts with their pins, nets with their pins."""

from dataclasses import dataclass, field
from typing import Any

from generator.source import HardwareError
from generator.tables import Tables, lookup

SUPPLY_TYPES = {"v3": "power_out", "gnd": "power_in", "bat": "passive", "vbus": "passive"}
OUTPUTS = ("tx_enable", "rx_enable", "tx_pulse", "tx_reset", "led")
BUS_KEYS = ("sda", "scl")
THERMISTOR_NETS = {"COIL_T", "BATTERY_T"}

Pin = tuple[str, str]  # (reference, pin name)


@dataclass(frozen=True)
class Part:
    """One part of the node.

    `pins`: name -> KiCad's electrical type; `numbers`: name -> pad or terminal of the part itself.
    `module`: stands beside the carrier, on a cable that plugs into the part `connector`.
    `ratings`: the integers of the part's table, by their keys.
    """

    name: str
    value: str
    title: str
    label: str
    order: str
    alternatives: str
    module: bool
    footprint: str
    pins: dict[str, str]
    numbers: dict[str, str]
    connector: str = ""
    resistance_Ohm: int = 0
    ratings: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Circuit:
    board: str
    parts: dict[str, Part]
    nets: dict[str, list[Pin]]
    fed: set[str] = field(default_factory=set)  # nets fed through a passive part
    unused: set[Pin] = field(default_factory=set)  # pins left open on purpose
    pull_ups_Ohm: dict[str, int] = field(default_factory=dict)  # net -> what the board file says
    vbus_interlock: bool = True  # 5 V on the plug hold the transmitter's breaks off

    def net_of(self, ref: str, pin: str) -> str:
        return next(name for name, pins in self.nets.items() if (ref, pin) in pins)

    def places(self) -> dict[Pin, str]:
        """Pin -> net, for whoever asks for many."""
        return {pin: name for name, pins in self.nets.items() for pin in pins}


def circuit(board: dict[str, Any], tables: Tables) -> Circuit:
    """Build a circuit. HardwareError: the build names an unknown part, pin or key."""
    build = _with_gauge(tables.builds[board["build"]], board, tables)
    interlock = board.get("vbus_interlock", True)
    build = build if interlock else _without_interlock(build)
    mcu = tables.mcus[board["mcu"]]
    nets = {
        name: [_pin(text, board, mcu) for text in pins] for name, pins in build["nets"].items()
    }
    parts = {
        ref: _mcu_part(board, mcu, nets)
        if name == "@mcu"
        else _part(_resolved(name, board), build["labels"].get(ref, ""), tables)
        for ref, name in build["parts"].items()
    }
    return Circuit(
        board=board["name"],
        parts=parts,
        nets=nets,
        fed=set(build["fed"]),
        unused={_pin(text, board, mcu) for text in build["open"]},
        pull_ups_Ohm=dict.fromkeys(THERMISTOR_NETS & set(nets), board["ntc"]["pullup_Ohm"]),
        vbus_interlock=interlock,
    )


def _with_gauge(build: dict[str, Any], board: dict[str, Any], tables: Tables) -> dict[str, Any]:
    """Add the gauge breakout when the board wants a gauge that its MCU board does not carry."""
    part = lookup(board, "gauge.part")
    if part is None or part in tables.mcus[board["mcu"]]["onboard"]:
        return build
    if "gauge" not in build:
        place = f"hardware/builds/{board['build']}.toml:1"
        raise HardwareError(
            [f"{place}: {board['name']} needs a gauge, but there is no [gauge] here"]
        )
    gauge = build["gauge"]
    nets = {name: list(pins) for name, pins in build["nets"].items()}
    for net, pin in gauge["nets"].items():
        nets[net].append(f"{gauge['ref']}.{pin}")
    return build | {"nets": nets, "parts": build["parts"] | {gauge["ref"]: part}}


def _without_interlock(build: dict[str, Any]) -> dict[str, Any]:
    """Leave the pins open by which a cable would hold the breaks off; cable.py judges the rest."""
    legs = build.get("vbus_interlock", [])
    nets = {name: [pin for pin in pins if pin not in legs] for name, pins in build["nets"].items()}
    return build | {"nets": nets, "open": build["open"] | dict.fromkeys(legs, "")}


def _resolved(name: str, board: dict[str, Any]) -> str:
    if not name.startswith("@"):
        return name
    found = lookup(board, name[1:])
    if found is None:
        raise HardwareError([f"hardware/builds/{board['build']}.toml:1: {name}: not in the board"])
    return str(found)


def _pin(text: str, board: dict[str, Any], mcu: dict[str, Any]) -> Pin:
    ref, _, pin = text.partition(".")
    if pin.startswith("@"):
        pin = mcu["supply"].get(pin[1:]) or _resolved(pin, board)
    return ref, pin


def _part(name: str, label: str, tables: Tables) -> Part:
    if name not in tables.parts:
        raise HardwareError([f"hardware/parts:1: there is no part {name!r}"])
    values = tables.parts[name]
    connector = values.get("connector", "")
    return Part(
        name=name,
        value=values["value"],
        title=values["title"],
        label=label,
        order=values["order"],
        alternatives=values["alternatives"],
        module=values.get("module", False),
        footprint=values.get("footprint") or tables.parts[connector]["footprint"],
        pins=values["pins"],
        numbers={pin: pin for pin in values["pins"] if pin.isdigit()} | values.get("numbers", {}),
        connector=connector,
        resistance_Ohm=values.get("resistance_Ohm", 0),
        ratings={key: number for key, number in values.items() if type(number) is int},
    )


def _mcu_part(board: dict[str, Any], mcu: dict[str, Any], nets: dict[str, list[Pin]]) -> Part:
    """Return the microcontroller board with the pins in use; the others stay free."""
    supply = {label: SUPPLY_TYPES[key] for key, label in mcu["supply"].items()}
    types = {board["pins"][key]: "output" for key in OUTPUTS if key in board["pins"]}
    used = [pin for pins in nets.values() for ref, pin in pins if ref == "U1"]
    for table in ("i2c", "qi.tx_bus", "qi.rx_bus"):
        types |= {(lookup(board, table) or {}).get(key): "bidirectional" for key in BUS_KEYS}
    pins = {pin: supply.get(pin) or types.get(pin, "input") for pin in used}
    return Part(
        name=board["mcu"],
        value=mcu["value"],
        title=mcu["title"],
        label="microcontroller",
        order=mcu["order"],
        alternatives=mcu["alternatives"],
        module=True,
        footprint=mcu["footprint"],
        pins=pins,
        numbers={pin: mcu["pads"][pin] for pin in pins},
        connector=mcu["connector"],
    )
