# SPDX-License-Identifier: MIT
"""`crowdcharge console`: a board's serial console for people."""

import click

from crowdcharge.cli import options


@click.command()
@options.port
@click.argument("words", nargs=-1)
def console(port: str, words: tuple[str, ...]) -> None:
    """Send one command (WORDS), or without WORDS one per line until Ctrl-D."""
    from crowdcharge.flash.serial_line import SerialLine
    from crowdcharge.flash.terminal import one, talk

    with SerialLine(port) as line:
        line.hello()
        if words:
            one(line, words, click.echo)
        else:
            talk(line, click.echo)
