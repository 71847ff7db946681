# SPDX-License-Identifier: MIT
"""`crowdcharge simulate`: a crowd from a scenario file."""

from pathlib import Path
from typing import Any

import click

from crowdcharge.cli import output
from crowdcharge.cli.options import policy_options
from crowdcharge.files import folder_for


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
    with output.progress(scenario.name) as update:
        document = study.run_study(
            scenario, scenario_file.parent, out, lambda done: update(done, 1.0)
        )
    if as_json:
        output.document(document)
    else:
        click.echo(study.text_of(document))
