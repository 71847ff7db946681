# SPDX-License-Identifier: MIT
"""`crowdcharge reproduce`: a published figure or table from our own code."""

import json
from pathlib import Path

import click

from crowdcharge.cli import options, output
from crowdcharge.files import folder_for, write_whole
from crowdcharge.reproduce import FIGURES, figure

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
    for each in names:
        with output.progress(each) as update:
            results[each] = figure(each)(out, quick, update)
        text = json.dumps(results[each], indent=1, allow_nan=False) + "\n"
        write_whole(out / f"{each}.json", text.encode())
    if as_json:
        output.document(results if name == "all" else results[name])
        return
    for each, result in results.items():
        file = out / f"{each}.json"
        click.echo(f"{each}: numbers in {file}, any plots beside it")
        for key, value in result.items():
            text = json.dumps(value)
            click.echo(f"  {key}: {text if len(text) <= _READABLE else f'see {file}'}")
