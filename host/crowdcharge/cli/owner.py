# SPDX-License-Identifier: MIT
"""`crowdcharge owner`: what the owner of a board lets it do."""

import click

from crowdcharge.cli import options
from crowdcharge.errors import InputError

_WHOM = ("host", "crowd", "agreed")


@click.group()
def owner() -> None:
    """What the owner of a board lets it do."""


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
