# SPDX-License-Identifier: MIT
"""The command as a process: one document, or one line and exit code 2."""

import json
import os
import subprocess

import pytest

from ..command import run_command

TWO = """
duration_s = 100
[[boards]]
id = 1
soc_pct = 90
[[boards]]
id = 2
soc_pct = 30
[contacts]
list = [[1, 2, 0, 200]]
"""


def simulated(tmp_path, text, *arguments):
    path = tmp_path / "s.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return run_command("simulate", path, *arguments)


@pytest.mark.parametrize(
    "more", ["", '[policy]\nname = "plan"\n[link]\npower_W = 0.5\n'], ids=["online", "planner"]
)
def test_one_document_on_standard_output(tmp_path, more):
    text = TWO.replace("list = [[1, 2, 0, 200]]", "slot_s = 20\ncycle = [[[1, 2]], []]")
    made = simulated(tmp_path, text + more, "--json", "--out", tmp_path / "out")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["runs"][0]["transfers"] > 0
    assert not [path for path in (tmp_path / "out").iterdir() if ".new" in path.name]


def test_options_change_those_of_the_file_and_go_with_another_policy(tmp_path):
    """Without --policy the file's other options stay; with it they are not the new policy's."""
    text = TWO + '[policy]\nname = "small-transfer"\nquantum_J = 0.5\n'

    def transferred(*arguments):
        made = simulated(tmp_path, text, "--json", *arguments)
        assert made.returncode == 0, made.stderr
        return json.loads(made.stdout)["runs"][0]["sent_J"]

    assert transferred("--option", "quantum_J=2") > transferred() > 0
    assert transferred("--policy", "loss-aware", "--option", "beta=0.1") > 0


def test_what_was_read_is_printed(tmp_path):
    (tmp_path / "t.csv").write_text("\ufeffwer;mit;wann\r\nann;bob;0,5\r\nbob;cy;60\r\n", "utf-8")
    text = (
        '[crowd]\nn = 3\n[contacts]\ntrace = "t.csv"\nformat = "edges"\nlasts_s = 20\n'
        'columns = { a = "wer", b = "mit", start = "wann" }\n'
    )
    document = json.loads(simulated(tmp_path, text, "--json").stdout)
    assert document["trace"]["names"] == {"0": "ann", "1": "bob", "2": "cy"}
    made = simulated(tmp_path, text)
    assert (
        "3 nodes, 2 contacts of 20 s on average, over 79.5 s (from 0.5 s to 80 s)" in made.stdout
    )


FULL = "/dev/full"


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        (TWO + "x = 1\n", [], "contacts.x: unknown key"),
        ("duration_s = 1e308\n" + TWO.replace("duration_s = 100\n", ""), [], "line 1: duration_s"),
        (TWO.encode() + b"# \xe4\n", [], "not UTF-8 text"),
        (b"\x1f\x8b\x08" + TWO.encode(), [], "this looks like a gzip archive"),
        (TWO, ["--runs", "1000000000"], "runs: asks for about"),
        (TWO, ["--seed", "9" * 30], "seed"),
        (TWO, ["--policy", "greedy"], "greedy"),
        (TWO, ["--policy", "small-transfer", "--option", "quanta=1"], "no option quanta"),
        (TWO, ["--option", "beta=0.1", "--runs", "2"], "online-average has no option beta"),
        (TWO, ["--out", "/dev/null/out"], "cannot use --out"),
        ("a = " + "[" * 50_000, [], "nested"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, text, arguments, said):
    made = simulated(tmp_path, text, "--json", *arguments)
    assert (made.returncode, made.stdout) == (2, "")
    assert made.stderr.count("\n") == 1
    assert said in made.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(out)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("no mount here")
    try:
        (out / "samples.csv").write_text("before\n")
        made = simulated(tmp_path, TWO.replace("= 100", "= 100\nsample_s = 0.01"), "--out", out)
        assert made.returncode == 1
        assert made.stderr.count("\n") == 1
        assert "cannot write" in made.stderr
        assert (out / "samples.csv").read_text() == "before\n"
    finally:
        subprocess.run(["umount", str(out)], check=True)
