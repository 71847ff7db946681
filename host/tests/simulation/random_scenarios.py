# SPDX-License-Identifier: MIT
"""Random scenarios, as text: boards that come and go, cords, overlapping contacts, odd times."""

import numpy as np


def boards_scenario(seed):
    rng = np.random.default_rng([seed, 1])
    n, end_s = int(rng.integers(2, 7)), float(rng.choice([10, 60, 100.0, 333.3]))
    power_W = float(rng.choice([0.0, 0.3, 2.5]))
    lines = [f"duration_s = {end_s}", f"floor_pct = {rng.choice([0, 20, 50])}", f"seed = {seed}"]
    for k in range(n):
        lines += ["[[boards]]", f"id = {k + 1}", f"soc_pct = {rng.choice([0, 20, 55, 90, 100])}"]
        lines += [f"capacity_J = {rng.choice([5.0, 100, 0.1 + k])}"]
        lines += [f"load_W = {rng.choice([0.0, 0.05, 1.0])}"]
        arrives_s = moment(rng, end_s) if rng.random() < 0.3 else 0.0
        lines += [f"arrives_s = {arrives_s}"]
        if rng.random() < 0.3:
            lines += [f"leaves_s = {arrives_s + moment(rng, end_s) + 0.1}"]
        if power_W and rng.random() < 0.4:
            lines += [f"cords = {[span(rng, end_s) for _ in range(int(rng.integers(1, 4)))]}"]
    lines += contacts(rng, n, end_s)
    if rng.random() < 0.7:
        start_J = rng.choice([0.0, 0.0, 0.3])
        lines += ["[link]", f"power_W = {rng.choice([0.1, 1.0, 7.0])}", f"start_J = {start_J}"]
        lines += [f"efficiency = {rng.choice([0.3, 0.8, 1.0])}"]
    if power_W:
        lines += ["[cord]", f"power_W = {power_W}"]
    policies = ["oblivious-share", "online-average", "small-transfer", "loss-aware"]
    lines += ["[policy]", f'name = "{rng.choice(policies)}"', 'weights = "capacity"']
    return "\n".join(lines) + "\n"


def moment(rng, end_s):
    """Whole and broken times, and times at which other things happen, too."""
    return float(rng.choice([0, 1, 5, 10, end_s, rng.uniform(0, end_s), rng.integers(0, 10) / 10]))


def span(rng, end_s):
    start_s = moment(rng, end_s)
    return [start_s, start_s + 0.1 + moment(rng, end_s)]


def contacts(rng, n, end_s):
    if rng.random() < 0.4:
        slots = [[pair(rng, n) for _ in range(rng.integers(0, 3))] for _ in range(3)]
        return ["[contacts]", f"cycle = {slots}", f"slot_s = {rng.choice([0.1, 1, 5, 33.3])}"]
    listed = [[*pair(rng, n), *span(rng, 1.3 * end_s)] for _ in range(int(rng.integers(1, 40)))]
    listed += [[*pair(rng, n), 5, 5], [*pair(rng, n), 0, 2 * end_s]]
    return ["[contacts]", f"list = {listed}"]


def pair(rng, n):
    return [int(board) + 1 for board in rng.choice(n, 2, replace=False)]


def meetings_scenario(seed):
    """Return a crowd that both engines can run."""
    rng = np.random.default_rng([seed, 2])
    low = float(rng.choice([0, 10, 50]))
    policies = ["oblivious-share", "online-average", "small-transfer"]
    return f"""
floor_pct = 0
seed = {seed}
[crowd]
n = {rng.integers(2, 60)}
capacity_J = {rng.choice([1.0, 100, 47000])}
soc_pct = [{low}, {rng.choice([low, 70, 100])}]
[contacts]
meetings = {rng.integers(0, 400)}
scheduler = "{rng.choice(["pairs", "matching"])}"
every_s = {rng.choice([0.0, 0.1, 1.0])}
lasts_s = {rng.choice([0.0, 0.1, 5.0])}
[link]
efficiency = {rng.choice([0.5, 0.8, 1.0])}
[policy]
name = "{rng.choice(policies)}"
"""
