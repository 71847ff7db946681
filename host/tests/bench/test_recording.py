# SPDX-License-Identifier: MIT
"""The file of a recorded board: what is read from it, and what is refused."""

import json

import pytest

from crowdcharge.bench.board import recording
from crowdcharge.errors import InputError

READING = {
    "t_s": 1.0,
    "tx_V": 3.8,
    "tx_A": 0.5,
    "rx_V": 0,
    "rx_A": 0,
    "coil_C": 30,
    "battery_C": 25,
}


def write(path, *entries):
    path.write_text("\n".join(json.dumps(each) for each in entries) + "\n")
    return path


def test_a_reading_holds_until_the_next(tmp_path):
    lines = [{**READING, "t_s": 3, "coil_C": 40}, READING, {"t_s": 2, "console": "x"}]
    loaded = recording.load(write(tmp_path / "r.jsonl", *lines, {"t_s": 2, "data": ""}))
    assert [loaded.at(time_s).coil_C for time_s in (0, 1, 2.9, 3, 99)] == [30, 30, 30, 40, 40]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({**READING, "tx_V": 27}, "line 1: .*tx_V must be 0 to 26"),
        ({**READING, "tx_A": True}, "tx_A must be"),
        ({**READING, "t_s": -1}, "t_s must be"),
        ({key: READING[key] for key in READING if key != "coil_C"}, "coil_C"),
        ({"t_s": 1}, "neither tx_V, nor data, nor console"),
        ([], "not a JSON object"),
        ({"t_s": 1, "console": "x"}, "no line with readings"),
    ],
)
def test_another_file_is_refused_in_one_line(tmp_path, entry, words):
    with pytest.raises(InputError, match=words):
        recording.load(write(tmp_path / "r.jsonl", entry))
