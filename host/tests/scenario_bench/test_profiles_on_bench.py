# SPDX-License-Identifier: MIT
"""A scenario's profiles hold on virtual boards as they do in the simulator."""

import pytest

from .test_on_bench import run

pytestmark = [pytest.mark.bench, pytest.mark.vm, pytest.mark.slow, pytest.mark.timeout(300)]

TEXT = """
duration_s = 24
seed = 1
[contacts]
slot_s = 8
cycle = [[[1, 2], [3, 4]], [[3, 5]], [[5, 4]]]
[link]
power_W = 3.5
efficiency = 0.65
[policy]
name = "online-average"
[bench]
speed = 2
[[boards]]
id = 1
soc_pct = 34
profile = "powershare"
[[boards]]
id = 2
soc_pct = 5
[[boards]]
id = 3
soc_pct = 80
profile = "pma"
[[boards]]
id = 4
soc_pct = 20
profile = "qi-bpp"
[[boards]]
id = 5
soc_pct = 45
profile = ["pma", "qi-bpp"]
"""


def test_floor_and_technology_hold_on_boards_and_a_bridge_joins_two_silos(tmp_path):
    """Boards 3, full, and 4, empty, lie together in vain; 5 carries from one to the other."""
    summary, _ = run(tmp_path, TEXT)
    moved = [each for each in summary["transfers"] if each["sent_mJ"]]
    assert {(each["ptx"], each["prx"]) for each in moved} == {(1, 2), (3, 5), (5, 4)}
    assert {each["ept_ptx"] for each in moved if each["ptx"] == 1} == {"FLOOR"}
    donor = next(each for each in summary["boards"] if each["board_id"] == 1)
    assert 29 <= donor["soc_after_pct"] <= 33
