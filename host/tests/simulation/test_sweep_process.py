# SPDX-License-Identifier: MIT
"""`simulate --sweep` as a process: a kill of a worker or of it changes no table."""

import json
import subprocess
import sys
import time

import psutil
import pytest
from click.testing import CliRunner

from crowdcharge.cli.simulate import simulate
from crowdcharge.errors import InputError
from crowdcharge.simulation.sweep.finished import part_of
from crowdcharge.simulation.sweep.jobs import jobs_of

from ..command import COMMAND
from .test_sweep import table

SCENARIO = """
duration_s = 20000
[crowd]
n = 30
load_W = [0, 0.001]
[contacts]
random = 5
"""
SWEEP = "seeds = 4\n[vary]\nlink.efficiency = [0.5, 0.7, 0.9]\n"
SERVER = """
import sys
from distributed import LocalCluster
with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
    print(cluster.scheduler_address, flush=True)
    sys.stdin.read()
"""


class Sweep:
    """A sweep of 12 small runs, and what its table must be: made in this process."""

    def __init__(self, folder):
        self.folder, self.table = folder, folder / "t.parquet"
        (folder / "s.toml").write_text(SCENARIO)
        (folder / "w.toml").write_text(SWEEP)
        self.part = part_of(self.table)
        self.jobs = jobs_of(folder / "s.toml", folder / "w.toml")
        self.figures = {job.key: job.figures() for job in self.jobs}

    def expected(self, figures):
        """Return the bytes of the table; `figures` by key take the place of some runs'."""
        table(self.folder / "expected.parquet", self.jobs, self.figures | figures)
        return (self.folder / "expected.parquet").read_bytes()

    def started(self, *arguments):
        command = [*COMMAND, "simulate", "s.toml", "--sweep", "w.toml"]
        return subprocess.Popen(
            [*command, "--out", "t.parquet", *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def lines(self):
        return self.part.read_text().splitlines() if self.part.exists() else []

    def wait_for(self, count, process):
        while len(self.lines()) < count:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    return Sweep(tmp_path_factory.mktemp("sweep"))


def workers_of(process):
    children = psutil.Process(process.pid).children(recursive=True)
    return [each for each in children if "spawn_main" in " ".join(each.cmdline())]


@pytest.mark.slow
def test_a_killed_sweep_goes_on_and_a_killed_worker_changes_nothing(sweep):
    process = sweep.started()
    sweep.wait_for(2, process)
    process.kill()
    process.communicate(timeout=100)
    kept = [json.loads(line) for line in sweep.lines()]
    assert 2 <= len(kept) < 12
    assert not sweep.table.exists()
    kept[0]["figures"]["transfers"] = -1  # shows that this run is not done again
    sweep.part.write_text("".join(f"{json.dumps(each)}\n" for each in kept))
    process = sweep.started()
    sweep.wait_for(len(kept) + 1, process)
    workers_of(process)[0].kill()
    out, err = process.communicate(timeout=100)
    assert (process.returncode, out) == (0, "wrote t.parquet: 12 rows\n"), err
    assert err == "12 runs: 3 combinations, 4 seeds each\n"
    assert not sweep.part.exists()
    assert sweep.table.read_bytes() == sweep.expected({kept[0]["key"]: kept[0]["figures"]})


@pytest.mark.slow
def test_a_scheduler_that_is_there(sweep):
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        process = sweep.started("--scheduler", server.stdout.readline().strip())
        _, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
        server.communicate(timeout=30)
    assert sweep.table.read_bytes() == sweep.expected({})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--out", "folder"), "give --out TABLE.parquet"),
        (("--out", "t.parquet", "--seed", "3"), "--seed does not go with --sweep"),
        (("--out", "t.parquet", "--option", "a=1"), "--option does not go with --sweep"),
        (("--out", "t.parquet", "--json"), "--json does not go with --sweep"),
    ],
)
def test_a_mistake_is_one_line(sweep, arguments, said):
    files = [str(sweep.folder / "s.toml"), "--sweep", str(sweep.folder / "w.toml")]
    with pytest.raises(InputError, match=said):
        CliRunner().invoke(simulate, [*files, *arguments], catch_exceptions=False)


def test_no_scheduler_is_one_line(sweep):
    process = sweep.started("--scheduler", "nonsense://x")
    out, err = process.communicate(timeout=100)
    assert (process.returncode, out) == (2, "")
    assert "--scheduler nonsense://x: no Dask scheduler answers" in err.splitlines()[1]
    assert len(err.splitlines()) == 2
