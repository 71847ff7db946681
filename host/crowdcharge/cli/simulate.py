# SPDX-License-Identifier: MIT
"""`crowdcharge simulate`: a crowd from a scenario file."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from crowdcharge.cli.options import policy_options
from crowdcharge.errors import InputError
from crowdcharge.text_files import folder_for


@click.command()
@click.argument("scenario_file", metavar="SCENARIO.toml", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder for tables and plots.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Seed in place of the file's.")
@click.option(
    "--runs", type=click.IntRange(min=1), help="How many seeds, counting from the first."
)
@click.option("--policy", help="Policy in place of the file's, with default options.")
@policy_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def simulate(
    scenario_file: Path,
    out: Path | None,
    seed: int | None,
    runs: int | None,
    policy: str | None,
    options: dict[str, Any],
    as_json: bool,
) -> None:
    """Simulate the crowd of SCENARIO.toml, and the same crowd without transfers."""
    try:
        text = run(scenario_file, out, seed, runs, policy, options, as_json)
    except ModuleNotFoundError as error:
        hint = "pip install 'crowdcharge[crowd]'"
        raise InputError(f"this needs the package {error.name}: {hint}") from None
    click.echo(text)


def run(
    scenario_file: Path,
    out: Path | None,
    seed: int | None,
    runs: int | None,
    policy: str | None,
    options: dict[str, Any],
    as_json: bool,
) -> str:
    from crowdcharge.simulation import study

    scenario = study.load(scenario_file)
    values: dict[str, Any] = {"seed": seed, "runs": runs, "policy": policy}
    given = {key: value for key, value in values.items() if value is not None}
    if policy is not None:
        given["policy_options"] = {}
    if options:
        given["policy_options"] = given.get("policy_options", scenario.policy_options) | options
    scenario = study.changed(scenario, **given)
    if out is not None:
        folder_for(out)
    screen = Console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as bars:
        task = bars.add_task(scenario.name, total=1.0)
        document = study.run_study(
            scenario,
            scenario_file.parent,
            out,
            lambda done: bars.update(task, completed=done),
        )
    return json.dumps(document, allow_nan=False) if as_json else study.text_of(document)
