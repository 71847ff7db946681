# SPDX-License-Identifier: MIT
"""The world of events against one that only takes small steps: what is offered, what flows."""

import numpy as np
import pytest

from crowdcharge.simulation.run import run
from crowdcharge.simulation.scenario import parse

from .stepped import Stepped

POLICIES = ("oblivious-share", "online-average", "small-transfer", "ageing-aware-soc")
STEP_s = 0.002
LEAST_J = 0.5  # of an offer; steps cannot tell boards that are nearly level from level ones


def scenario_of(seed):
    """Boards with loads, cords, pads and comings; no two things happen at the same instant."""
    rng = np.random.default_rng([seed, 77])
    n, cord_W = int(rng.integers(2, 7)), float(rng.choice([0.0, 0.3, 2.5]))

    def drawn(low, high):
        return round(float(rng.uniform(low, high)), 4)

    lines = ["duration_s = 60", f"floor_pct = {rng.choice([0, 20, 35])}"]
    for k in range(1, n + 1):
        arrives_s = drawn(0, 40) if rng.random() < 0.3 else 0.0
        lines += ["[[boards]]", f"id = {k}", f"soc_pct = {drawn(0, 100)}"]
        lines += [f"capacity_J = {drawn(20, 100)}", f"load_W = {rng.choice([0, drawn(0, 1)])}"]
        lines += [f"arrives_s = {arrives_s}", f"pad = {str(rng.random() < 0.3).lower()}"]
        if rng.random() < 0.3:
            lines += [f"leaves_s = {arrives_s + drawn(0.5, 60)}"]
        if cord_W and rng.random() < 0.4:
            start_s = drawn(0, 60)
            lines += [f"cords = [[{start_s}, {start_s + drawn(1, 20)}]]"]
    listed = []
    for _ in range(int(rng.integers(10, 40))):
        a, b = (rng.choice(n, 2, replace=False) + 1).tolist()
        start_s = drawn(0, 60)
        listed.append([a, b, start_s, start_s + drawn(0.5, 40)])
    lines += ["[contacts]", f"list = {listed}", "[link]", f"power_W = {drawn(0.3, 4)}"]
    lines += [f"efficiency = {drawn(0.3, 1)}", f"start_J = {rng.choice([0, drawn(0, 0.5)])}"]
    if cord_W:
        lines += ["[cord]", f"power_W = {cord_W}"]
    return parse("\n".join([*lines, "[policy]", f'name = "{POLICIES[seed % 4]}"']))


@pytest.mark.parametrize("seed", range(30))
def test_events_are_what_small_steps_come_to(seed):
    scenario = scenario_of(seed)
    made = run(scenario, 0, scenario.link, compiled=False)
    stepped = Stepped(scenario, STEP_s).run()
    offered_J = [each.offered_J for each in made.transfers if each.offered_J > LEAST_J]
    expected_J = [each for each in stepped.offered_J if each > LEAST_J]
    assert offered_J == pytest.approx(expected_J, abs=0.15)
    for board in made.boards:
        other = stepped.boards[board.id]
        assert board.sessions == other.sessions
        for name in ("energy_J", "sent_J", "received_J", "used_J", "cord_J"):
            expected = getattr(other, name)
            assert getattr(board, name) == pytest.approx(expected, abs=0.15, rel=0.005), name
