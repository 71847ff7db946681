# SPDX-License-Identifier: MIT
"""`crowdcharge skip` on a user's own days: what it reads, what it plans, what it refuses."""

import itertools
import json
import subprocess
from pathlib import Path

import pytest

from crowdcharge.errors import InputError
from crowdcharge.policy.charging_skip import Cord, PlannedMeeting
from crowdcharge.simulation.days import read_days

from ..command import run_command

ROOT = Path(__file__).parents[3]
HEAD = "time,event,user,before_pct,after_pct,minutes\n"
DAYS = (ROOT / "docs" / "examples" / "days.csv").read_text(encoding="utf-8")


def skip(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command("skip", *arguments)


def test_use_between_known_levels_adds_up() -> None:
    days = read_days(DAYS, "days.csv", 0.5)
    assert days.users == ("ann", "ben")
    assert days.start == (90, 55)
    used = [sum(event.use[user] for event in days.events) for user in (0, 1)]
    assert used == [(90 - 60) + (95 - 65) + (95 - 55), (55 - 25) + (60 - 30) + (90 - 50)]
    meetings = [each for each in days.events if isinstance(each, PlannedMeeting)]
    assert [each.most for each in meetings] == [20, 22, 15]


def test_the_plan_keeps_every_level_and_counts_what_it_skips(tmp_path: Path) -> None:
    """Replay the choices with our own arithmetic: nobody falls below the least level."""
    path = tmp_path / "days.csv"
    path.write_text(DAYS, encoding="utf-8")
    plan = json.loads(skip(str(path), "--least", "15", "--json").stdout)
    days = read_days(DAYS, "days.csv", 0.5)
    levels, skipped = list(days.start), [0, 0]
    for event, chosen in zip(days.events, plan["choices"], strict=True):
        levels = [level - use for level, use in zip(levels, event.use, strict=True)]
        choice = chosen["choice"]
        if choice == "keep":
            assert isinstance(event, Cord)
            levels[event.user] = min(levels[event.user] + event.gain, 100)
        elif choice == "skip":
            assert isinstance(event, Cord)
            skipped[event.user] += 1
        elif choice != "nothing":
            giver, _, taker, amount, _ = choice.split()
            at = days.users.index(giver)
            assert taker == days.users[1 - at]
            levels[at] -= int(amount)
            levels[1 - at] += int(0.8 * int(amount) + 1e-9)
        assert min(levels) >= 15
    assert skipped == plan["skipped"]
    assert sum(skipped) >= 1


def test_what_needs_no_meeting_is_counted_apart(tmp_path: Path) -> None:
    """The same days with meetings of no length, planned by themselves."""
    path, apart = tmp_path / "days.csv", tmp_path / "apart.csv"
    path.write_text(DAYS, encoding="utf-8")
    rows = [line.rsplit(",", 1) for line in DAYS.splitlines()]
    short = [f"{row[0]},{'0' if ',meeting,' in row[0] else row[1]}" for row in rows]
    apart.write_text("\n".join(short), encoding="utf-8")
    both = json.loads(skip(str(path), "--json").stdout)
    alone = json.loads(skip(str(apart), "--json").stdout)
    assert alone["skipped"] == alone["skipped_without_meetings"]
    assert both["skipped_without_meetings"] == alone["skipped"]
    assert sum(both["skipped"]) > sum(alone["skipped"])


def test_the_table_says_whose_session_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "days.csv"
    path.write_text(DAYS, encoding="utf-8")
    owners = {
        each["line"]: each["user"]
        for each in json.loads(skip(str(path), "--json").stdout)["choices"]
    }
    for number, row in enumerate(DAYS.splitlines()[1:], 2):
        _, event, user, *_ = row.split(",")
        assert event == "level" or owners[number] == (user or None)
    told = skip(str(path)).stdout
    assert "ann skips the cord session" in told
    assert "ben keeps the cord session" in told


def test_only_a_meeting_keeps_a_level_up(tmp_path: Path) -> None:
    path = tmp_path / "days.csv"
    rows = "0,level,a,30,,\n0,level,b,90,,\n9,meeting,,,,60\n60,level,a,0,,\n"
    path.write_text(f"{HEAD}{rows}60,cord,b,80,90,\n99,cord,a,0,50,\n", encoding="utf-8")
    assert json.loads(skip(str(path), "--json").stdout)["skipped_without_meetings"] is None
    assert "without meetings all sessions would be too few" in skip(str(path)).stdout


def test_order_of_columns_and_separators_do_not_matter() -> None:
    rows = [line.split(",") for line in DAYS.splitlines()]
    turned = "\r\n".join(";".join(reversed(row)) for row in rows)
    first = read_days(DAYS, "x", 0.5)
    again = read_days(turned.replace("before_pct;", "before_pct;"), "x", 0.5)
    assert (again.events, again.start) == (first.events, first.start)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("1,cord,a,10,20,\n2,cord,b,10,20,\n3,nap,a,1,2,", 'line 4: "nap" is not one of'),
        ("1,cord,a,10,200,", "line 2: after_pct must be 0 to 100"),
        ("1,cord,a,10,20,", "rows of two users are needed, not of 1"),
        ("1,meeting,,,,-4", "line 2: minutes must be 0 or more"),
        ("soon,cord,a,10,20,", 'line 2: "soon" is not a number'),
        ("", "has no events"),
    ],
)
def test_bad_rows_are_named(rows: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        read_days(HEAD + rows, "days.csv", 0.5)


def test_bad_input_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    path = tmp_path / "days.csv"
    path.write_text(DAYS, encoding="utf-8")
    bad = [
        [str(tmp_path / "none.csv")],
        [str(path), "--selfish", "carl"],
        [str(path), "--least", "90"],
        [str(path), "--beta", "1.5"],
    ]
    for arguments in bad:
        ran = skip(*arguments)
        assert (ran.returncode, ran.stderr.count("\n"), ran.stdout) == (2, 1, "")


def test_a_selfish_user_skips_alone(tmp_path: Path) -> None:
    path = tmp_path / "days.csv"
    path.write_text(DAYS, encoding="utf-8")
    both = json.loads(skip(str(path), "--json").stdout)["skipped"]
    for at, user in enumerate(("ann", "ben")):
        alone = json.loads(skip(str(path), "--selfish", user, "--json").stdout)["skipped"]
        assert alone[1 - at] == 0
        assert alone[at] >= both[at] or sum(both) >= alone[at]
    assert list(itertools.accumulate(both))[-1] >= 1


def test_a_meeting_without_end_moves_no_more_than_a_capacity() -> None:
    for minutes in ("200", "1e9", "1e99"):
        days = read_days(
            DAYS.replace("12:10,meeting,,,,40", f"12:10,meeting,,,,{minutes}"), "x", 100
        )
        assert max(each.most for each in days.events if isinstance(each, PlannedMeeting)) == 100
