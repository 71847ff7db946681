# SPDX-License-Identifier: MIT
"""`crowdcharge owner`: what the owner of a board lets it do."""

from functools import partial
from pathlib import Path

import click

from crowdcharge.cli import options
from crowdcharge.cli.one_board import by_radio
from crowdcharge.errors import InputError

_WHOM = ("host", "crowd", "agreed")


@click.group()
def owner() -> None:
    """Say what a board may do for others."""


@owner.command()
@options.port
@click.option(
    "--gives-to",
    required=True,
    help="Of host, crowd, agreed, with commas; or nobody.",
)
@click.option("--day-wh", type=click.FloatRange(0.0, 1000.0), help="At most so much in a day.")
def consent(port: str, gives_to: str, day_wh: float | None) -> None:
    """Say to whom the board on PORT gives, and how much in a day (24 h of its running)."""
    from crowdcharge.flash import joining
    from crowdcharge.flash.serial_line import SerialLine
    from crowdcharge.units import J_PER_Wh

    names = [] if gives_to == "nobody" else gives_to.split(",")
    if not {*names} <= {*_WHOM}:
        raise InputError(f"--gives-to must be of {', '.join(_WHOM)}, or nobody, not {gives_to!r}")
    day_mJ = round((day_wh or 0.0) * J_PER_Wh * 1000)
    if day_wh is not None and not day_mJ:
        raise InputError("--day-wh 0 would be no limit; to give nothing: --gives-to nobody")
    with SerialLine(port) as line:
        board_id = joining.board_on(line)
        joining.consent(line, gives_to, day_mJ)
    bound = f", at most {day_wh:g} Wh in a day" if day_mJ else ""
    click.echo(f"Board {board_id} gives to {gives_to}{bound}.")


@owner.command()
@click.option("--id", "board_id", required=True, type=options.BOARD, help="The board.")
@options.keys
@click.option("--release", is_flag=True, help="Allow them again.")
@options.radio
def hold(board_id: int, keys: Path, release: bool, transport: str, adapter: str) -> None:
    """End and forbid a board's transfers with other boards, by radio; outlasts reboots."""
    from crowdcharge.flash import joining

    by_radio(partial(joining.hold, held=not release), board_id, keys, transport, adapter)
    state = "may meet other boards again" if release else "is on hold for other boards"
    click.echo(f"Board {board_id} {state}.")
