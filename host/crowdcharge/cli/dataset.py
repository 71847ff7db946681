# SPDX-License-Identifier: MIT
"""`crowdcharge dataset`: sessions of the portable core in virtual time, as tables with a card."""

import importlib
from pathlib import Path
from typing import Any

import click

from crowdcharge import __version__
from crowdcharge.cli import options, output

_SESSIONS_MAX = 100_000


@click.command()
@click.argument("out", metavar="OUT_DIR", type=click.Path(path_type=Path))
@click.option("--seed", type=options.SEED, default=1, show_default=True,
              help="The same seed gives the same bytes.")  # fmt: skip
@click.option("--sessions", type=click.IntRange(1, _SESSIONS_MAX), default=1000,
              show_default=True, help="How many; about a second each on one core.")  # fmt: skip
@click.option("--format", "kind", type=click.Choice(["parquet", "csv"]), default="parquet",
              show_default=True, help="parquet needs the extra 'data'.")  # fmt: skip
def dataset(out: Path, seed: int, sessions: int, kind: Any) -> None:
    """Write a data set of charging sessions with both meters, faults and the truth."""
    data_set = importlib.import_module("crowdcharge.bench.sessions.data_set")
    wanted = data_set.DataSet(seed, sessions, kind, __version__)
    with output.progress("sessions") as update:
        paths = wanted.write(out, lambda done: update(done, sessions))
    output.say(f"wrote {sessions} sessions: {', '.join(map(str, paths))}")
