# SPDX-License-Identifier: MIT
"""Wishes and comfort by the day, counted by hand."""

import numpy as np
import pytest

from crowdcharge.simulation.no_exchange import NoExchange
from crowdcharge.simulation.qoe import wishes
from crowdcharge.simulation.run import compared, run, summary
from crowdcharge.simulation.scenario import parse


def test_a_wish_is_a_day_of_a_board_that_was_there():
    hours = np.arange(0, 49) * 3600.0  # two days, the last sample at their very end
    soc = np.full((49, 3), 0.5)
    soc[30, 0] = 0.29  # on the second day
    soc[:24, 1] = np.nan  # came on the second day
    soc[48, 2] = 0.1  # at the end of the second day
    assert wishes(soc, hours) == (5, 3)
    assert wishes(np.full((3, 2), np.nan), np.arange(3.0)) == (0, 0)
    assert wishes(np.array([[0.3]]), np.zeros(1)) == (1, 1)


def test_a_scenario_s_days():
    """60 % of 40 kJ last 16.7 h at 0.4 W: on its first day it falls below 30 %, and once a day
    it goes on the cord from 20 % to 90 %, which lasts for 19.4 h.
    """
    scenario = parse(
        "duration_s = 864000\nsample_s = 600\n[[boards]]\nid = 1\ncapacity_J = 40e3\n"
        "soc_pct = 60\nload_W = 0.4\n[contacts]\nlist = []\n[cord]\npower_W = 50\n"
    )
    made = run(scenario, 0, scenario.link)
    figures = summary(made, scenario)
    assert figures["wishes_fulfilled"] == 0
    assert figures["cord_sessions_a_day"] == pytest.approx(made.boards[0].sessions / 10)
    assert 1.2 <= figures["cord_sessions_a_day"] <= 1.3
    same = compared(
        figures, summary(run(scenario, 0, scenario.link, None, NoExchange()), scenario)
    )
    assert same["battery_life_ratio"] == {"xu-2018": 1, "schmalstieg-2014": 1}
