# SPDX-License-Identifier: MIT
"""What a small learned policy reaches, beside the protocols and the planners, on unseen crowds.

There is no paper. The crowds are those of the cyclic-mobispace paper's Fig. 4 over two cycles.
Everything is rated in the event simulator, by what `learning.Episode.value` gains: the imbalance
removed less the share lost. The learned policy is trained on other draws than it is rated on.
"""

from pathlib import Path
from typing import Any

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.learning.cross_entropy import learn, returns
from crowdcharge.learning.episode import FEATURES
from crowdcharge.learning.linear import LinearLevels
from crowdcharge.policy import Policy, make
from crowdcharge.reproduce import Result
from crowdcharge.reproduce.parts import Parts
from crowdcharge.reproduce.rows import row
from crowdcharge.simulation.contact_stream import generated_cycle
from crowdcharge.simulation.output import new_figure
from crowdcharge.simulation.run import run
from crowdcharge.simulation.scenario import Scenario, parse
from crowdcharge.simulation.scenario_contacts import Generated

CYCLE, CYCLES, BETA, FLOOR_pct = 50, 2, 0.2, 10
TRAINED_FROM = 1_000_000  # seeds of training; those below are for rating
SHARED_SEEDS, A_PART = 10, 5  # draws of a generation, draws of a part
RULES = ("oblivious-share", "online-average", "loss-aware")
PLANNERS = ("lal", "lay")
KNOWS = {
    "oblivious-share": "each board knows the two levels",
    "online-average": "each board knows the two levels and the means of what both have met",
    "learned": "as online-average, and the time that is left",
    "loss-aware": "the level of every board",
    "lal": "every contact to come and all levels; plans as if nothing were lost",
    "lay": "every contact to come and all levels; loses least",
}


def learning(out: Path, quick: bool, parts: Parts) -> Result:
    """Draw the return of each generation with the others' beside, and the imbalance over time."""
    n, generations, draws = (8, 3, 5) if quick else (20, 60, 100)
    scenario = crowd(n)
    ((means, _),) = parts.of([("learned", n, generations)], lambda key: learned(*key[1:]))
    seeds = range(0, draws, A_PART)
    rated = parts.of([(n, generations, first) for first in seeds], lambda key: rate(means, *key))
    unplanned = sum(each is None for part in rated for each in part)
    kept = [each for part in rated for each in part if each is not None]
    curve = np.mean([each["learning"] for each in kept], axis=0)
    figures = {
        name: {key: np.array([each[name][key] for each in kept]) for key in kept[0][name]}
        for name in KNOWS
    }
    ours = {
        name: {
            "return": round(float(each["return"].mean()), 4),
            "standard_error": round(float(each["return"].std(ddof=1) / len(kept) ** 0.5), 4),
            "imbalance": round(float(each["imbalance"][:, -1].mean()), 4),
            "lost_share": round(float(each["lost"][:, -1].mean()), 4),
        }
        for name, each in figures.items()
    }
    _draw(out, curve, figures)
    ranked = sorted(KNOWS, key=lambda name: ours[name]["return"])
    return {
        "ours": ours,
        "paper": None,
        "learning_curve": curve.round(5).tolist(),
        "weights": dict(zip(FEATURES, np.round(means[-1], 4).tolist(), strict=True)),
        "draws_without_a_plan": unplanned,
        "rows": [
            row(f"return of {name}", None,
                "{return} +- {standard_error}".format(**ours[name]), len(kept), KNOWS[name])
            for name in ranked
        ],
        "note": f"{n} boards, {scenario.duration_s:g} slots, beta {BETA}; the return is the"
        " imbalance removed less the share lost.",
    }  # fmt: skip


def crowd(n: int) -> Scenario:
    return parse(
        f"duration_s = {CYCLE * CYCLES}\nsample_s = 1\nfloor_pct = {FLOOR_pct}\n"
        f"[crowd]\nn = {n}\nsoc_pct = [{FLOOR_pct}, 100]\n"
        f"[link]\nefficiency = {1 - BETA}\n[contacts]\nrandom = 5\nslot_s = 1\n"
    )


def learned(n: int, generations: int) -> tuple[list[list[float]], list[float]]:
    """Return the weights of each generation, and how its elite fared on its training draws."""

    def seeds(number: int) -> range:
        first = TRAINED_FROM + number * SHARED_SEEDS
        return range(first, first + SHARED_SEEDS)

    made = list(learn(crowd(n), seeds, generations))
    return [each.mean.tolist() for each in made], [each.best for each in made[1:]]


def rate(
    means: list[list[float]], n: int, _generations: int, first: int
) -> list[dict[str, Any] | None]:
    """Rate everything on draws first..first + A_PART - 1; None where a planner finds no plan."""
    scenario = crowd(n)
    made: list[dict[str, Any] | None] = []
    for seed in range(first, first + A_PART):
        try:
            each: dict[str, Any] = {
                name: rated(scenario, seed, policy)
                for name, policy in policies(scenario, seed, means[-1]).items()
            }
        except InputError:
            made.append(None)
            continue
        each["learning"] = returns(scenario, seed, np.array(means)).tolist()
        made.append(each)
    return made


def policies(scenario: Scenario, seed: int, weights: list[float]) -> dict[str, Policy]:
    spec, duration_s = scenario.contacts, scenario.duration_s
    assert isinstance(spec, Generated)
    assert scenario.crowd is not None
    assert duration_s is not None
    cycle = generated_cycle(spec, scenario.crowd.n, np.random.default_rng([seed, 1]))
    made: dict[str, Policy] = {name: make(name) for name in RULES}
    made["learned"] = LinearLevels(weights, duration_s, BETA)
    for method in PLANNERS:
        options = {"beta": BETA, "method": method, "floor_pct": FLOOR_pct}
        made[method] = make("plan", cycle=cycle, slot_s=spec.slot_s, **options)
    return made


def rated(scenario: Scenario, seed: int, policy: Policy) -> dict[str, Any]:
    """Run a policy in the event simulator; imbalance and lost share are (samples,)."""
    made = run(scenario, seed, scenario.link, policy=policy)
    total_J = made.energy_J.sum(axis=1)
    imbalance, lost = made.imbalance, 1 - total_J / total_J[0]
    gained = imbalance[0] - imbalance[-1] - lost[-1]
    return {"return": float(gained), "imbalance": imbalance.tolist(), "lost": lost.tolist()}


def _draw(out: Path, curve: Any, figures: dict[str, dict[str, Any]]) -> None:
    figure, (left, right) = new_figure(1, 2)
    left.plot(curve, "k-", label="learned, by generation")
    for k, (name, each) in enumerate(figures.items()):
        mean = each["imbalance"].mean(axis=0)
        right.semilogy(np.maximum(mean, 1e-4), color=f"C{k}", label=name)
        if name != "learned":
            left.axhline(each["return"].mean(), color=f"C{k}", linestyle="--", label=name)
    left.set(xlabel="generation", ylabel="return on unseen crowds")
    right.set(xlabel="slot", ylabel="imbalance")
    left.legend(fontsize="small", loc="upper right", bbox_to_anchor=(1.0, 0.95))
    right.legend(fontsize="small")
    figure.savefig(out / "learning.png")
