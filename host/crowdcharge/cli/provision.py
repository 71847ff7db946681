# SPDX-License-Identifier: MIT
"""`crowdcharge provision`: a board's id and key."""

import json
import secrets
from pathlib import Path

import click


@click.command()
@click.option("--port", required=True, help="The board's serial port.")
@click.option(
    "--id", "board_id", required=True, type=click.IntRange(1, 0xFFFF), help="Its number."
)
@click.option(
    "--keys",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("keys.toml"),
    show_default=True,
    help="The host's keys, readable by you only.",
)
@click.option("--capacity-wh", type=click.FloatRange(0.001, 270.0), help="Of its battery, in Wh.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def provision(
    port: str, board_id: int, keys: Path, capacity_wh: float | None, as_json: bool
) -> None:
    """Make a random key; write it to the board and to the host's keys file. Again: a new key."""
    from crowdcharge.flash.provision import provision as write
    from crowdcharge.flash.serial_line import SerialLine
    from crowdcharge.units import J_PER_Wh

    capacity_mJ = None if capacity_wh is None else round(capacity_wh * J_PER_Wh * 1000)
    with SerialLine(port) as line:
        mark = write(line, board_id, keys, secrets.token_bytes, capacity_mJ)
    if as_json:
        click.echo(json.dumps({"board_id": board_id, "key": mark, "keys": str(keys)}))
    else:
        click.echo(f"{port} is board {board_id}; its key ({mark}) is in {keys}.")
