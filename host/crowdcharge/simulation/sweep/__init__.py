# SPDX-License-Identifier: MIT
"""A scenario over a grid of its own keys and over seeds, each run a row of one Parquet table.

grid.py reads the sweep's file, jobs.py makes runs of it, cluster.py has them done, finished.py
keeps what is done, columns.py makes the table.
"""

from collections.abc import Callable
from pathlib import Path

from crowdcharge.files.arrow import write_parquet
from crowdcharge.simulation.sweep import cluster, finished
from crowdcharge.simulation.sweep.columns import table_of
from crowdcharge.simulation.sweep.jobs import Job, jobs_of

__all__ = ["Job", "jobs_of", "run_sweep"]


def run_sweep(
    jobs: list[Job],
    table: Path,
    progress: Callable[[int], None],
    scheduler: str | None = None,
    workers: int | None = None,
) -> None:
    """Do what is not finished yet, then write the table; `progress` hears how many are finished.

    The table has the same bytes whoever did the runs, in whatever order.
    """
    import pyarrow  # noqa: F401, PLC0415 - if it is missing, better now than after hours

    with finished.opened(table) as kept:
        left = [job for job in jobs if job.key not in kept.figures]
        progress(len(jobs) - len(left))
        if left:
            with cluster.client_of(scheduler, workers) as client:
                for count, (job, figures) in enumerate(cluster.done_by(client, left), 1):
                    kept.keep(job, figures)
                    progress(len(jobs) - len(left) + count)
        columns, rows = table_of(
            [job.changes for job in jobs],
            [job.seed for job in jobs],
            [kept.figures[job.key] for job in jobs],
        )
        write_parquet(table, columns, rows)
        finished.part_of(table).unlink()
