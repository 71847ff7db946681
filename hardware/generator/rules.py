# SPDX-License-Identifier: MIT
"""Rules that a schema cannot express, on pins, addresses and limits; each yields faults."""

from collections.abc import Iterator
from typing import Any

from generator import cable, power_chain
from generator.source import Source
from generator.tables import Tables, lookup, power_path

ADC_PINS = ("coil_ntc", "battery_ntc")
COIL_PINS = ("tx_enable", "rx_enable", "tx_pulse")
PER_ROLE = {
    "ptx": (
        "pins.tx_enable",
        "pins.tx_pulse",
        "pins.button",
        "pins.led",
        "pins.coil_ntc",
        "meter.tx_address",
        "meter.tx_point",
        "qi.tx_part",
        "coil.tx",
    ),
    "prx": ("meter.rx_address", "meter.rx_point", "qi.rx_part", "coil.rx"),
}
RATINGS = (  # (limit of a board, rating of a part)
    ("current_max_mA", "current_max_mA"),
    ("bus_max_mV", "supply_max_mV"),
    ("coil_max_dC", "coil_max_dC"),
    ("battery_max_dC", "battery_max_dC"),
)
ST_NEEDS = ("qi.tx_address", "qi.rx_address", "qi.tx_bus", "qi.rx_bus", "pins.tx_reset")


def check(board: Source, tables: Tables) -> list[str]:
    """Check one board; return each fault as `file:line: key: text`."""
    unknown = list(_unknown_names(board, tables))
    if unknown:
        return unknown
    mcu = tables.mcus[board.values["mcu"]]
    return [
        *_pins(board, mcu),
        *_addresses(board, tables.parts),
        *_roles(board),
        *_meter(board, tables.parts),
        *_limits(board, mcu),
        *_ratings(board, tables),
        *power_chain.check(board, tables),
        *cable.check(board, tables),
    ]


def used_pins(values: dict[str, Any]) -> list[tuple[str, str]]:
    """(key path, label) of every pin of a board, in the file's order."""
    tables = {
        "i2c": ("sda", "scl", "power"),
        "qi.tx_bus": ("sda", "scl"),
        "qi.rx_bus": ("sda", "scl"),
        "pins": tuple(values["pins"]),
    }
    found = []
    for table, keys in tables.items():
        row = lookup(values, table) or {}
        found += [(f"{table}.{key}", row[key]) for key in keys if key in row]
    return found


def _unknown_names(board: Source, tables: Tables) -> Iterator[str]:
    if board.values["mcu"] not in tables.mcus:
        yield board.fault("mcu", f"{board.values['mcu']!r} is not in hardware/mcus.toml")
    for path in ("meter.part", "gauge.part", "battery.part", "qi.tx_part", "qi.rx_part"):
        name = lookup(board.values, path)
        if name is not None and name not in tables.parts:
            yield board.fault(path, f"{name!r} is not in hardware/parts")


def _pins(board: Source, mcu: dict[str, Any]) -> Iterator[str]:
    owners: dict[object, str] = {}
    for path, label in used_pins(board.values):
        key = path.rpartition(".")[2]
        if label not in mcu["pins"]:
            yield board.fault(path, f"{mcu['title']} has no pin {label!r}")
            continue
        gpio, *marks = mcu["pins"][label]
        if path != "i2c.power" and label not in mcu["pads"]:
            yield board.fault(path, f"{label} is not led out to a pad of {mcu['title']}")
        if gpio in owners:
            line = board.locate(tuple(owners[gpio].split(".")))[1]
            yield board.fault(path, f"{label} is already {owners[gpio]} (line {line})")
        owners.setdefault(gpio, path)
        if key in ADC_PINS and "adc" not in marks:
            yield board.fault(path, f"{label} has no analogue input")
        if key in COIL_PINS and ("glitch" in marks or "strap" in marks):
            yield board.fault(path, f"{label} may be high during reset: a coil must stay off then")


def _addresses(board: Source, parts: dict[str, Any]) -> Iterator[str]:
    values = board.values
    buses = [
        [
            ("meter.tx_address", values["meter"]["part"]),
            ("meter.rx_address", values["meter"]["part"]),
            ("gauge.address", lookup(values, "gauge.part")),
        ]
    ]
    for side in ("tx", "rx"):
        own_bus = [(f"qi.{side}_address", lookup(values, f"qi.{side}_part"))]
        if lookup(values, f"qi.{side}_bus") is None:
            buses[0] += own_bus  # without a bus of its own the chip sits on the main one
    for bus in buses:
        yield from _one_bus(board, parts, bus)


