# SPDX-License-Identifier: MIT
"""Real processes: a kill, a copy of the file alone, a full and a read-only disk, two at once."""

import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crowdcharge.errors import InputError, WptError
from crowdcharge.files import write_whole
from crowdcharge.ledger import kinds
from crowdcharge.ledger.store import Store
from crowdcharge.ledger.verify import judge

from ..command import run_command

_WRITES = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from conftest import opening, settle, sign
from crowdcharge.errors import WptError
from crowdcharge.ledger import kinds
from crowdcharge.ledger.store import Store
from wptcore import wire
store = Store.create(Path(sys.argv[1]))
store.append([kinds.Run("p", 1, None)])
number = max(store.book.transfers, default=0)
last = {role: store.book.last_receipt.get((role, role)) for role in (1, 2)}
count_mJ = {role: receipt.odometer_mJ if receipt else 0 for role, receipt in last.items()}
most = int(sys.argv[3])
try:
    while True:
        if number == most:
            sys.stdin.read()
        number += 1
        store.append([opening(number)])
        count_mJ = {1: count_mJ[1] + 100, 2: count_mJ[2] + 60}
        settle(store, number, sign(1, number, wire.PTX, 100, odometer_mJ=count_mJ[1]),
               sign(2, number, wire.PRX, 60, odometer_mJ=count_mJ[2]))
        print(number, flush=True)
except WptError as error:
    sys.exit(f"crowdcharge: {error}")
"""


def writer(path, most=-1, **options):
    """Settle transfers and tell each; rest once there are `most`, or never (-1)."""
    command = [sys.executable, "-c", _WRITES, str(path), str(Path(__file__).parent), str(most)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(command, text=True, **pipes, **options)


def settled_in(path):
    """How many transfers a ledger has settled, once it has been verified."""
    with Store.read(path) as store:
        verdict = judge(store.rows(), {})
        assert [str(each) for each in verdict.findings if each.wrong] == []
        assert store.damage() is None
        return sum(each.state == "settled" for each in store.load().transfers.values())


def test_a_kill_at_any_instant_loses_nothing(tmp_path):
    """What a kill leaves are two files; a copy of both is as good as they are."""
    path, told = tmp_path / "ledger.sqlite", 0
    for kills, delay_s in enumerate((0.0, 0.003, 0.01, 0.02, 0.05)):
        running = writer(path)
        told = int(running.stdout.readline())
        time.sleep(delay_s)
        running.send_signal(signal.SIGKILL)
        more, _ = running.communicate()
        told = int(more.split()[-1]) if more.split() else told
        copies = tmp_path / str(kills)
        copies.mkdir()
        for each in tmp_path.glob(f"{path.name}*"):
            shutil.copy(each, copies)
        due = told - kills  # each kill before this one may have left one transfer open
        assert settled_in(copies / path.name) >= due
        assert settled_in(path) >= due
    with Store.create(path) as store:
        assert len(store.book.runs) == 5


def test_a_kill_between_settlements_leaves_all_of_them_in_the_file_alone(tmp_path):
    """Not in the middle of one: then the log mends what was being copied into the file."""
    path = tmp_path / "ledger.sqlite"
    running = writer(path, most=3)
    assert [int(running.stdout.readline()) for _ in range(3)] == [1, 2, 3]
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert settled_in(shutil.copy(path, tmp_path / "alone.sqlite")) == 3


def test_a_copy_of_a_running_ledger_has_what_was_settled(tmp_path, signed, open_row, settle_in):
    path = tmp_path / "ledger.sqlite"
    with Store.create(path) as store:
        store.append([kinds.Run("p", 1, None)])
        assert settled_in(shutil.copy(path, tmp_path / "empty.sqlite")) == 0
        store.append([open_row(5)])
        settle_in(store, 5, signed(1, 5, 1, 100), signed(2, 5, 2, 60))
        assert settled_in(shutil.copy(path, tmp_path / "alone.sqlite")) == 1


def test_a_backup_of_a_running_ledger_is_whole_and_replaces_nothing(
    tmp_path, ledger_file, open_row
):
    copy = tmp_path / "kept" / "copy.sqlite"
    copy.parent.mkdir()
    with Store.create(ledger_file) as store:
        store.append([open_row(9)])
        done = run_command("ledger", "backup", ledger_file, copy)
        assert done.returncode == 0, done.stderr
        count = len(list(store.rows()))
    again = run_command("ledger", "backup", ledger_file, copy)
    assert (again.returncode, "exists already" in again.stderr) == (2, True)
    assert [each.name for each in copy.parent.iterdir()] == ["copy.sqlite"]
    with Store.read(copy) as store:
        assert len(list(store.rows())) == count
        assert store.damage() is None


def limit_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))


def test_a_file_that_cannot_grow_is_one_line_and_keeps_what_it_has(tmp_path):
    path = tmp_path / "ledger.sqlite"
    running = writer(path, preexec_fn=limit_files)
    out, err = running.communicate()
    assert running.returncode == 1
    assert err.startswith("crowdcharge: ledger ") and err.count("\n") == 1, err
    assert settled_in(path) >= int(out.split()[-1])


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of 256 KiB, which only root may do."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_one_line_and_keeps_what_it_has(small_disk):
    path = small_disk / "ledger.sqlite"
    running = writer(path)
    out, err = running.communicate()
    assert running.returncode == 1
    assert "the disk is full" in err and err.count("\n") == 1, err
    assert settled_in(path) >= int(out.split()[-1])


def test_a_result_on_a_full_disk_leaves_the_old_one(small_disk):
    result = small_disk / "summary.json"
    write_whole(result, b"old")
    with pytest.raises(WptError, match="No space left on device"):
        write_whole(result, bytes(1_000_000))
    assert result.read_bytes() == b"old"
    assert [each.name for each in small_disk.iterdir()] == ["summary.json"]


def test_a_read_only_disk_is_read_and_a_writer_gets_one_line(small_disk, ledger_file):
    with Store.create(ledger_file) as store:
        store.append([kinds.Run("p", 1, None)])
        shutil.copy(ledger_file, small_disk)  # it still says that a write-ahead log belongs to it
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    path = small_disk / ledger_file.name
    assert settled_in(path) == 2
    with pytest.raises(InputError, match="Read-only file system"):
        Store.create(path)


def test_a_path_with_marks_of_its_own_is_that_file(tmp_path):
    names = ["a#b.sqlite", "a%41.sqlite", "a?b.sqlite"]
    for name in names:
        with Store.create(tmp_path / name) as store:
            store.append([kinds.Run("p", 1, None)])
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "a#b.sqlite",
        "a%41.sqlite",
        "a?b.sqlite",
    ]
