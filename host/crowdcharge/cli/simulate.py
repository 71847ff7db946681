# SPDX-License-Identifier: MIT
"""`crowdcharge simulate`: a crowd from a scenario file."""

from pathlib import Path
from typing import Any

import click

from crowdcharge.cli import output
from crowdcharge.cli.options import SEED, as_json, policy_options
from crowdcharge.errors import InputError
from crowdcharge.files import folder_for


@click.command()
@click.argument("scenario_file", metavar="SCENARIO.toml", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for tables and plots; of a sweep: the Parquet file.",
)
@click.option("--seed", type=SEED, help="Seed in place of the file's.")
@click.option(
    "--runs", type=click.IntRange(min=1), help="How many seeds, counting from the first."
)
@click.option("--policy", help="Policy in place of the file's, with default options.")
@policy_options
@as_json
@click.option(
    "--sweep",
    metavar="SWEEP.toml",
    type=click.Path(path_type=Path),
    help="Run it over a grid of its keys and over seeds; each run is a row of --out.",
)
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="A Dask scheduler for the sweep.")
@click.pass_context
def simulate(
    context: click.Context,
    scenario_file: Path,
    out: Path | None,
    seed: int | None,
    runs: int | None,
    policy: str | None,
    options: dict[str, Any],
    as_json: bool,
    sweep: Path | None,
    scheduler: str | None,
) -> None:
    """Simulate the crowd of SCENARIO.toml, and the same crowd without transfers."""
    from crowdcharge.simulation import study

    if sweep is not None:
        _refuse_for_sweeps(context)
        _sweep(scenario_file, sweep, out, scheduler)
        return
    if scheduler is not None:
        raise InputError("--scheduler is for a --sweep")

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


def _refuse_for_sweeps(context: click.Context) -> None:
    for option in ("seed", "runs", "policy", "options", "as_json"):
        if context.get_parameter_source(option) is not click.core.ParameterSource.DEFAULT:
            name = {"options": "option", "as_json": "json"}.get(option, option)
            raise InputError(f"--{name} does not go with --sweep: its file says what is run")


def _sweep(scenario_file: Path, sweep: Path, out: Path | None, scheduler: str | None) -> None:
    from crowdcharge.simulation.sweep import jobs_of, run_sweep

    if out is None or out.suffix != ".parquet" or out.is_dir():
        raise InputError("a sweep writes one table: give --out TABLE.parquet")
    jobs = jobs_of(scenario_file, sweep)
    seeds = len({job.seed for job in jobs})
    combinations = len(jobs) // seeds
    click.echo(f"{len(jobs)} runs: {combinations} combinations, {seeds} seeds each", err=True)
    with output.progress(sweep.name) as update:
        run_sweep(jobs, out, lambda done: update(done, len(jobs)), scheduler)
    output.say(f"wrote {out}: {len(jobs)} rows")
