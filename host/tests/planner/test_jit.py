# SPDX-License-Identifier: MIT
"""A first compilation is announced, once; what comes from the cache is not."""

import importlib.util

import pytest

from crowdcharge.planner import jit

SOURCE = """
from crowdcharge.planner.jit import jit

@jit
def twice(x):
    return 2 * x

@jit
def thrice(x):
    return 3 * x
"""


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    """Import the same kernels anew, as another process would."""
    path = tmp_path / "kernels.py"
    path.write_text(SOURCE)
    monkeypatch.setattr(jit.compiler, "cache", tmp_path / "cache")

    def load():
        monkeypatch.setattr(jit.compiler, "said", False)
        spec = importlib.util.spec_from_file_location("crowdcharge.planner.kernels", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def test_announced_once_and_only_if_it_is_compiled(kernels, caplog):
    first = kernels()
    assert (first.twice(2), first.thrice(2)) == (4, 6)
    assert caplog.messages == ["compiling the planner, once: about half a minute"]
    caplog.clear()
    assert (kernels().twice(2), caplog.messages) == (4, [])


def test_it_goes_to_stderr(kernels, capsys, monkeypatch):
    monkeypatch.setattr("logging.root.handlers", [])  # as in a program without logging
    kernels().twice(2)
    out, err = capsys.readouterr()
    assert (out, err) == ("", "compiling the planner, once: about half a minute\n")
