# SPDX-License-Identifier: MIT
"""A calibration that is too old keeps a run at the power of a board without one."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from crowdcharge.boards import keys as key_file
from crowdcharge.errors import InputError
from crowdcharge.flash import expiry
from crowdcharge.flash.fit import Correction, Point
from crowdcharge.flash.records import FILE, Records, named

TODAY = date(2026, 11, 28)
FOUND = Correction(1500, -30, 300.0, 50.0)
FIRST_mW = 1001  # the least power that needs a calibration


def written(folder: Path, **measured_on: object) -> None:
    """Write a calibration with a curve and a correction; `curve`, `tx`: their dates."""
    board = {
        "curve": {"hash": "ab", "measured_on": measured_on.get("curve", "2026-11-01")},
        "tx": {
            "points": [],
            "correction": named(FOUND, "tx"),
            "measured_on": measured_on.get("tx"),
        },
        "rx": {"points": [], "correction": None, "measured_on": "1999-01-01"},
    }
    if "tx" not in measured_on:
        del board["tx"]
    (folder / FILE).write_text(json.dumps({"boards": {"7": board}}))


def days_ago(days: int) -> str:
    return (TODAY - timedelta(days)).isoformat()


@pytest.mark.parametrize(
    ("curve", "tx", "why"),
    [
        (days_ago(366), days_ago(1), "over 365 days ago"),
        (days_ago(1), days_ago(366), "over 365 days ago"),
        (days_ago(-1), days_ago(1), None),
        (days_ago(-1), days_ago(-1), "look at the clock"),
        (None, days_ago(1), "has no date"),
        ("yesterday", days_ago(1), "has no date"),
        (20261101, days_ago(1), "has no date"),
        (days_ago(365), days_ago(0), None),
    ],
)
def test_the_oldest_part_of_a_calibration_counts(tmp_path, curve, tx, why):
    written(tmp_path, curve=curve, tx=tx)
    if why is None:
        assert "none is older" in expiry.check(tmp_path, {7}, 0, TODAY)
        return
    for power_mW in (0, FIRST_mW):
        with pytest.raises(InputError, match=rf"board 7.*{why}.*calibrate again") as caught:
            expiry.check(tmp_path, {7}, power_mW, TODAY)
        assert "\n" not in str(caught.value)
    assert why in expiry.check(tmp_path, {7}, FIRST_mW - 1, TODAY)


def test_boards_of_other_runs_do_not_count(tmp_path):
    written(tmp_path, curve=days_ago(999))
    assert "none is older" in expiry.check(tmp_path, {8}, 0, TODAY)
    assert "not known" in expiry.check(tmp_path / "empty", {7}, 0, TODAY)


def test_what_is_measured_now_is_fresh(tmp_path):
    records = Records(tmp_path / FILE)
    records.set_meter(7, "tx", [Point(1.0, 1.0, 0.1)], FOUND)
    records.save()
    (measured_on,) = Records(tmp_path / FILE).measured_on().values()
    assert measured_on is not None
    assert "none is older" in expiry.check(tmp_path, {7}, 0, measured_on)


@pytest.mark.parametrize("arguments", [("run", "--check"), ("run",), ("serve",), ("checklist",)])
def test_every_way_into_a_run_says_so_in_one_line(tmp_path, crowdcharge, arguments):
    key_file.save(tmp_path / "keys.toml", {7: bytes([1]) * 32, 8: bytes([2]) * 32})
    (tmp_path / "out").mkdir()
    written(tmp_path / "out", curve="2020-01-01")
    run = tmp_path / "run.toml"
    text = (
        '[run]\npolicy = "online-average"\nkeys = "keys.toml"\nout = "out"\n'
        '[radio]\ntransport = "tcp-client:127.0.0.1:9"\n[contacts]\nslots = [[[7, 8]]]\n'
    )
    run.write_text(text)

    code, out, err = crowdcharge(*arguments, run)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "board 7 was calibrated on 2020-01-01" in err
    run.write_text(text + "[transfer]\npower_max_mW = 1000\n")
    code, out, err = crowdcharge(*arguments, run)
    if "--check" in arguments:
        assert (code, "at most 1000 mW flow" in out) == (0, True)
    else:  # now it is the radio that is not there
        assert (code, "127.0.0.1" in err) == (1, True)
