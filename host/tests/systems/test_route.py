# SPDX-License-Identifier: MIT
"""`crowdcharge route`: sorties keep every budget, and the hub gives what it has, one by one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.policy.fleet import HomeBase, duration_s, plan_fleet
from crowdcharge.policy.uav_hub import Drone, Site, spent_J

pytest.importorskip("pyvrp")
ROOT = Path(__file__).parents[3]
FLEET = ROOT / "docs" / "examples" / "fleet.toml"

SITES = st.lists(
    st.tuples(st.integers(-1500, 1500), st.integers(-1500, 1500), st.integers(1, 900)),
    min_size=1,
    max_size=7,
)


@settings(max_examples=25, deadline=None)
@given(SITES, st.integers(1, 3), st.floats(0, 4e5), st.floats(20, 500))
def test_every_budget_is_kept(
    sites: list[tuple[int, int, int]], drones: int, energy_J: float, charge_W: float
) -> None:
    fleet = [Drone(80_000.0 + 20_000 * number) for number in range(drones)]
    wanted = [Site(number, *site) for number, site in enumerate(sites)]
    plan = plan_fleet(fleet, wanted, HomeBase(energy_J, charge_W), iterations=30)
    served = [stop.agent for sortie in plan.sorties for stop in sortie.route.stops]
    assert sorted(served + [site.agent for site in plan.unserved]) == list(range(len(wanted)))
    levels = [drone.budget_J for drone in fleet]
    busy_until_s, given_J = 0.0, 0.0
    landed_s = [0.0] * drones
    for sortie in plan.sorties:
        put_J = (sortie.charged_s - sortie.charges_s) * charge_W
        if put_J > 0:
            assert sortie.charges_s >= max(busy_until_s, landed_s[sortie.drone]) - 1e-6
            busy_until_s = sortie.charged_s
        given_J += put_J
        drone = fleet[sortie.drone]
        levels[sortie.drone] += put_J - spent_J(drone, sortie.route.stops)
        assert -1e-3 <= levels[sortie.drone] <= drone.budget_J + 1e-3
        assert (
            sortie.starts_s >= max(landed_s[sortie.drone], sortie.charged_s * (put_J > 0)) - 1e-6
        )
        landed_s[sortie.drone] = sortie.starts_s + duration_s(drone, sortie.route)
        assert sortie.lands_s == pytest.approx(landed_s[sortie.drone])
    assert given_J <= energy_J + 1e-3
    assert plan.hub_left_J == pytest.approx(energy_J - given_J, abs=1e-3)


def test_a_far_site_stays_unserved_and_a_second_sortie_charges_first() -> None:
    near = [Site(1, 900, 0, 500), Site(2, -900, 0, 500)]
    far = Site(9, 90_000, 0, 1)
    drone = Drone(48_000.0)
    plan = plan_fleet([drone], [*near, far], HomeBase(1e6, 100.0))
    assert plan.unserved == [far]
    first, second = plan.sorties
    assert second.charges_s == first.lands_s
    assert second.charged_s - second.charges_s == pytest.approx(first.route.spent_J / 100.0)
    alone = plan_fleet([drone], [*near, far], HomeBase(0.0, 100.0))
    assert len(alone.sorties) == 1


def route(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from crowdcharge.cli import main; main()", "route"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


def test_the_example_with_missions(tmp_path: Path) -> None:
    ran = route(str(FLEET), "--missions", str(tmp_path / "plans"), "--json")
    document = json.loads(ran.stdout)
    assert document["unserved"] == []
    assert document["delivered_J"] == 1600
    plans = sorted((tmp_path / "plans").glob("*.plan"))
    assert len(plans) == len(document["sorties"])
    loiters = [
        item
        for plan in plans
        for item in json.loads(plan.read_text(encoding="utf-8"))["mission"]["items"]
        if item["command"] == 19
    ]
    assert len(loiters) == 3


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("wanted_J = 700", "wanted_J = -1"), "sites[1].wanted_J"),
        (("agent = 5", "agent = 3"), "site 3 is there twice"),
        (("budget_J = 120_000", "speed_m_per_s = 3"), "drones[1].budget_J: is missing"),
        (("charge_W = 200", "charge_kW = 2"), "hub.charge_kW: unknown key"),
    ],
)
def test_bad_input_names_the_line(tmp_path: Path, change: tuple[str, str], expected: str) -> None:
    path = tmp_path / "fleet.toml"
    path.write_text(FLEET.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    ran = route(str(path))
    assert (ran.returncode, ran.stderr.count("\n"), ran.stdout) == (2, 1, "")
    assert expected.replace("[", ".").replace("]", "") in ran.stderr.replace("[", ".").replace(
        "]", ""
    )
    assert ", line " in ran.stderr
