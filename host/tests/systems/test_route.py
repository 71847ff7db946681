# SPDX-License-Identifier: MIT
"""`crowdcharge route`: sorties keep every budget, and the hub gives what it has, one by one."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdcharge.errors import InputError
from crowdcharge.policy.fleet import DroneHub, duration_s, plan_fleet
from crowdcharge.policy.uav_hub import Coupling, Drone, Site, spent_J

from ..command import run_command

pytest.importorskip("pyvrp")
jsonschema = pytest.importorskip("jsonschema")
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
    plan = plan_fleet(fleet, wanted, DroneHub(energy_J, charge_W), iterations=30)
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
    plan = plan_fleet([drone], [*near, far], DroneHub(1e6, 100.0))
    assert plan.unserved == [far]
    first, second = plan.sorties
    assert second.charges_s == first.lands_s
    assert second.charged_s - second.charges_s == pytest.approx(first.route.spent_J / 100.0)
    alone = plan_fleet([drone], [*near, far], DroneHub(0.0, 100.0))
    assert len(alone.sorties) == 1


COUPLINGS = (Coupling(0.0, 10.0, 8.0), Coupling(0.2, 10.0, 6.0), Coupling(0.3, 8.0, 2.0))


@given(st.floats(0, 0.3), st.floats(1, 2000))
def test_what_arrives_follows_the_offset(offset_m: float, wanted_J: float) -> None:
    """Two straight lines, written out here: the drone stays until what it brings has arrived."""
    drone, site = Drone(1e6, couplings=COUPLINGS), Site(1, 0, 0, wanted_J, offset_m)
    if offset_m <= 0.2:
        sent_W, received_W = 10.0, 8 - 10 * offset_m
    else:
        sent_W, received_W = 10 - 20 * (offset_m - 0.2), 6 - 40 * (offset_m - 0.2)
    stay_s = drone.service_s(site)
    assert stay_s * received_W == pytest.approx(wanted_J)
    assert drone.service_J(site) == pytest.approx(stay_s * (drone.hover_W + sent_W))


def test_one_coupling_is_a_link_that_is_the_same_everywhere() -> None:
    site = Site(1, 300, 400, 900)
    plain, one = Drone(1e5), Drone(1e5, couplings=(Coupling(0.0, 10.0, 8.0),))
    assert one.service_J(site) == pytest.approx(plain.service_J(site))
    with pytest.raises(InputError, match="cover offsets of 0 to 0 m, not"):
        one.service_s(Site(1, 0, 0, 5, 0.1))


# The keys that QGroundControl's documentation of its plan files, version 1, asks for.
NUMBER_OR_NULL = {"type": ["number", "null"]}
ITEM = {
    "type": "object",
    "required": ["autoContinue", "command", "doJumpId", "frame", "params", "type"],
    "properties": {
        "autoContinue": {"const": True},
        "command": {"type": "integer", "minimum": 0},
        "doJumpId": {"type": "integer", "minimum": 1},
        "frame": {"enum": [0, 2, 3]},
        "params": {"type": "array", "items": NUMBER_OR_NULL, "minItems": 7, "maxItems": 7},
        "type": {"const": "SimpleItem"},
        "Altitude": {"type": "number"},
        "AltitudeMode": {"type": "integer"},
        "AMSLAltAboveTerrain": NUMBER_OR_NULL,
    },
    "additionalProperties": False,
    "if": {"properties": {"frame": {"const": 3}}},
    "then": {"required": ["Altitude", "AltitudeMode", "AMSLAltAboveTerrain"]},
    "else": {"not": {"required": ["Altitude"]}},
}
PLACE = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
PLAN = {
    "type": "object",
    "required": ["fileType", "groundStation", "mission", "version"],
    "properties": {
        "fileType": {"const": "Plan"},
        "groundStation": {"const": "QGroundControl"},
        "version": {"const": 1},
        "mission": {
            "type": "object",
            "required": ["cruiseSpeed", "firmwareType", "hoverSpeed", "items",
                         "plannedHomePosition", "vehicleType", "version"],
            "properties": {
                "items": {"type": "array", "items": ITEM, "minItems": 1},
                "plannedHomePosition": PLACE,
                "version": {"const": 2},
            },
        },
        "geoFence": {"type": "object", "required": ["circles", "polygons", "version"],
                     "properties": {"version": {"const": 2}}},
        "rallyPoints": {"type": "object", "required": ["points", "version"],
                        "properties": {"version": {"const": 2}}},
    },
}  # fmt: skip


def route(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command("route", *arguments)


def test_the_example_with_missions(tmp_path: Path) -> None:
    ran = route(str(FLEET), "--missions", str(tmp_path / "plans"), "--json")
    document = json.loads(ran.stdout)
    assert document["unserved"] == []
    assert document["delivered_J"] == 1600
    plans = sorted((tmp_path / "plans").glob("*.plan"))
    assert len(plans) == len(document["sorties"])
    missions = [json.loads(plan.read_text(encoding="utf-8")) for plan in plans]
    for plan in missions:
        jsonschema.validate(plan, PLAN)
    items = [item for plan in missions for item in plan["mission"]["items"]]
    loiters = [item for item in items if item["command"] == 19]
    assert len(loiters) == 3


COUPLED = "[[couplings]]\noffset_m = 0.1\nsent_W = 10\nreceived_W = 7\n"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("wanted_J = 700", "wanted_J = -1"), "sites[1].wanted_J"),
        (("agent = 5", "agent = 3"), "site 3 is there twice"),
        (("budget_J = 120_000", "speed_m_per_s = 3"), "drones[1].budget_J: is missing"),
        (("charge_W = 200", "charge_kW = 2"), "hub.charge_kW: unknown key"),
        (("wanted_J = 400", "wanted_J = 400\noffset_m = 0.1"), "sites[0].offset_m: needs"),
        (("[hub]", f"{COUPLED}[hub]"), "sites[0].offset_m: is outside"),
        (("[hub]", f"{COUPLED}{COUPLED}[hub]"), "couplings[1].offset_m: must rise"),
        (
            ("budget_J = 120_000", f"budget_J = 120_000\nbeta = 0.3\n{COUPLED}"),
            "drones[1].beta: is said by",
        ),
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
