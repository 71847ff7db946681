# SPDX-License-Identifier: MIT
"""`crowdcharge clear`: clear a fault that stands."""

import asyncio
from pathlib import Path

import click

from crowdcharge.cli import options
from crowdcharge.errors import InputError


@click.command()
@click.option("--fault", required=True, help="The fault's name, for example FOREIGN_OBJECT.")
@click.option("--port", default="", help="The board's serial port: you are at the board.")
@click.option("--id", "board_id", type=click.IntRange(1, 0xFFFE), help="The board, by radio.")
@click.option(
    "--keys",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("keys.toml"),
    show_default=True,
    help="The host's keys, with --id.",
)
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
        asyncio.run(_by_radio(board_id, keys, fault, transport, adapter))
    click.echo(f"{port or f'board {board_id}'}: {fault} is cleared.")


async def _by_radio(board_id: int, path: Path, fault: str, transport: str, adapter: str) -> None:
    from crowdcharge.boards import keys as key_file
    from crowdcharge.flash import clearing
    from crowdcharge.radio import open_radio

    keys = key_file.load(path)
    if board_id not in keys:
        raise InputError(f"{path}: no key of board {board_id}")
    radio = open_radio(transport, adapter)
    try:
        await clearing.clear_by_radio(radio, board_id, keys[board_id], fault)
    finally:
        await radio.close()