def _one_bus(
    board: Source, parts: dict[str, Any], devices: list[tuple[str, str | None]]
) -> Iterator[str]:
    owners: dict[int, str] = {}
    for path, part in devices:
        address = lookup(board.values, path)
        if address is None or part is None:
            continue
        allowed = parts[part].get("addresses", [])
        if address not in allowed:
            shown = ", ".join(f"0x{one:02X}" for one in allowed) or "none"
            yield board.fault(path, f"0x{address:02X} is no address of {part} (it has {shown})")
        if address in owners:
            line = board.locate(tuple(owners[address].split(".")))[1]
            yield board.fault(
                path, f"0x{address:02X} clashes with {owners[address]} (line {line}) on one bus"
            )
        owners.setdefault(address, path)


def _roles(board: Source) -> Iterator[str]:
    values = board.values
    for role in values["roles"]:
        for path in PER_ROLE[role]:
            if lookup(values, path) is None:
                yield board.fault(path, f"is needed for the role {role!r}")
    if not values["roles"] and (values["qi"]["kind"] != "none" or "tx_enable" in values["pins"]):
        yield board.fault("roles", "a monitor has no Qi part and no enable pin")
    coil = values.get("coil")
    if coil and coil["gap_min_mm"] >= coil["gap_max_mm"]:
        yield board.fault("coil.gap_min_mm", "is not below gap_max_mm")
    if values["qi"]["kind"] == "stwbc86":
        for path in ST_NEEDS:
            if lookup(values, path) is None:
                yield board.fault(path, "is needed for the ST chips")
        if "fod_threshold_mW" not in values["qi"]:
            yield board.fault("qi.fod_threshold_mW", "is missing: 0 would switch FOD off")


def _meter(board: Source, parts: dict[str, Any]) -> Iterator[str]:
    meter, limits = board.values["meter"], board.values["limits"]
    part = parts[meter["part"]]
    shunt_mV = meter["max_mA"] * meter["shunt_uOhm"] // 1_000_000
    if shunt_mV > part["shunt_max_mV"]:
        yield board.fault(
            "meter.max_mA",
            f"{shunt_mV} mV across the shunt; range ends at {part['shunt_max_mV']} mV",
        )
    shunt_mW = meter["max_mA"] ** 2 * meter["shunt_uOhm"] // 10**9
    if shunt_mW > part["shunt_max_mW"]:
        yield board.fault(
            "meter.shunt_uOhm", f"burns {shunt_mW} mW; it is rated {part['shunt_max_mW']} mW"
        )
    if limits["current_max_mA"] >= meter["max_mA"]:
        yield board.fault(
            "limits.current_max_mA",
            f"must be below meter.max_mA = {meter['max_mA']}: else no trip",
        )


def _limits(board: Source, mcu: dict[str, Any]) -> Iterator[str]:
    limits = board.values["limits"]
    if limits["bus_min_mV"] >= limits["bus_max_mV"]:
        yield board.fault("limits.bus_min_mV", "is not below bus_max_mV")
    if limits["power_max_mW"] > limits["bus_max_mV"] * limits["current_max_mA"] // 1000:
        yield board.fault("limits.power_max_mW", "never trips: above bus_max_mV x current_max_mA")
    if limits["watchdog_ms"] > mcu["watchdog_max_ms"]:
        yield board.fault(
            "limits.watchdog_ms", f"{mcu['title']} can wait {mcu['watchdog_max_ms']} ms at most"
        )


def _ratings(board: Source, tables: Tables) -> Iterator[str]:
    """No limit may be above the rating of a part that it protects."""
    limits, battery = board.values["limits"], board.values["battery"]
    for name in power_path(board.values, tables):
        part = tables.parts[name]
        for limit, rating in RATINGS:
            if limits[limit] > part.get(rating, limits[limit]):
                yield board.fault(
                    f"limits.{limit}", f"{limits[limit]} is above the {part[rating]} of {name}"
                )
    if battery["capacity_mJ"] > tables.parts[battery["part"]]["capacity_mJ"]:
        yield board.fault("battery.capacity_mJ", f"is above that of {battery['part']}")
