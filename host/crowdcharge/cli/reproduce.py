# SPDX-License-Identifier: MIT
"""`crowdcharge reproduce`: a published figure or table from our own code."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from crowdcharge.cli import options, output
from crowdcharge.files import folder_for, writing
from crowdcharge.files.marker import result
from crowdcharge.reproduce import FIGURES, Result, figure
from crowdcharge.reproduce.rows import COLUMNS, as_markdown, shown

_EVERY_s = 10.0  # between two lines of progress where there is no terminal
_TABLES = "tables.md"


@click.command(
    help="Reproduce FIG; plots and numbers go to the --out folder.\n\n"
    f"FIG is one of: all, {', '.join(FIGURES)}.\n\n"
    "Stopped, the same command goes on where it was; the parts that are there are in FIG.part."
)
@click.argument("name", metavar="FIG", type=click.Choice(["all", *FIGURES]))
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("reproduced"), show_default=True
)
@click.option("--quick", is_flag=True, help="A small sample: seconds instead of minutes.")
@options.as_json
def reproduce(name: str, out: Path, quick: bool, as_json: bool) -> None:
    names = list(FIGURES) if name == "all" else [name]
    folder_for(out)
    results = {}
    for number, each in enumerate(names, 1):
        title = each if len(names) == 1 else f"{each} ({number} of {len(names)})"
        results[each] = _made(each, title, out, quick)
        _write(out / f"{each}.json", json.dumps(results[each], indent=1, allow_nan=False) + "\n")
        if not as_json:
            output.table(COLUMNS, _cells(results[each]), title=f"{each}: {out / each}.json")
    if name == "all":
        pages = (as_markdown(each, result["rows"]) for each, result in results.items())
        _write(out / _TABLES, "\n".join(pages))
    for each in names:
        _parts_of(out, each).unlink(missing_ok=True)
    if as_json:
        output.document(results if name == "all" else results[name])


def _made(name: str, title: str, out: Path, quick: bool) -> Result:
    from crowdcharge.reproduce.parts import Parts
    from crowdcharge.simulation.sweep.jobs import code_digest

    made_by = f"{code_digest()[:16]}{' quick' if quick else ''}"
    with _clock(title) as report:
        parts = Parts(_parts_of(out, name), made_by, report)
        if parts.there:
            click.echo(f"{title}: goes on, {parts.there} parts are there", err=True)
        with writing(out), TemporaryDirectory(prefix=".figures-", dir=out) as scratch:
            made = figure(name)(Path(scratch), quick, parts)
            for each in sorted(Path(scratch).iterdir()):
                with result(out / each.name) as beside:
                    each.rename(beside)
            return made


def _write(path: Path, text: str) -> None:
    with result(path) as beside:
        beside.write_text(text, encoding="utf-8")


def _parts_of(out: Path, name: str) -> Path:
    return out / f"{name}.part"


@contextmanager
def _clock(title: str) -> Iterator[Callable[[int, int, float | None], None]]:
    """Show a bar on a terminal, else a line now and then: parts done, and about how long yet."""
    if sys.stderr.isatty():
        with output.progress(title) as update:
            yield lambda done, total, _left_s: update(done, total)
        return
    said_s = time.monotonic()

    def line(done: int, total: int, left_s: float | None) -> None:
        nonlocal said_s
        if time.monotonic() - said_s < _EVERY_s or done == total:
            return
        said_s = time.monotonic()
        left = "" if left_s is None else f", about {left_s:.0f} s left"
        click.echo(f"{title}: {done} of {total} parts{left}", err=True)

    yield line


def _cells(result: Result) -> list[list[str]]:
    return [[shown(each[column]) for column in COLUMNS] for each in result["rows"]]
