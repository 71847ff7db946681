# SPDX-License-Identifier: MIT
"""crowdcharge trade, as a user calls it."""

import json

import pytest

MARKET = {
    "evs": [
        {"a": 0.2, "b": 28, "e_max": 3},
        {"a": 0.15, "b": 31, "e_max": 3},
        {"a": 0.25, "b": 27.5, "e_max": 30},
    ],
    "lane": {"a": 0.01, "b": 30, "e_min": -5},
    "mode": "charge",
}


@pytest.fixture
def call(tmp_path, crowdcharge):
    """Run it on a file with this document."""

    def run(document, *options):
        path = tmp_path / "market.json"
        if document is not None:
            path.write_text(document if isinstance(document, str) else json.dumps(document))
        return crowdcharge("trade", path, *options)

    return run


@pytest.mark.parametrize("scheme", ["closed-form", "consensus", "masked", "two-round", "shared"])
def test_json_is_one_document_with_the_agreed_keys(call, scheme):
    code, out, err = call(MARKET, "--scheme", scheme, "--json", "--seed", "1")
    assert (code, err) == (0, "")
    result = json.loads(out)
    # Free EVs 0 and 2 and the lane at -5: (p - 28) / 0.4 + (p - 27.5) / 0.5 = 5.
    assert result["price"] == pytest.approx((5 + 28 / 0.4 + 27.5 / 0.5) / 4.5, abs=1e-6)
    assert result["evs"][1] == 0
    assert sum(result["evs"]) == pytest.approx(5, abs=1e-4)
    assert result["lane"] == -5
    assert result["active_bounds"] == [
        {"peer": "ev 1", "bound": "zero"},
        {"peer": "lane", "bound": "e_min"},
    ]
    assert result["rounds"] >= 2
    assert result["messages"] >= 6
    assert ("ev 0" in result["exposed"]) == (scheme != "shared")


def test_text_says_what_a_reader_wants(call):
    _, out, _ = call(MARKET, "--scheme", "shared")
    assert "price          28.8888889" in out
    assert "exposed        nobody" in out
    assert "active bounds  ev 1 zero, lane e_min" in out


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is nested too deep"),
        ('{"evs": []}', "the market is empty"),
        ({**MARKET, "lane": {"a": -1, "b": 30, "e_min": -5}}, "lane: a must be above 0, not -1"),
        ({**MARKET, "lane": {"a": 1, "b": 27, "e_min": -5}}, "no feasible price: b of ev 2"),
        ('{"evs": [{"a": NaN, "b": 1, "e_max": 1}], "mode": "charge"}', "ev 0: a must be finite"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(call, document, line):
    code, out, err = call(document, "--json")
    assert (code, out) == (2, "")
    assert line in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_a_missing_file_is_said(call):
    code, _, err = call(None)
    assert code == 2
    assert "market.json: No such file" in err
