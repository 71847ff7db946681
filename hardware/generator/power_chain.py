# SPDX-License-Identifier: MIT
"""What a transfer at the charger's own current draws at every element, from charger to cell.

    received   = charger's current, at its upper tolerance, x receiver's voltage
    coil       = received / link efficiency               (the 5 V side of the transmitter)
    battery    = coil / boost efficiency                  (what the transmitter's meter sees)

All of it at the lowest voltage that the board's limits allow at the meter. Parts in the cell's
lead also carry the microcontroller. Not modelled: inrush, ripple, and heat.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

from generator.source import Source
from generator.tables import Tables, part_of


@dataclass(frozen=True)
class Load:
    """What the transfer asks of one rating: `part`.`key` must be at least `drawn`."""

    where: str
    part: str
    key: str
    drawn: int

    def rated(self, tables: Tables) -> int | None:
        """Return the rating, or None where the part states none."""
        rating: int | None = tables.parts[self.part].get(self.key)
        return rating


@dataclass(frozen=True)
class Transfer:
    """One transfer at full charging current and lowest cell voltage; see the module's text."""

    charge_mA: int
    received_mW: int
    coil_mW: int
    boost_mA: int
    battery_mW: int
    battery_mA: int


def transfer(board: dict[str, Any], tables: Tables) -> Transfer:
    chain = tables.builds[board["build"]]["chain"]
    part = {
        role: tables.parts[part_of(chain[role], board, tables)]
        for role in ("charger", "receiver", "transmitter", "boost")
    }
    charger, boost = part["charger"], part["boost"]
    charge_mA = ceil(
        charger["charge_current_mA"] * (1000 + charger["charge_tolerance_permille"]) / 1000
    )
    received_mW = ceil(charge_mA * part["receiver"]["output_mV"] / 1000)
    coil_mW = ceil(received_mW * 1000 / part["transmitter"]["link_efficiency_permille"])
    battery_mW = ceil(coil_mW * 1000 / boost["efficiency_min_permille"])
    return Transfer(
        charge_mA=charge_mA,
        received_mW=received_mW,
        coil_mW=coil_mW,
        boost_mA=ceil(coil_mW * 1000 / boost["output_mV"]),
        battery_mW=battery_mW,
        battery_mA=ceil(battery_mW * 1000 / board["limits"]["bus_min_mV"]),
    )


def loads(board: dict[str, Any], tables: Tables) -> list[Load]:
    """Every rating that the transfer, or a trip at the board's limits, asks something of."""
    chain = tables.builds[board["build"]]["chain"]
    drawn = transfer(board, tables)
    trip_mA = max(drawn.battery_mA, board["limits"]["current_max_mA"])
    cell_mA = trip_mA + tables.mcus[board["mcu"]]["current_max_mA"]
    boost = part_of(chain["boost"], board, tables)
    trip_boost_mA = ceil(
        board["limits"]["power_max_mW"]
        * tables.parts[boost]["efficiency_max_permille"]
        / tables.parts[boost]["output_mV"]
    )
    carried = [(ref, cell_mA) for ref in chain["cell"]]
    carried += [(ref, trip_mA) for ref in [*chain["metered"], chain["boost"]]]
    carried += [(ref, drawn.charge_mA) for ref in [*chain["received"], chain["receiver"]]]
    carried += [(chain["charger"], drawn.charge_mA)]
    carried += [(chain["transmitter"], max(drawn.boost_mA, trip_boost_mA))]
    found = []
    for ref, current_mA in carried:
        part = part_of(ref, board, tables)
        found.append(Load(ref, part, "current_max_mA", current_mA))
        if connector := tables.parts[part].get("connector"):
            found.append(Load(f"plug of {ref}", connector, "current_max_mA", current_mA))
    cell = part_of(chain["cell"][0], board, tables)
    return [
        *found,
        Load(chain["cell"][0], cell, "charge_max_mA", drawn.charge_mA),
        Load(
            chain["receiver"],
            part_of(chain["receiver"], board, tables),
            "output_max_mA",
            drawn.charge_mA,
        ),
        Load(chain["boost"], boost, "output_max_mA", max(drawn.boost_mA, trip_boost_mA)),
    ]


def check(board: Source, tables: Tables) -> Iterator[str]:
    """One fault a part that a transfer would overload, at the line of its rating."""
    values = board.values
    if "chain" not in tables.builds.get(values["build"], {}):
        return
    missing = list(_missing(values, tables))
    if missing:
        yield from missing
        return
    drawn, limits = transfer(values, tables), values["limits"]
    for load in loads(values, tables):
        rated = load.rated(tables)
        if rated is not None and load.drawn > rated:
            yield tables.part_fault(
                load.part,
                load.key,
                f"{rated} is below the {load.drawn} that a transfer of {values['name']} asks of "
                f"{load.where} (charger {drawn.charge_mA} mA)",
            )
    if drawn.battery_mA > limits["current_max_mA"]:
        yield board.fault(
            "limits.current_max_mA",
            f"the transfer itself draws {drawn.battery_mA} mA at {limits['bus_min_mV']} mV",
        )
    if drawn.battery_mW > limits["power_max_mW"]:
        yield board.fault(
            "limits.power_max_mW", f"the transfer itself draws {drawn.battery_mW} mW"
        )
    boost = part_of(tables.builds[values["build"]]["chain"]["boost"], values, tables)
    if tables.parts[boost]["input_min_mV"] > limits["bus_min_mV"]:
        yield board.fault(
            "limits.bus_min_mV",
            f"{boost} is rated down to {tables.parts[boost]['input_min_mV']} mV only",
        )


NEEDED = {
    "charger": ("charge_current_mA", "charge_tolerance_permille"),
    "receiver": ("output_mV", "output_max_mA"),
    "transmitter": ("link_efficiency_permille",),
    "boost": (
        "input_min_mV",
        "output_mV",
        "output_max_mA",
        "efficiency_min_permille",
        "efficiency_max_permille",
    ),
}


def _missing(board: dict[str, Any], tables: Tables) -> Iterator[str]:
    """Find ratings that are not stated: such a rating cannot be kept to."""
    chain = tables.builds[board["build"]]["chain"]
    needed = [(chain[role], key) for role, keys in NEEDED.items() for key in keys]
    needed += [(chain["cell"][0], key) for key in ("current_max_mA", "charge_max_mA")]
    for ref, key in needed:
        part = part_of(ref, board, tables)
        if key not in tables.parts[part]:
            yield tables.part_fault(part, key, f"is missing: {ref} is in the power chain")
