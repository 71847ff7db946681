# SPDX-License-Identifier: MIT
"""A stopped figure goes on where it was, with the same result, and never with others' parts."""

import json
import signal
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.reproduce import FIGURES, figure
from crowdcharge.reproduce.parts import Parts
from crowdcharge.reproduce.rows import NOT_PRINTED, as_markdown, difference, row

from ..command import COMMAND

LIGHT = ("table1", "table2", "table3", "table4", "table5", "fig3", "fig6", "fig7", "lane-fig2",
         "lane-fig3", "lane-fig4", "lane-fig5", "charging-skip")  # fmt: skip
KILLED_AT_THE_FOURTH = """
import os, signal
from crowdcharge.cli import main
from crowdcharge.reproduce import phones

compute, keys = phones.week_of, []

def week_of(*key):
    keys.append(key)
    if len(keys) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return compute(*key)

phones.week_of = week_of
main()
"""


def test_a_stopped_figure_goes_on(tmp_path):
    file, computed = tmp_path / "fig.part", []

    def compute(key):
        computed.append(key)
        if len(computed) == 3:
            raise KeyboardInterrupt
        return [key, (1.5, None)]

    with pytest.raises(KeyboardInterrupt):
        Parts(file, "code").of(range(5), compute)
    with file.open("a") as torn:
        torn.write('{"made_by": "code", "part": "3", "val')
    again = Parts(file, "code")
    assert again.there == 2
    assert again.of(range(5), compute) == [[k, [1.5, None]] for k in range(5)]
    assert computed == [0, 1, 2, 2, 3, 4]


def test_parts_of_other_code_are_dropped(tmp_path):
    file = tmp_path / "fig.part"
    Parts(file, "old").of(["a"], lambda _: 1)
    assert Parts(file, "new").of(["a"], lambda _: 2) == [2]
    assert [json.loads(line)["made_by"] for line in file.read_text().splitlines()] == ["new"]


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.text(max_size=3)), max_size=12), st.integers(0, 12)
)
def test_what_is_kept_is_what_is_computed(tmp_path_factory, keys, before):
    file = tmp_path_factory.mktemp("parts") / "fig.part"
    Parts(file, "x").of(keys[:before], list)
    assert Parts(file, "x").of(keys, list) == [list(key) for key in keys]


def test_the_clock_counts_what_is_left():
    now_s, said = [0.0], []

    def compute(key):
        now_s[0] += 10
        return key

    parts = Parts(None, "", lambda *step: said.append(step), lambda: now_s[0])
    parts.of(range(4), compute)
    assert said == [(0, 4, None), (1, 4, 30), (2, 4, 20), (3, 4, 10), (4, 4, 0)]


@pytest.mark.parametrize(
    ("paper", "ours", "said"),
    [
        (59, 59, "none"),
        (26.4615, 26.46154, "none"),
        (40, 50, "+10 (+25.0 %)"),
        (-4, -5.0, "-1 (-25.0 %)"),
        (0, 0.5, "+0.5"),
        (True, True, "none"),
        ("over two", 73, "see why"),
    ],
)
def test_a_difference_is_said(paper, ours, said):
    assert difference(paper, ours) == said


def test_a_table_in_markdown_has_a_line_a_row():
    text = as_markdown("fig", [row("x", None, [1.23456, 2], 7, "because")])
    assert text.splitlines()[-1] == f"| x | {NOT_PRINTED} | 1.235 to 2 | - | 7 | because |"


@pytest.mark.parametrize("name", LIGHT)
def test_where_a_figure_differs_it_says_why(name, tmp_path):
    """Every figure has rows; CI draws the light ones, `reproduce all` shows the rest."""
    result = figure(name)(tmp_path, True, Parts())
    assert name in FIGURES
    assert result["rows"]
    json.dumps(result, allow_nan=False)
    for each in result["rows"]:
        assert each["draws"] >= 1
        small = each["difference"].endswith("%)") and abs(each["ours"] / each["paper"] - 1) < 0.01
        assert each["why"] or small or each["difference"] in {"none", "-"}, each


@pytest.mark.slow
def test_a_killed_command_goes_on_and_ends_the_same(tmp_path):
    """SIGKILL in the middle; then the numbers are byte for byte those of a run without it."""
    command = [*COMMAND, "reproduce"]
    arguments = ["charging-skip", "--quick", "--out"]
    start = [sys.executable, "-c", KILLED_AT_THE_FOURTH, "reproduce", *arguments]
    killed = subprocess.run([*start, str(tmp_path / "killed")], check=False)
    assert killed.returncode == -signal.SIGKILL
    left = (tmp_path / "killed" / "charging-skip.part").read_text().splitlines()
    assert len(left) == 3
    made = {}
    for folder in ("killed", "whole"):
        out = tmp_path / folder
        line = [*command, *arguments, str(out)]
        ran = subprocess.run(line, capture_output=True, text=True, check=True)
        assert (f"goes on, {len(left)} parts are there" in ran.stderr) == (folder == "killed")
        assert not list(out.glob("*.part"))
        made[folder] = (out / "charging-skip.json").read_bytes()
    assert made["killed"] == made["whole"]
