# SPDX-License-Identifier: MIT
"""Ages on the page do not follow the wall clock when somebody sets it."""

from crowdcharge.clock import SteadyUnix


def test_a_step_of_the_wall_clock_changes_no_age() -> None:
    wall_s, steady_s = [1_790_000_000.0], [50.0]
    clock = SteadyUnix(lambda: wall_s[0], lambda: steady_s[0])
    heard_s = clock.now_s()
    assert heard_s == 1_790_000_000.0
    wall_s[0] -= 3600.0
    steady_s[0] += 2.0
    assert clock.now_s() - heard_s == 2.0
    assert clock.at_s(50.0) == heard_s
