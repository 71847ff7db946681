# SPDX-License-Identifier: MIT
"""What a spreadsheet would take for a formula is text in every CSV file."""

import csv
import io

import pytest

from crowdcharge.cli import ledger
from crowdcharge.escaping import csv_cell, plain
from crowdcharge.ledger import kinds
from crowdcharge.ledger.rows import FIRST_HASH, chained

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "=HYPERLINK(1)")


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_text(text):
    assert csv_cell(text) == "'" + plain(text)


@pytest.mark.parametrize("content", ["board:1", "", "a=1", -5, 1.5, None])
def test_anything_else_stays_as_it_is(content):
    assert csv_cell(content) == content


@pytest.mark.parametrize("account", FORMULAS)
def test_a_ledgers_export_has_none(account):
    row = chained(1, FIRST_HASH, kinds.Entry(7, account, -5))
    _, line = csv.reader(io.StringIO(ledger._csv([row]), newline=""))
    assert line == ["1", "7", "'" + plain(account), "-5"]
