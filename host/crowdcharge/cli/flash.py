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
    """Copy the files that have changed, verify them, start them. The coil stays off."""
    from crowdcharge.flash import drive, micropython
    from crowdcharge.flash.tree import board_kind

    kind = board_kind(name)
    with output.console(stderr=True).status("") as status:
        deploy = drive.flash if Path(port).is_dir() else micropython.flash
        done = deploy(kind, port, status.update)
    if as_json:
        output.document(asdict(done))
    else:
        click.echo(_text(name, port, done.copied, done.kept))


def _text(name: str, port: str, copied: tuple[str, ...], kept: int) -> str:
    lines = [f"  copied {path}" for path in copied]
    lines.append(f"{port} runs as {name}: {len(copied)} files copied, {kept} were up to date.")
    return "\n".join(lines)
