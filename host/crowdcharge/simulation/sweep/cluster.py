# SPDX-License-Identifier: MIT
"""Have runs done by Dask: by processes of this machine, or by a scheduler that is already there.

A run whose worker dies is done again by another one, and comes out the same.
"""

import logging
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import Any

from crowdcharge.errors import InputError, WptError
from crowdcharge.simulation.sweep.jobs import Figures, Job
from crowdcharge.simulation.workers import deaf

_ANSWER_s = 10
_WORKERS_s = 60
_AHEAD = 256  # runs that the scheduler knows of at a time: a job carries its scenario's text


def done_by(client: Any, jobs: Iterable[Job]) -> Iterator[tuple[Job, Figures]]:
    """Yield the runs as they are finished, in no order. The first error of a run ends it."""
    from distributed import KilledWorker, as_completed  # noqa: PLC0415 - an extra

    waiting = iter(jobs)
    running = {}

    def begin(count: int) -> list[Any]:
        begun = []
        for job in islice(waiting, count):
            future = client.submit(Job.figures, job, key=f"run-{job.key}", pure=False)
            running[future.key] = job
            begun.append(future)
        return begun

    completed = as_completed(begin(_AHEAD))
    try:
        for future in completed:
            job = running.pop(future.key)
            yield job, future.result()
            completed.update(begin(1))
    except KilledWorker:
        raise WptError(f"{job}: this run killed every worker that tried it") from None
    except CancelledError:
        raise WptError("the Dask scheduler was lost; what is finished is kept") from None


@contextmanager
def client_of(scheduler: str | None, workers: int | None = None) -> Iterator[Any]:
    """Connect to a scheduler, or start `workers` processes here, one for each core by default."""
    from distributed import Client  # noqa: PLC0415

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is an exception
    if scheduler is not None:
        with _connected(scheduler) as client:
            yield client
        return
    with ExitStack() as started:
        with deaf():
            cluster = started.enter_context(_local(workers or len(os.sched_getaffinity(0))))
            client = started.enter_context(Client(cluster))
        yield client


def _local(workers: int) -> Any:
    import dask  # noqa: PLC0415
    from distributed import LocalCluster  # noqa: PLC0415

    # Dask's profiler looks at every worker 100 times a second, an eighth of its time.
    with dask.config.set({"distributed.worker.profile.enabled": False}):
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",  # its usual port may be taken
            security=True,  # on a shared machine nobody else may give orders
            silence_logs=logging.CRITICAL,
        )


def _connected(address: str) -> Any:
    from distributed import Client  # noqa: PLC0415

    try:
        client = Client(address, timeout=_ANSWER_s)
    except (OSError, ValueError) as error:
        raise InputError(f"--scheduler {address}: no Dask scheduler answers: {error}") from None
    try:
        client.wait_for_workers(1, timeout=_WORKERS_s)
    except TimeoutError:
        client.close()
        raise InputError(f"--scheduler {address}: it has no workers") from None
    return client
