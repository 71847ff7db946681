# SPDX-License-Identifier: MIT
"""A bench's run replaces its own results, and nothing that anybody else made."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crowdcharge.boards import keys as key_file
from crowdcharge.errors import InputError
from crowdcharge.ledger import kinds
from crowdcharge.ledger.store import Store
from crowdcharge.orchestrator.own_folder import own_folder
from crowdcharge.orchestrator.run_folder import KEYS, LEDGER, SUMMARY, RunFolder

from ..command import run_command

DEMO = "crowdcharge demo"
RUN = kinds.Run("online-average", 1, "vm")
KEY = bytes(range(32))


def demo(out, made_by=DEMO, results=True):
    """Do to its folder what a demo does, without boards."""
    with own_folder(out, made_by) as folder:
        folder.put(KEYS, key_file.document({1: KEY}), mode=0o600)
        with folder.recording(RUN) as store:
            assert len(store.book.runs) == 1
        if results:
            folder.write(SUMMARY, {"a": 1})


def content(folder):
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def refused(out, made_by=DEMO):
    before = content(out)
    with pytest.raises(InputError) as error:
        demo(out, made_by)
    assert content(out) == before
    assert str(error.value).endswith(f"name another folder: --out {out}-2")
    return str(error.value)


def test_a_second_demo_replaces_the_first_and_keeps_what_lies_beside(tmp_path):
    out = tmp_path / "out"
    demo(out)
    (out / "notes.txt").write_text("mine")
    demo(out)
    assert (out / "notes.txt").read_text() == "mine"
    assert sorted(content(out)) == [".crowdcharge.json", KEYS, LEDGER, "notes.txt", SUMMARY]
    assert (out / KEYS).stat().st_mode & 0o777 == 0o600


def test_a_demo_that_was_killed_is_replaced(tmp_path):
    demo(tmp_path / "out", results=False)
    demo(tmp_path / "out")


@pytest.mark.parametrize("name", [LEDGER, f"{LEDGER}-wal", KEYS, SUMMARY, "notes.txt"])
def test_a_folder_without_the_marker_is_refused(tmp_path, name):
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("mine")
    assert f"holds what {DEMO} did not make ({name})" in refused(out)


def test_the_folder_of_another_command_is_refused(tmp_path):
    demo(tmp_path / "out")
    refused(tmp_path / "out", "crowdcharge trade --bench")


def test_a_real_run_in_the_folder_of_a_demo_is_refused(tmp_path):
    out = tmp_path / "out"
    demo(out)
    with RunFolder(out).recording(kinds.Run("p", 1, None, 1_790_000_000)):
        pass
    assert "holds a ledger that" in refused(out)


def test_another_ledger_put_in_its_place_is_refused(tmp_path):
    out = tmp_path / "out"
    demo(out)
    (out / LEDGER).unlink()
    with Store.create(out / LEDGER) as store:
        store.append([kinds.Run("p", 1, None, 1_790_000_000)])
    refused(out)


def test_a_real_key_in_the_keys_of_a_demo_is_refused(tmp_path):
    out = tmp_path / "out"
    demo(out)
    key_file.reserve(out / KEYS, 9, KEY, "none")
    key_file.confirm(out / KEYS, 9, KEY)
    assert "holds keys.toml, which was changed after" in refused(out)


def test_a_marker_that_is_no_marker_is_refused(tmp_path):
    demo(tmp_path / "out")
    (tmp_path / "out" / ".crowdcharge.json").write_text("[")
    refused(tmp_path / "out")


def test_a_second_demo_at_once_is_refused_and_the_first_goes_on(tmp_path):
    out = tmp_path / "out"
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from crowdcharge.orchestrator.own_folder import own_folder\n"
        "with own_folder(Path(sys.argv[1]), sys.argv[2]):\n    print(1, flush=True); input()\n"
    )
    command = [sys.executable, "-c", code, str(out), DEMO]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as first:
        first.stdout.readline()
        with pytest.raises(InputError, match=f"in use by another process .process {first.pid}."):
            demo(out)
        first.communicate(b"\n")
        assert first.returncode == 0
    demo(out)


def test_a_run_keeps_results_that_are_not_its_own(tmp_path):
    """An older version's, or a person's: they get another name, and the run is not lost."""
    (tmp_path / SUMMARY).write_text("mine")
    folder = RunFolder(tmp_path)
    folder.write(SUMMARY, {"a": 1})
    folder.write(SUMMARY, {"a": 2})
    assert (tmp_path / f"{SUMMARY}.kept-1").read_text() == "mine"
    assert sorted(content(tmp_path)) == [".crowdcharge.json", SUMMARY, f"{SUMMARY}.kept-1"]


SCENARIO = Path(__file__).parents[3] / "docs" / "examples" / "scenario.toml"


@pytest.mark.parametrize("command", [("demo",), ("trade", "--bench", "3"), ("run", "three.toml")])
def test_a_command_refuses_a_real_folder_with_one_line_and_touches_nothing(tmp_path, command):
    out = tmp_path / "out"
    out.mkdir()
    key_file.save(out / KEYS, {7: KEY})
    with Store.create(out / LEDGER) as store:
        store.append([kinds.Run("p", 1, None, 1_790_000_000)])
    shutil.copy(SCENARIO, tmp_path / "three.toml")
    before = content(out)
    done = run_command(*command, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert "name another folder: --out out-2" in done.stderr
    assert content(out) == before
