# SPDX-License-Identifier: MIT
"""A body says what its kind's dataclass says, no less and no more; so does the documentation."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from crowdcharge.errors import LedgerError
from crowdcharge.ledger import kinds
from crowdcharge.ledger.bodies import body_of, canonical
from crowdcharge.ledger.rows import Row

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "ledger.md"
TAKE = {"board_id": 2, "energy_mJ": -5, "signature": "ab"}
MARKET = {
    "market_id": 1,
    "session": "00",
    "lane": 3,
    "price": 5,
    "confirmed": True,
    "takes": [TAKE],
    "void": "",
    "t_ms": 4,
}


def read(kind, body):
    return Row(8, kind, canonical(body), "").content()


def test_a_market_comes_back_with_its_takes():
    market = read("market", MARKET)
    assert market == kinds.MarketRow(1, "00", 3, 5, True, (kinds.MarketTake(2, -5, "ab"),), "", 4)
    assert canonical(body_of(market)) == canonical(MARKET)


def test_only_a_run_may_lack_a_field():
    body = {"policy": "p", "seed": None, "vm": None}
    assert read("run", body) == kinds.Run("p", None, None)
    assert body_of(kinds.Run("p", None, None)) == body
    assert body_of(kinds.Run("p", None, None, 1)) == body | {"started_unix_s": 1}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"void": None}, "gives void a wrong type"),
        ({"confirmed": 1}, "gives confirmed a wrong type"),
        ({"lane": True}, "gives lane a wrong type"),
        ({"lane": 3.0}, "gives lane a wrong type"),
        ({"price": 1 << 127}, "gives price more than 127 bits"),
        ({"takes": {}}, "gives takes that are no list of objects"),
        ({"takes": [1]}, "gives takes that are no list of objects"),
        ({"takes": [{"board_id": 1}]}, "lacks its energy_mJ"),
        ({"takes": [TAKE | {"energy_mJ": "5"}]}, "gives energy_mJ a wrong type"),
        ({"prize": 1}, "has an unknown field 'prize'"),
    ],
)
def test_a_field_that_does_not_fit_is_refused_and_the_row_named(change, said):
    with pytest.raises(LedgerError) as refused:
        read("market", MARKET | change)
    assert str(refused.value) == f"row 8 (market) {said}"


@pytest.mark.parametrize("missing", MARKET)
def test_a_missing_field_is_refused(missing):
    body = {name: value for name, value in MARKET.items() if name != missing}
    with pytest.raises(LedgerError, match=rf"row 8 \(market\) lacks its {missing}"):
        read("market", body)


@pytest.mark.parametrize("body", ["", "[]", "1", "{", '{"a":' * 100_000])
def test_a_body_that_is_no_object_is_unreadable(body):
    with pytest.raises(LedgerError, match=r"row 8 \(market\) is unreadable"):
        Row(8, "market", body, "").content()


def test_the_page_lists_each_kind_with_its_fields():
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\| `([^`]*)`", PAGE.read_text(encoding="utf-8"), re.M)
    expected = {kind: [each.name for each in fields(of)] for kind, of in kinds.KINDS.items()}
    assert {kind: names.split() for kind, names in rows if kind in expected} == expected
