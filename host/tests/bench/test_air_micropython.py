# SPDX-License-Identifier: MIT
import subprocess

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
    with pytest.raises(BenchError, match="install no-such-distribution, or set"):
        micropython.binary()
