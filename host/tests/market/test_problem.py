# SPDX-License-Identifier: MIT
"""Bad input: one line that names the peer and the field."""

import copy
import json

import pytest

from crowdcharge.errors import InputError
from crowdcharge.market import clear, parse_market

GOOD = {
    "evs": [{"a": 0.2, "b": 28, "e_max": 15}, {"a": 0.25, "b": 28.5, "e_max": 15}],
    "lane": {"a": 0.01, "b": 30, "e_min": -20},
    "mode": "charge",
}


def changed(path, value):
    document = copy.deepcopy(GOOD)
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return document


CASES = [
    (["evs", 1, "a"], -0.1, "ev 1: a must be above 0, not -0.1"),
    (["evs", 0, "a"], 0, "ev 0: a must be above 0, not 0"),
    (["evs", 0, "a"], 1e-300, "ev 0: a must let the marginal price b + 2 a E rise visibly"),
    (["evs", 0, "a"], 1e308, "ev 0: a must let the marginal price b + 2 a E rise visibly"),
    (["lane", "a"], 1e-20, "lane: a must let the marginal price b + 2 a E rise visibly"),
    (["evs", 1, "a"], float("nan"), "ev 1: a must be finite, not nan"),
    (["evs", 1, "b"], -3, "ev 1: b must be above 0, not -3"),
    (["evs", 0, "b"], float("inf"), "ev 0: b must be finite, not inf"),
    (["evs", 0, "b"], "28", "ev 0: b must be a number, not '28'"),
    (["evs", 0, "b"], True, "ev 0: b must be a number, not True"),
    (["evs", 0, "b"], 10**400, "ev 0: b must be finite, not inf"),
    (["evs", 1, "e_max"], -1, "ev 1: e_max must not be negative, not -1"),
    (["evs", 1], 7, "ev 1: must be an object"),
    (["evs", 1], {"a": 1, "b": 2}, "ev 1: e_max is missing"),
    (["evs"], [], "evs: the market is empty"),
    (["evs"], "none", "evs: the market is empty"),
    (["lane"], None, "lane: must be an object"),
    (["lane", "a"], -1, "lane: a must be above 0, not -1"),
    (["lane", "b"], 0, "lane: b must be above 0, not 0"),
    (["lane", "e_min"], 700, "lane: e_min must be below 0"),
    (["lane", "e_min"], float("nan"), "lane: e_min must be finite, not nan"),
    (["mode"], "sell", 'mode: must be "charge" or "discharge", not \'sell\''),
    (["lane", "b"], 28, "no feasible price: b of ev 0 (28) is the nearest and is not below b"),
    (["mode"], "discharge", "no feasible price: b of ev 1 (28.5) is the nearest and is not above"),
]


@pytest.mark.parametrize(("path", "value", "line"), CASES)
def test_bad_input_is_one_line_that_names_peer_and_field(path, value, line):
    with pytest.raises(InputError) as caught:
        clear(parse_market(changed(path, value)))
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nobody_able_to_trade():
    document = changed(["evs", 0, "e_max"], 0)
    document["evs"][1]["b"] = 31
    with pytest.raises(InputError, match=r"b of ev 1 \(31\)"):
        clear(parse_market(document))
    document["evs"][1]["e_max"] = 0
    with pytest.raises(InputError, match="e_max of every EV is 0"):
        clear(parse_market(document))


def test_a_list_is_not_a_market():
    with pytest.raises(InputError, match="a market is an object"):
        parse_market(json.loads("[1, 2]"))


def test_a_good_market_is_read_as_written():
    market = parse_market(GOOD)
    assert market.a.tolist() == [0.2, 0.25]
    assert (market.lane_b, market.lane_bounds) == (30, (-20, 0))
    assert market.low.tolist() == [0, 0]
