# SPDX-License-Identifier: MIT
"""`crowdcharge clear`: clear a fault that stands."""

from functools import partial
from pathlib import Path

import click

from crowdcharge.cli import options, output
from crowdcharge.cli.one_board import by_radio
from crowdcharge.errors import InputError


@click.command()
@click.option("--fault", required=True, help="The fault's name, for example FOREIGN_OBJECT.")
@click.option("--port", default="", help="The board's serial port: you are at the board.")
@click.option("--id", "board_id", type=click.IntRange(1, 0xFFFE), help="The board, by radio.")
@options.keys
@options.radio
def clear(
    fault: str, port: str, board_id: int | None, keys: Path, transport: str, adapter: str
) -> None:
    """Clear one latched fault, after its cause is gone.

    The board decides who may: docs/howto/a-fault-stands.md has a row for each fault.
    """
    from crowdcharge.flash import clearing

    if bool(port) == (board_id is not None):
        raise InputError("say which board: either --port PORT, or --id N with --keys FILE")
    clearing.latch_named(fault)
    if board_id is None:
        from crowdcharge.flash.serial_line import SerialLine

        with SerialLine(port) as line:
            clearing.clear_by_console(line, fault)
    else:
        job = partial(clearing.clear_by_radio, name=fault)
        by_radio(job, board_id, keys, transport, adapter)
    output.say(f"{port or f'board {board_id}'}: {fault} is cleared.")
