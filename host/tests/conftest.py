# SPDX-License-Identifier: MIT
"""Tests that need a system program are skipped by its name, unless it was to be installed."""

import os
import shutil

import pytest

INSTALLED = "CROWDCHARGE_INSTALLED"  # packages that .ci/run has installed, so nothing may skip


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Obey `@pytest.mark.program("dot", "graphviz")`: the program, and the package it is in."""
    for mark in item.iter_markers("program"):
        program, package = mark.args
        if shutil.which(program):
            continue
        reason = f"needs the program {program}: install the package {package}"
        if package in os.environ.get(INSTALLED, "").split():
            pytest.fail(f"{reason} (it was to be there)", pytrace=False)
        pytest.skip(reason)
