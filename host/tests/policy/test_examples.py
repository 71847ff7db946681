# SPDX-License-Identifier: MIT
"""The examples in the docstrings come out as they are printed."""

import doctest

from crowdcharge.policy import plan_following


def test_the_example_of_a_cycle():
    assert doctest.testmod(plan_following) == (0, 1)
