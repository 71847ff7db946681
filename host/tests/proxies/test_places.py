# SPDX-License-Identifier: MIT
"""Places, ranges and proxies in the bench file, and what they mean for the signal."""

import pytest

from crowdcharge.bench import config as bench_config
from crowdcharge.bench.radio.places import RadioPlaces
from crowdcharge.errors import InputError

BENCH = """
[[proxies]]
place_m = [-5, 0]

[[proxies]]
name = "kitchen"
place_m = [5, 0.5]
range_m = 7.5
slots = 9
port = 0
key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

[[boards]]
id = 1
soc_pct = 50
place_m = [1, 2]
"""


def test_a_bench_with_proxies_is_written_as_it_was_read():
    config = bench_config.parse(BENCH)
    first, second = config.proxies
    assert (first.name, first.slots, first.port, first.key) == ("proxy-1", 3, 6053, "")
    assert (second.name, second.place_m, second.range_m) == ("kitchen", [5, 0.5], 7.5)
    assert config.boards[0].place_m == [1, 2]
    assert bench_config.parse(bench_config.dump(config)) == config
    assert bench_config.default().proxies == ()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[-5, 0]", "[5]", "proxies[0].place_m: must be two numbers"),
        ("[1, 2]", "[1, 2, 3]", "boards[0].place_m: must be two numbers"),
        ("[1, 2]", '"here"', "boards[0].place_m: must be"),
        ("slots = 9", "slots = 10", "proxies[1].slots: must be 1 to 9"),
        ("range_m = 7.5", "range_m = -1", "proxies[1].range_m: must be 0 to 1000"),
        ("port = 0", "port = 70000", "proxies[1].port: must be 0 to 65535"),
        ("AAECAwQF", "AAEC", "proxies[1].key: must be 32 bytes in base64"),
        ('name = "kitchen"', "nane = 1", "proxies[1].nane: unknown key"),
    ],
)
def test_a_mistake_is_named(old, new, words):
    assert old in BENCH
    with pytest.raises(InputError) as caught:
        bench_config.parse(BENCH.replace(old, new))
    assert words in str(caught.value)


def test_the_signal_falls_with_the_distance_and_ends_with_the_range():
    places = RadioPlaces()
    places.put("board", (3.0, 4.0))
    assert places.in_range("board", "anyone")
    places.put("proxy", (0.0, 0.0), range_m=5.0)
    assert places.distance_m("board", "proxy") == 5.0
    assert places.in_range("board", "proxy") and places.in_range("proxy", "board")
    assert places.signal_dBm("proxy", "proxy") == -55.0
    assert places.signal_dBm("board", "proxy") == pytest.approx(-69.0, abs=0.1)
    places.move("board", (3.1, 4.0))
    assert not places.in_range("board", "proxy")
    assert places.in_range("board", "anyone")
