# SPDX-License-Identifier: MIT
"""`crowdcharge trade --algorithm-1`: from batteries and prices to terms and a price."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.errors import InputError
from crowdcharge.market import clear, parse_market
from crowdcharge.market.lane import algorithm_1
from crowdcharge.market.wishes import market_document, parse_wishes

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "wishes.json"


def wishes(mode: str = "charge", **changed: object) -> dict:
    ev = {"battery": 60, "soc_pct": 40, "until_pct": 65, "price_low": 26, "price_high": 31}
    if mode == "discharge":
        ev |= {"soc_pct": 65, "until_pct": 40}
    lane = {"price_low": 24, "price_high": 28, "e_min": -700}
    return {"evs": [ev | changed] * 3, "lane": lane, "mode": mode}


def test_the_terms_that_it_writes_clear_at_its_price(tmp_path, crowdcharge):
    """The closed form knows nothing of the rounds in which the price was found."""
    market = tmp_path / "market.json"
    options = (EXAMPLE, "--algorithm-1", "--market", market, "--json")
    code, out, err = crowdcharge("trade", *options)
    assert (code, err) == (0, "")
    found = json.loads(out)
    asked = json.loads(EXAMPLE.read_text())
    peers = [asked["lane"], *asked["evs"]]
    for bound in ("price_low", "price_high"):  # lines 1 to 9: everybody's average
        mean = sum(peer[bound] for peer in peers) / len(peers)
        assert found[bound] == pytest.approx(mean, abs=1e-3)
    code, out, _ = crowdcharge("trade", market, "--json")
    assert json.loads(out)["price"] == pytest.approx(found["price"], abs=1e-3)
    assert found["exact_price"] == json.loads(out)["price"]
    assert found["market"]["evs"][0]["e_max"] == pytest.approx(60 * 0.25)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["charge", "discharge"]))
def test_everybody_trades_and_nobody_meets_a_bound(seed, mode):
    """What (20), (24), (25) and (28) choose the terms for, in both modes."""
    run = algorithm_1(parse_wishes(wishes(mode)), np.random.default_rng(seed))
    cleared = clear(parse_market(market_document(run)))
    energies = cleared.energies if mode == "charge" else -cleared.energies
    assert np.all((energies > 0) & (energies < 15))
    assert 0 < abs(cleared.lane_energy) < 700


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "wishes are an object"),
        (wishes() | {"evs": []}, "1 to 500"),
        (wishes() | {"mode": "sell"}, "mode"),
        (wishes() | {"lane": {}}, "lane: price_low is missing"),
        (wishes(battery=0), "ev 0: battery must be above 0"),
        (wishes(soc_pct=140), "ev 0: soc_pct must be 0 to 100"),
        (wishes(until_pct=40), "ev 0: until_pct must be above soc_pct"),
        (wishes("discharge", until_pct=90), "ev 0: until_pct must be below soc_pct"),
        (wishes(price_low=31), "ev 0: needs 0 < price_low < price_high"),
        (wishes(battery=True), "ev 0: battery must be a number"),
    ],
)
def test_bad_wishes_are_named(document, said):
    with pytest.raises(InputError, match=said):
        parse_wishes(document)


def test_no_room_for_the_lane_is_one_line(tmp_path, crowdcharge):
    path = tmp_path / "wishes.json"
    narrow = wishes()
    narrow["lane"]["e_min"] = -1
    path.write_text(json.dumps(narrow))
    code, out, err = crowdcharge("trade", path, "--algorithm-1")
    assert (code, out) == (2, "")
    assert "wider e_min" in err and err.count("\n") == 1


@pytest.mark.parametrize("options", [("--algorithm-1", "--bench", "3"), ("--market", "m.json")])
def test_options_that_do_not_belong_together(crowdcharge, options):
    code, _, err = crowdcharge("trade", *options)
    assert code == 2 and "--algorithm-1 takes a file of wishes" in err
