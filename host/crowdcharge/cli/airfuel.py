# SPDX-License-Identifier: MIT
"""`crowdcharge airfuel`: read a board as a charger reads it that knows nothing of us."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from crowdcharge.cli import options, output
from crowdcharge.cli.one_board import with_radio

if TYPE_CHECKING:
    from crowdcharge.boards.airfuel import PruExchange


@click.command()
@click.option("--id", "board_id", required=True, type=options.BOARD, help="The board.")
@options.seconds(2.0, "How long to go on reading.")
@click.option("--deny", is_flag=True, help="End what the board receives, instead of permitting.")
@options.radio
@options.as_json
def airfuel(
    board_id: int, seconds: float, deny: bool, transport: str, adapter: str, as_json: bool
) -> None:
    """Be the transmitter of AirFuel's Bluetooth profile to a board, in the profile's order.

    No key is needed, and none helps: to permit changes nothing on our boards. Only the exchange is
    here; there is no 6.78 MHz power.
    """
    from crowdcharge.boards.airfuel import exchange

    seen = with_radio(
        lambda radio: exchange(radio, board_id, seconds, not deny), transport, adapter
    )
    if as_json:
        output.document({**asdict(seen), "gap_max_s": seen.gap_max_s}, indent=2)
        return
    output.table(("of board", str(board_id)), _rows(seen))


def _rows(seen: "PruExchange") -> list[tuple[str, str]]:
    static, newest = seen.static, seen.newest
    rows = [
        ("takes at most", f"{static.power_max_mW / 1000:g} W"),
        ("voltage", f"{static.min_mV / 1000:g} to {static.high_mV / 1000:g} V"),
    ]
    if newest is not None:
        rows += [
            ("output", "on" if newest.output_on else "off"),
            ("takes now", f"{_said(newest.out_mV, 'mV')}, {_said(newest.out_mA, 'mA')}"),
            ("temperature", _said(newest.temperature_C, "C")),
            ("stands", ", ".join(newest.alerts) or "nothing"),
        ]
    rows += [(f"{step} after", f"{1000 * time_s:.0f} ms") for step, time_s in seen.steps_s.items()]
    rows.append(("reads", str(len(seen.reads_s))))
    if seen.gap_max_s is not None:
        rows.append(("longest gap", f"{1000 * seen.gap_max_s:.0f} ms"))
    return rows + [(f"alert after {at_s:.2f} s", ", ".join(names)) for at_s, names in seen.alerts]


def _said(value: Any, unit: str) -> str:
    return "unknown" if value is None else f"{value} {unit}"
