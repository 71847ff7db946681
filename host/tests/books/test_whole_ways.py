# SPDX-License-Identifier: MIT
"""Ledgers by URL through whole commands, and through kills of the process that writes."""

import random
import signal
import subprocess
import sys
import time

import pytest

from crowdcharge.cli.check import check
from crowdcharge.cli.serve import _file_of
from crowdcharge.errors import InputError, LedgerAway
from crowdcharge.flash.steady import steady_pairs
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import judge
from crowdcharge.orchestrator import config
from crowdcharge.orchestrator.run_folder import LEDGER

from ..ledger.conftest import fill, opening
from .cluster import PASSWORD, free_port, rows_in

pytestmark = pytest.mark.program("initdb", "postgresql")

_WRITES = """
import sys
from pathlib import Path
from crowdcharge.ledger import forwarder, kinds
from crowdcharge.ledger.place import BooksUrl
from crowdcharge.orchestrator.run_folder import LEDGER, RunFolder
forwarder._POLL_s = 0.001
folder = Path(sys.argv[1])
forwarder = forwarder.Forwarder(folder / LEDGER, BooksUrl(sys.argv[2]), print)
with RunFolder(folder).recording(kinds.Run("p", 1, None), forwarder) as store:
    print("begun", flush=True)
    while True:
        store.append([kinds.Reading(1, 1, None, 0, 0, 9, store.book.rows)])
"""


def test_a_host_that_is_killed_again_and_again_loses_and_doubles_nothing(
    tmp_path, cluster, database, books
):
    rng = random.Random(17)
    behind = 0
    for _ in range(4):
        command = [sys.executable, "-c", _WRITES, tmp_path, cluster.text(database, "north")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as host:
            assert host.stdout.readline() == "begun\n"
            time.sleep(rng.uniform(0.05, 0.4))
            host.send_signal(signal.SIGKILL)
        file, database_rows = rows_in(tmp_path / LEDGER), rows_in(books)
        assert database_rows == file[: len(database_rows)]
        behind += len(file) - len(database_rows)
        free = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        while cluster.sql(free) != [[0]]:  # until the server has noticed
            time.sleep(0.02)
    assert behind
    with Store.read(tmp_path / LEDGER) as spool, Store.create(books) as store:
        assert store.waits_in(tmp_path / LEDGER) == store.catch_up(spool)
        assert list(store.rows()) == list(spool.rows())
        assert len(store.load().runs) == 4 and not judge(store.rows(), {}).is_wrong


@pytest.mark.parametrize(
    "site", ["n\N{LATIN SMALL LETTER O WITH DIAERESIS}rd", "a b&c=d/e?f#'\"%s:x", ".."]
)
def test_a_site_may_have_any_name(cluster, database, site):
    url = cluster.url(database, "").of_site(site)
    with Store.create(url) as store:
        fill(store)
    expected = rows_in(url)
    with _file_of(url) as path:
        assert rows_in(path) == expected
    assert not path.exists()
    assert steady_pairs(url, 1) == []


RUN = """
[run]
policy = "online-average"
keys = "keys.toml"
out = "out"
site = "north"
ledger = "{url}"
[contacts]
source = "ping"
"""


def test_the_check_of_a_run_asks_its_database_also_while_a_run_writes(
    tmp_path, cluster, database, books
):
    keys = tmp_path / "keys.toml"
    keys.write_text(f'[keys]\n1 = "{"01" * 32}"\n')
    keys.chmod(0o600)
    text = RUN.format(url=cluster.text(database))
    loaded = config.parse(text, tmp_path / "run.toml")
    with Store.create(books) as store:
        fill(store)
        found = check(loaded)[-1]
        assert found == f"database  {books}, {len(list(store.rows()))} rows"
    (tmp_path / "out").mkdir()
    with Store.create(tmp_path / "out" / LEDGER) as store:
        with Store.read(books) as source:
            store.catch_up(source)
        store.append([opening(40)])
    assert check(loaded)[-1].endswith(" rows; in the file alone: 1")
    away = config.parse(text.replace(f":{cluster.port}/", f":{free_port()}/"), tmp_path / "r.toml")
    assert check(away)[-1].endswith("does not answer; rows would wait in the file")
    (tmp_path / "out" / LEDGER).unlink()
    with pytest.raises(LedgerAway):
        check(away)
    wrong = config.parse(text.replace("s3cret", "wr0ng"), tmp_path / "run.toml")
    with pytest.raises(InputError, match="wrong or missing") as caught:
        check(wrong)
    assert PASSWORD not in str(caught.value)
