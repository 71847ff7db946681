# SPDX-License-Identifier: MIT
"""Phones over days: ageing-aware exchange and charging skip.

Of these papers only the abstracts were available, so `paper` holds what an abstract states.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdcharge.metrics import imbalance
from crowdcharge.policy import Policy, make
from crowdcharge.policy.ageing import capacity_losses
from crowdcharge.policy.charging_skip import Cord, Event, PlannedMeeting, charging_skip
from crowdcharge.policy.pairing import most_relief
from crowdcharge.reproduce import Result
from crowdcharge.reproduce.parts import Parts
from crowdcharge.reproduce.rows import row
from crowdcharge.simulation.board import SimulatedBoard
from crowdcharge.simulation.contacts import random_meetings
from crowdcharge.simulation.link import LinkModel
from crowdcharge.simulation.no_exchange import NoExchange
from crowdcharge.simulation.output import new_figure
from crowdcharge.simulation.world import CordHabit, World

Values = NDArray[np.float64]
AGEING_AWARE = ("ageing-aware-soc", "ageing-aware-depth")
DAY_s = 86_400.0
HORIZONS_s = tuple(days * DAY_s for days in (0.75, 1.0, 1.5, 2.0, 3.0, 7.0))
PHONE_J = 45_000.0


def ageing(out: Path, quick: bool, parts: Parts) -> Result:
    """Draw what a crowd of phones loses in capacity beyond its loss without exchange.

    Both ageing models are used. AG1 and AG2 expect the new levels to last a day, and a second plot
    varies that horizon.
    """
    days, phones = (5, 8) if quick else (30, 30)
    policies = [(name, DAY_s) for name in ("no-exchange", "oblivious-share", "online-average")]
    policies += [(name, horizon_s) for name in AGEING_AWARE for horizon_s in HORIZONS_s]
    made = parts.of([(*key, phones, days) for key in policies], lambda key: aged(*key))
    lost = {key: losses for key, (losses, _) in zip(policies, made, strict=True)}
    spread = {key: uneven for key, (_, uneven) in zip(policies, made, strict=True)}
    base = lost["no-exchange", DAY_s]
    ratio = {
        key: {model: round(value / base[model], 4) for model, value in each.items()}
        for key, each in lost.items()
    }
    ours = {name: each for (name, horizon_s), each in ratio.items() if horizon_s == DAY_s}
    over_horizon = {
        name: {model: [ratio[name, each][model] for each in HORIZONS_s] for model in base}
        for name in AGEING_AWARE
    }
    _draw_ageing(out, ours, over_horizon)
    return {
        "ours": ours,
        "mean_imbalance": {name: spread[name, DAY_s] for name in ours},
        "over_horizon": {"days": [each / DAY_s for each in HORIZONS_s], **over_horizon},
        "paper": "46.74 to 60.87 % less capacity reduction than earlier protocols (abstract)",
        "rows": ageing_rows(ours),
        "note": "Capacity lost, no exchange = 1. Rules and traces are ours; only the order of"
        " the protocols compares.",
    }


def aged(name: str, horizon_s: float, phones: int, days: int) -> tuple[dict[str, float], float]:
    """Return the mean capacity lost by each ageing model, and the mean imbalance."""
    policy: Policy = NoExchange()
    if name in AGEING_AWARE:
        policy = make(name, beta=0.3, horizon_s=horizon_s)
    elif name != policy.name:
        policy = make(name)
    traces = phone_traces(policy, phones, days)
    uneven = round(float(np.mean([imbalance(socs) for socs in np.array(traces).T])), 4)
    losses = capacity_losses(traces, 900.0, 30.0)
    return {model: float(values.mean()) for model, values in losses.items()}, uneven


def ageing_rows(ours: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    """Compare what the aware protocols spare of the others' ageing with the abstract's range."""
    rows = []
    for model in ours["no-exchange"]:
        spared = [
            round(100 * (1 - (ours[aware][model] - 1) / (ours[other][model] - 1)), 1)
            for aware in AGEING_AWARE
            for other in ("oblivious-share", "online-average")
        ]
        rows.append(
            row(f"ageing by exchange that is spared, %, {model}", [46.74, 60.87],
                [min(spared), max(spared)], 1,
                "rules, phones and both models are ours: the paper's formulas were not available")
        )  # fmt: skip
    return rows


def _draw_ageing(
    out: Path,
    ours: dict[str, dict[str, float]],
    over_horizon: dict[str, dict[str, list[float]]],
) -> None:
    figure, (bars, curves) = new_figure(1, 2)
    days = np.array(HORIZONS_s) / DAY_s
    for k, model in enumerate(ours["no-exchange"]):
        at = np.arange(len(ours)) + 0.4 * k
        bars.bar(at, [100 * (each[model] - 1) for each in ours.values()], 0.4, label=model)
        for name, style in zip(over_horizon, ("o-", "s--"), strict=True):
            more_pct = 100 * (np.array(over_horizon[name][model]) - 1)
            curves.plot(days, more_pct, style, color=f"C{k}", label=f"{name}, {model}")
    bars.set_xticks(np.arange(len(ours)) + 0.2, list(ours), rotation=20, ha="right")
    bars.set(ylabel="capacity lost more than without exchange (%)")
    curves.set(xlabel="horizon (days)")
    bars.legend()
    curves.legend(loc="center right", fontsize="small")
    figure.savefig(out / "ageing.png")


def phone_traces(policy: Policy, phones: int, days: int) -> list[Values]:
    """Simulate phones used all day, plugged in below 25 %: their charge every 15 minutes."""
    rng = np.random.default_rng(1)
    boards = [
        SimulatedBoard(
            k, PHONE_J, PHONE_J * float(rng.uniform(0.3, 1)), load_W=float(rng.uniform(0.3, 1.0))
        )
        for k in range(phones)
    ]
    every_s = 7200.0 / phones  # so each phone meets another once an hour
    meetings = random_meetings(range(phones), int(days * DAY_s / every_s), every_s, 900.0, seed=1)
    link, habit = LinkModel(power_W=4.5, efficiency=0.7), CordHabit(10.0, 25.0, 95.0)
    world = World(boards, meetings, policy, link, rng, 20.0, habit)
    rows = []
    for step in range(int(days * DAY_s / 900)):
        world.run_to(900.0 * step)
        rows.append([board.soc for board in boards])
    return list(np.array(rows).T)


CASES = ("selfish", "cooperative", "network-wide")


def skips(out: Path, quick: bool, parts: Parts) -> Result:
    """Draw the sessions that users of a random week skip by sharing, over how often they meet.

    What each could have skipped without any meeting is taken off: it is no relief by sharing.
    """
    users, days = (4, 2) if quick else (8, 5)
    chances = (0.0, 1.0) if quick else (0.0, 0.25, 0.5, 0.75, 1.0)
    pairs = [(a, b) for a in range(users) for b in range(a + 1, users)]
    keys = [(*pair, days, chance) for chance in chances for pair in pairs]
    made = dict(zip(keys, parts.of(keys, lambda key: week_of(*key)), strict=True))
    shares: dict[float, list[float]] = {}
    for chance in chances:
        relief: dict[tuple[int, int], float] = {}
        for a, b in pairs:
            relief[a, b], relief[b, a] = made[a, b, days, chance][0]
        alone = sum(made[*pair, days, chance][1] for pair in pairs)
        paired = sum(relief[a, b] + relief[b, a] for a, b in map(sorted, most_relief(relief)))
        shares[chance] = [
            100 * alone / (len(pairs) * days),
            100 * sum(relief.values()) / (len(pairs) * 2 * days),
            100 * paired / (users * days),
        ]
    without = dict(zip(CASES, shares[0.0], strict=True))
    ours = {
        name: [round(shares[chance][k] - shares[0.0][k], 1) for chance in chances]
        for k, name in enumerate(CASES)
    }
    figure, axes = new_figure()
    for name, relieved in ours.items():
        axes.plot(chances, relieved, "o-", label=name)
    axes.axhspan(13, 17, alpha=0.2, label="paper")
    axes.set(xlabel="chance to meet in half a day", ylabel="cord sessions skipped by sharing (%)")
    axes.legend()
    figure.savefig(out / "charging-skip.png")
    why = (
        "ours is a made-up week, from no meetings to two a day: the paper's data were not"
        " available. Without any meeting {:.1f} % could be skipped, which is not counted"
    )
    rows = [
        row(f"sessions skipped by sharing, %, {name}", [13, 17], [min(relieved), max(relieved)],
            len(pairs), why.format(without[name]))
        for name, relieved in ours.items()
    ]  # fmt: skip
    return {
        "ours": ours,
        "chances": list(chances),
        "without_meetings": without,
        "paper": "13 to 17 % charging relief (abstract)",
        "rows": rows,
    }


def week_of(a: int, b: int, days: int, chance: float) -> tuple[tuple[int, int], int]:
    """Return what two users skip together, and what the first skips alone."""
    events, start = random_week(a, b, days, chance)
    plan = charging_skip(events, start, 3, 20, beta=0.2)
    alone = charging_skip(events, start, 3, 20, beta=0.2, selfish=0)
    return plan.skips if plan else (0, 0), alone.skips[0] if alone else 0


def random_week(a: int, b: int, days: int, chance: float) -> tuple[list[Event], tuple[int, int]]:
    """Draw a week in levels of 5 %; each day both use 30 to 70 % and charge once.

    Twice a day they meet with this chance; use and cords are the same whatever the chance is.
    """
    rngs = [np.random.default_rng([user, 5]) for user in (a, b)]
    meet = np.random.default_rng([a, b, 6])
    start = (int(rngs[0].integers(12, 20)), int(rngs[1].integers(12, 20)))
    events: list[Event] = []
    for _ in range(days):
        for _ in range(2):
            use = (int(rngs[0].integers(3, 8)), int(rngs[1].integers(3, 8)))
            most, meets = int(meet.integers(0, 4)), meet.random() < chance
            events.append(PlannedMeeting(most if meets else 0, use))
        for user, rng in enumerate(rngs):
            events.append(Cord(user, int(rng.integers(10, 18)), (0, 0)))
    return events, start
