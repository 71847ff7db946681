# SPDX-License-Identifier: MIT
"""`crowdcharge provision`: a board's id and key."""

import secrets
from pathlib import Path

import click

from crowdcharge.cli import options, output


@click.command()
@options.port
@click.option("--id", "board_id", required=True, type=options.BOARD, help="The board's number.")
@options.keys
@click.option("--capacity-wh", type=options.Number(0.001, 270.0), help="Its battery's capacity.")
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    metavar="NAME",
    help="A profile whose rules the board keeps by itself, or none. May be repeated.",
)
@options.as_json
def provision(
    port: str,
    board_id: int,
    keys: Path,
    capacity_wh: float | None,
    profiles: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write a new random key to the board and to the host's keys file."""
    from crowdcharge.flash.provision import provision as write
    from crowdcharge.flash.serial_line import SerialLine
    from crowdcharge.units import J_PER_Wh

    capacity_mJ = None if capacity_wh is None else round(capacity_wh * J_PER_Wh * 1000)
    limits = _limits(profiles) if profiles else None
    with SerialLine(port) as line:
        mark = write(line, board_id, keys, secrets.token_bytes, capacity_mJ, limits)
    if as_json:
        output.document({"board_id": board_id, "key": mark, "keys": str(keys)})
    else:
        output.say(f"{port} is board {board_id}; its key ({mark}) is in {keys}.")


def _limits(profiles: tuple[str, ...]) -> dict[str, int]:
    from crowdcharge.profiles.profile import named
    from crowdcharge.profiles.rules import BoardRules

    names = () if profiles == ("none",) else profiles
    return BoardRules(tuple(named(name) for name in names)).on_board()
