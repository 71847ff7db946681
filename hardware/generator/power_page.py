# SPDX-License-Identifier: MIT
"""The part of a board's page on what a transfer draws and what ends it without firmware."""

from typing import Any

from generator import markdown, power_chain
from generator.breaks import series_switches
from generator.circuit import Circuit
from generator.cuts import cuts
from generator.hold import hold, times
from generator.pump import PERIOD_ms
from generator.tables import Tables


def section(board: dict[str, Any], tables: Tables, circuit: Circuit) -> str:
    return _chain(board, tables) + "\n" + _breaks(board, tables, circuit)


def _chain(board: dict[str, Any], tables: Tables) -> str:
    drawn, limits = power_chain.transfer(board, tables), board["limits"]
    lines = [
        f"- the charger takes {drawn.charge_mA} mA at the upper end of its tolerance, so the "
        f"receiver gives {drawn.received_mW} mW;",
        f"- the transmitter's side of the link takes {drawn.coil_mW} mW, {drawn.boost_mA} mA "
        "of the boost converter;",
        f"- the battery lead gives {drawn.battery_mW} mW, {drawn.battery_mA} mA at "
        f"{limits['bus_min_mV']} mV; the board trips at {limits['power_max_mW']} mW or "
        f"{limits['current_max_mA']} mA.",
    ]
    rows = [
        (load.where, load.part, load.key, str(load.drawn), str(rated))
        for load in power_chain.loads(board, tables)
        if (rated := load.rated(tables)) is not None
    ]
    return (
        "## Power chain\n\nWhat a transfer at the charger's full current draws at the lowest "
        "voltage, and what a trip at the limits may draw before it acts:\n\n"
        + "\n".join(lines)
        + "\n\n"
        + markdown.table(("where", "part", "rating", "asked of it", "rated"), rows)
    )


def _breaks(board: dict[str, Any], tables: Tables, circuit: Circuit) -> str:
    held, cut = hold(circuit), cuts(circuit)
    if held is None or cut is None:
        return ""
    off_ms = times(circuit, held).off_max_ms
    second, first = series_switches(circuit, tables.builds[board["build"]]["chain"])
    return (
        "## Breaks and cuts\n\n"
        "Computed from the parts' values and tolerances, not yet measured:\n\n"
        f"- {first} follows the level of `{board['pins']['tx_enable']}`; {second} stays on only "
        f"while `{board['pins']['tx_pulse']}` toggles with a period of {PERIOD_ms:.0f} ms "
        f"or less, and is off {off_ms:.0f} ms after the last pulse at most, "
        "whatever level the pin then has;\n"
        f"- the coil is cut between {cut.hot_C[0]:.0f} and {cut.hot_C[1]:.0f} C, and when its "
        f"thermistor is shorted or broken off (colder than {cut.open_C:.0f} C at the most);\n"
        f"- the transmitter is cut when the cell is below {cut.cell_mV[0] / 1000:.2f} to "
        f"{cut.cell_mV[1] / 1000:.2f} V;\n"
        f"- the module's own battery socket: "
        f"{tables.mcus[board['mcu']]['battery_socket']}.\n"
    )
