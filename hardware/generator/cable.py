# SPDX-License-Identifier: MIT
"""May a board give while a cable is in? What `vbus_interlock = false` needs, and what it means.

Its microcontroller board's charger then feeds the cell past all meters while the transmitter
draws from it: so the firmware must see the cable, the charge must come from a gauge and not from
counting, and the receiver's charger must still be held off, because two may never feed one cell.
"""

from collections.abc import Iterator
from typing import Any

from generator.circuit import Circuit
from generator.defects import behaviour, sound
from generator.source import Source
from generator.tables import Tables, lookup

_NEEDS = {
    "pins.tx_enable": "a board that transmits",
    "pins.cable_sense": "pins.cable_sense: the firmware must see the cable",
    "gauge.part": "a gauge: no meter sees what a cable charges, so a count is no charge",
}


def check(board: Source, tables: Tables) -> Iterator[str]:
    """Yield what the board's file lacks for `vbus_interlock = false`."""
    values = board.values
    if values.get("vbus_interlock", True):
        return
    for path, what in _NEEDS.items():
        if lookup(values, path) is None:
            yield board.fault("vbus_interlock", f"false needs {what}")
    build = values["build"]
    if build != "none" and "vbus_interlock" not in tables.builds[build]:
        yield board.fault(
            "vbus_interlock", f"false, but the build {build!r} has no such interlock"
        )


def check_circuit(circuit: Circuit, chain: dict[str, Any]) -> list[str]:
    """Compute what holds the switches off, with and without 5 V on the plug."""
    now = behaviour(sound(circuit, chain))
    wanted = {
        "a cable or the own receiver does not hold both breaks off"
        if circuit.vbus_interlock
        else "the own receiver does not hold both breaks off": now.first_guarded
        and now.second_guarded,
        "a cable does not hold the receiver's switch off: two chargers": now.receiver_guarded,
        "a cable holds the breaks off in spite of vbus_interlock = false": now.gives_as_declared,
    }
    return [f"{circuit.board}: {fault}" for fault, holds in wanted.items() if not holds]
