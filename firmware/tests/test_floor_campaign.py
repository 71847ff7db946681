# SPDX-License-Identifier: MIT
"""The 20 % campaign, small; host/tests/hostile/test_twenty_percent.py runs a thousand cells."""

from cells import STRANGE, MARGIN_pct, lowest_permille


def test_a_donor_s_true_charge_stays_above_its_floor_but_for_the_stated_margin():
    for seed in range(8):
        kind, permille = lowest_permille(seed)
        assert permille >= 200 - 10 * MARGIN_pct[kind], (seed, kind, permille)


def test_a_gauge_that_reads_another_cell_in_the_middle_of_a_transfer_keeps_the_margin():
    for seed in range(8):
        kind, permille = lowest_permille(seed, STRANGE)
        assert permille >= 200 - 10 * MARGIN_pct[kind], (seed, permille)
