# SPDX-License-Identifier: MIT
"""The generated page of what foreign object detection finds is fresh, and says what it must."""

import importlib.util
from pathlib import Path

TOOL = Path(__file__).parents[3] / "firmware" / "tools" / "generate_fod_table.py"
spec = importlib.util.spec_from_file_location("generate_fod_table", TOOL)
assert spec is not None
assert spec.loader is not None
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)


def test_the_page_is_fresh() -> None:
    assert tool.PAGE.read_text(encoding="utf-8") == tool.page()


def test_what_is_far_above_the_threshold_is_found_and_nothing_is_no_object() -> None:
    for power_mW in tool.POWERS_mW:
        assert tool.outcome(power_mW, 0, 0, 0, 60) == (0.0, 0.0)
        assert tool.outcome(power_mW, 750, 0, 0, 60)[0] == 1.0


def test_a_ripple_that_hides_objects_shows_as_no_verdict_or_no_find() -> None:
    found, blind = tool.outcome(2500, 1000, 0, 0, 1000)
    assert found < 0.5
    assert blind > 0.1


def test_at_the_corners_nothing_is_no_object_and_a_large_one_is_found() -> None:
    for _, *corner in tool.CORNERS:
        for power_mW in tool.POWERS_mW:
            assert tool.outcome(power_mW, 0, *corner)[0] == 0.0
            assert tool.outcome(power_mW, 1000, *corner)[0] > 0.99


def test_a_pad_of_several_has_no_false_alarm_and_finds_twice_the_threshold() -> None:
    for size in tool.GROUPS:
        assert tool.outcome_of_group(size, 0) == (0.0, 0.0)
        assert tool.outcome_of_group(size, 2 * tool.CURVE.threshold_mW) == (1.0, 0.0)
