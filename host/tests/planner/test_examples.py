# SPDX-License-Identifier: MIT
"""The worked examples in the docstrings of the planner come out as they are printed."""

import doctest

import pytest

from crowdcharge.planner import gains, hubs


@pytest.mark.parametrize("module", [gains, hubs])
def test_worked_example(module):
    done = doctest.testmod(module)
    assert done.attempted > 4
    assert done.failed == 0
