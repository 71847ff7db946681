# SPDX-License-Identifier: MIT
"""`crowdcharge flash`: put the firmware on a board."""

from dataclasses import asdict
from pathlib import Path

import click

from crowdcharge.cli import options, output


@click.command()
@click.option("--board", "name", required=True, help="Kind of board, as in hardware/boards.")
@click.option("--port", required=True, help="Serial port, or the drive of a CircuitPython board.")
@options.as_json
def flash(name: str, port: str, as_json: bool) -> None:
    """Copy the files that have changed and verify them.

    Over a serial port the coil is off meanwhile, and the board starts them. A board with a drive
    goes on with those that it had, until its reset button is pressed.
    """
    from crowdcharge.flash import drive, micropython
    from crowdcharge.flash.tree import board_kind

    kind = board_kind(name)
    with output.console(stderr=True).status("") as status:
        on_drive = Path(port).is_dir()
        deploy = drive.flash if on_drive else micropython.flash
        done = deploy(kind, port, status.update)
    if as_json:
        output.document(asdict(done))
    else:
        click.echo(_text(name, port, done.copied, done.kept, on_drive))


def _text(name: str, port: str, copied: tuple[str, ...], kept: int, on_drive: bool) -> str:
    lines = [f"  copied {path}" for path in copied]
    does = "holds the firmware of" if on_drive else "runs as"
    lines.append(f"{port} {does} {name}: {len(copied)} files copied, {kept} were up to date.")
    if on_drive and copied:
        lines.append("Press the board's reset button: it runs what it had until then.")
    return "\n".join(lines)
