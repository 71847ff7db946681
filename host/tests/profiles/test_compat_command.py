# SPDX-License-Identifier: MIT
"""`crowdcharge compat` as its user runs it."""

import json
import subprocess

from crowdcharge.profiles import known

from ..command import run_command


def compat(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command("compat", *arguments)


def test_the_whole_table_and_one_pair() -> None:
    every = json.loads(compat("--json").stdout)
    assert {each["donor"] for each in every} | {
        each["receiver"] for each in every
    } == known().keys()
    (one,) = json.loads(compat("huawei", "qi-bpp", "--json").stdout)
    assert one in every
    assert one.keys() >= {"donor", "receiver", "possible", "power_mW", "efficiency", "reason"}


def test_the_table_for_people_says_why_not() -> None:
    ran = compat("pma", "qi-bpp")
    assert ran.returncode == 0
    assert "no" in ran.stdout
    assert "kHz" in ran.stdout


def test_bad_names_are_one_line_and_exit_code_2() -> None:
    for arguments in (("qi-bpp",), ("qi-bpp", "nothing"), ("a", "b", "c")):
        ran = compat(*arguments)
        assert ran.returncode == 2
        assert ran.stderr.count("\n") == 1
        assert ran.stdout == ""
