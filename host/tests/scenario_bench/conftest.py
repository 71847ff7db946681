# SPDX-License-Identifier: MIT
"""Eight boards on the corners of a cube: in three slots each meets its three neighbours."""

from pathlib import Path

import pytest

from crowdcharge.planner import Problem, lal, lay

HERE = Path(__file__).parent
SOCS_pct = (90, 30, 75, 25, 85, 40, 35, 80)


def pytest_collection_finish(session):
    """Compile the planners once, outside any test's time limit."""
    if any(Path(item.path).parent == HERE for item in session.items):
        even = Problem([1.0, 1.0], [(0, 1, 1)], 1, 0, 2, 0.1)
        lal(even)
        lay(even)


def boards(socs_pct=SOCS_pct, **more):
    extra = "".join(f"{key} = {value}\n" for key, value in more.items())
    return "".join(
        f"[[boards]]\nid = {number}\nsoc_pct = {soc}\n{extra}"
        for number, soc in enumerate(socs_pct, 1)
    )


CUBE = """
[contacts]
slot_s = 10
cycle = [
  [[1, 2], [3, 4], [5, 6], [7, 8]],
  [[1, 3], [2, 4], [5, 7], [6, 8]],
  [[1, 5], [2, 6], [3, 7], [4, 8]],
]
"""


@pytest.fixture
def cube():
    """Text of a scenario: cube(duration, policy options, bench table)."""

    def text(duration_s=30, policy="", bench="", power_W=8, socs_pct=SOCS_pct):
        return (
            f"duration_s = {duration_s}\nseed = 1\n{CUBE}"
            f"[link]\npower_W = {power_W}\nefficiency = 0.65\n"
            f'[policy]\nname = "plan"\n{policy}\n[bench]\n{bench}\n{boards(socs_pct)}'
        )

    return text
