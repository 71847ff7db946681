# SPDX-License-Identifier: MIT
"""calibration.json, the steady pairs of a ledger, and what the report makes of both."""

import json

import pytest

from crowdcharge.errors import InputError
from crowdcharge.flash.fit import Correction, Point
from crowdcharge.flash.records import Records
from crowdcharge.flash.steady import steady_pairs
from crowdcharge.ledger import kinds
from crowdcharge.ledger.store import Store
from crowdcharge.report import accuracy

FOUND = Correction(1500, -30, 300.0, 50.0)


def sample(board_id, t_ms, power_mW):
    return kinds.Sample(5, board_id, 1, t_ms, power_mW, energy_mJ=0, soc_permille=None, coil_dC=0)


@pytest.fixture
def ledger(tmp_path):
    """Return a transfer from 1 to 2 that ramps up, is steady, then loses its receiver."""
    rows = [kinds.Open(5, 1, 2, energy_max_mJ=9, power_max_mW=0, t_ms=0)]
    powers = [(0, 0), (2000, 1000), (3900, 2500), (3910, 2500), (3920, 2510), (3900, 0)]
    for number, (sent_mW, received_mW) in enumerate(powers):
        rows.append(sample(2, 1000 * number, received_mW))
        rows.append(sample(1, 1000 * number + 500, sent_mW))
    path = tmp_path / "ledger.sqlite"
    with Store.create(path) as store:
        store.append(rows)
    return path


def test_only_steady_pairs_of_one_instant_count(ledger):
    assert steady_pairs(ledger, 1) == [(3910.0, 2505.0)]
    assert steady_pairs(ledger, 2) == []
    assert steady_pairs(ledger, 1, 2) == [(3910.0, 2505.0)]
    assert steady_pairs(ledger, 1, 3) == []  # it is the curve of another pair


def test_records_come_back(tmp_path):
    path = tmp_path / "calibration.json"
    records = Records(path)
    points = [Point(0.0, -0.1, 0.01), Point(1000.0, 998.0, 0.02)]
    records.set_meter(7, "tx", points, FOUND)
    records.set_meter(7, "rx", points[:1], None)
    records.save()
    again = Records(path)
    assert again.points(7, "tx") == points
    assert again.corrections() == {(7, "tx"): FOUND}
    assert Records(tmp_path / "none.json").corrections() == {}


def test_the_file_names_the_units(tmp_path):
    """Files of older versions, which know currents only, have the same names."""
    path = tmp_path / "calibration.json"
    records = Records(path)
    records.set_meter(7, "tx", [Point(1000.0, 998.0, 0.02)], FOUND)
    records.set_meter(7, "tx-bus", [Point(5000.0, 5010.0, 0.5)], FOUND)
    records.save()
    board = json.loads(path.read_text())["boards"]["7"]
    assert board["tx"]["points"] == [{"reference_mA": 1000.0, "raw_mA": 998.0, "spread_mA": 0.02}]
    assert board["tx"]["correction"]["offset_uA"] == -30
    assert set(board["tx-bus"]["points"][0]) == {"reference_mV", "raw_mV", "spread_mV"}
    assert board["tx-bus"]["correction"]["u_offset_uV"] == 50.0
    assert Records(path).points(7, "tx-bus") == [Point(5000.0, 5010.0, 0.5)]
    assert Records(path).corrections() == {(7, "tx"): FOUND}


@pytest.mark.parametrize(
    "text", ["", "[]", '{"boards": 3}', "\0", '{"board": {}}', '{"boards": {"07": {}}}']
)
def test_another_file_is_one_line(tmp_path, text):
    path = tmp_path / "calibration.json"
    path.write_text(text)
    told = r"calibration\.json, line 1: (.* is not JSON|no calibration file)"
    with pytest.raises(InputError, match=told) as caught:
        Records(path)
    assert "\n" not in str(caught.value)


def test_a_meter_as_made_and_a_calibrated_one():
    """By hand: 0.5 % and 1 % as rectangles, 2 mA on 500 mA; then 300 ppm and 50 uA."""
    as_made = accuracy.meter_ppm(1, "rx", 2.5, {})
    assert as_made == pytest.approx(((5000**2 + 10000**2) / 3 + (4000**2) / 3) ** 0.5)
    known = accuracy.meter_ppm(1, "rx", 2.5, {(1, "rx"): FOUND})
    assert known == pytest.approx((300**2 + 100**2) ** 0.5)


def test_the_file_is_plain_json(tmp_path):
    path = tmp_path / "calibration.json"
    records = Records(path)
    records.set_meter(7, "tx", [], FOUND)
    records.save()
    assert json.loads(path.read_text())["boards"]["7"]["tx"]["correction"]["gain_ppm"] == 1500
