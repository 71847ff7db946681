# SPDX-License-Identifier: MIT
"""`crowdcharge reproduce`: a published figure or table from our own code."""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, TaskID

from crowdcharge.cli import options
from crowdcharge.reproduce import FIGURES, figure
from crowdcharge.text_files import folder_for, replaced

_READABLE = 400  # characters of one result on a screen


@click.command(
    help="Reproduce FIG; plots and numbers go to the --out folder.\n\n"
    f"FIG is one of: all, {', '.join(FIGURES)}."
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
    screen = Console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as bars:
        for each in names:
            task = bars.add_task(each, total=None)

            def progress(done: int, total: int, task: TaskID = task) -> None:
                bars.update(task, completed=done, total=total)

            results[each] = figure(each)(out, quick, progress)
            bars.remove_task(task)
            with replaced(out / f"{each}.json") as beside:
                beside.write_text(json.dumps(results[each], indent=1, allow_nan=False) + "\n")
    if as_json:
        click.echo(json.dumps(results if name == "all" else results[name], allow_nan=False))
        return
    for each, result in results.items():
        file = out / f"{each}.json"
        click.echo(f"{each}: numbers in {file}, any plots beside it")
        for key, value in result.items():
            text = json.dumps(value)
            click.echo(f"  {key}: {text if len(text) <= _READABLE else f'see {file}'}")
