# SPDX-License-Identifier: MIT
"""What every command prints through: whole lines, any terminal, nothing that a stranger wrote raw.

rich cuts lines at the width of a terminal, and at 80 columns where there is none: off a terminal
they are printed whole here.
"""

import io
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from crowdcharge.escaping import plain

if TYPE_CHECKING:
    from rich.console import Console

_UNCUT = 10_000  # columns


def prepare() -> None:
    """Make standard streams that take every character and cannot be mistaken for a file.

    A stream that the caller has closed becomes the null device, or the next file to be opened
    would get its number, and what a library prints would be written into a ledger.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:  # stdin, stdout, stderr
        pass
    os.close(number)
    sys.stdout = _sound(sys.stdout)
    sys.stderr = _sound(sys.stderr)


def _sound(stream: Any) -> Any:
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - to the end
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def abandon(stream: IO[str]) -> None:
    """Drop what a stream still holds: nobody reads it, and Python would fail at its end."""
    try:
        stream.flush()
    except (OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, stream.fileno())
        except (OSError, ValueError):
            pass
        finally:
            os.close(null)


def console(stderr: bool = False, live: bool = True) -> "Console":
    """Return a console of rich's; `live` False: never a moving picture, also on a terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    ascii_only = not (getattr(stream, "encoding", None) or "").lower().startswith("utf")
    terminal = stream.isatty() and live
    return Console(
        file=stream,
        force_terminal=None if live else False,
        width=None if terminal else _UNCUT,
        safe_box=True,
        emoji=False,
        markup=False,
        highlight=False,
        legacy_windows=False,
        force_interactive=False if ascii_only else None,
    )


@contextmanager
def progress(name: str) -> Iterator[Callable[[float, float], None]]:
    """Show a bar on stderr, on a terminal only; yield what moves it: (done, of how much)."""
    from rich.progress import Progress

    screen = console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as bars:
        task = bars.add_task(plain(name), total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def say(*lines: object, err: bool = False) -> None:
    """Print lines of plain text, in which a name or a word from outside stays one line."""
    for line in lines:
        click.echo(plain(line), err=err)


def document(content: Any, indent: int | None = None) -> None:
    """Print one JSON document; see `text_of`."""
    click.echo(text_of(content, indent))


def text_of(content: Any, indent: int | None = None) -> str:
    """Return a JSON document; what is no finite number, which JSON lacks, becomes null."""
    return json.dumps(_finite(content), indent=indent, allow_nan=False)


def _finite(content: Any) -> Any:
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return content


def table(
    names: Sequence[str], rows: Iterable[Iterable[object]], title: str = "", right: bool = False
) -> None:
    """Print a table on stdout; `right`: the cells are numbers."""
    from rich.table import Table
    from rich.text import Text

    made = Table(title=plain(title) or None, title_justify="left", box=None)
    for name in names:
        made.add_column(plain(name), no_wrap=True, justify="right" if right else "left")
    for row in rows:
        made.add_row(*(Text(plain(cell)) for cell in row))
    screen = console()
    with screen.capture() as drawn:
        screen.print(made)
    click.echo("\n".join(line.rstrip() for line in drawn.get().splitlines()))
