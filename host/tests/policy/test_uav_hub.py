# SPDX-License-Identifier: MIT
"""The drone's route against every route there is; its plan file; its policy."""

import json
from itertools import permutations

import numpy as np
import pytest

from crowdcharge.errors import InputError
from crowdcharge.policy import Offer, make
from crowdcharge.policy.mission import mission
from crowdcharge.policy.uav_hub import Drone, Site, plan_route, spent_J

DRONE = Drone(budget_J=150_000)


def sites(seed, n):
    rng = np.random.default_rng(seed)
    return [
        Site(k, *(float(x) for x in rng.uniform(-800, 800, 2)), float(rng.integers(500, 3000)))
        for k in range(n)
    ]


def best_delivery(drone, places):
    """Brute force over all ordered subsets."""
    orders = (p for k in range(len(places) + 1) for p in permutations(places, k))
    return max(sum(s.wanted_J for s in p) for p in orders if spent_J(drone, p) <= drone.budget_J)


@pytest.mark.parametrize("seed", range(6))
def test_route_equals_brute_force(seed):
    places = sites(seed, 6)
    route = plan_route(DRONE, places, iterations=300)
    assert route.delivered_J == best_delivery(DRONE, places)
    assert 0 < route.spent_J <= DRONE.budget_J


def test_budget_decides_how_far_it_goes():
    places = sites(3, 12)
    delivered = [
        plan_route(Drone(budget_J), places, iterations=300).delivered_J
        for budget_J in (1, 60_000, 200_000, 2_000_000)
    ]
    assert delivered[0] == 0
    assert delivered == sorted(delivered)
    assert delivered[-1] == sum(place.wanted_J for place in places)
    assert plan_route(DRONE, []).stops == []
    with pytest.raises(InputError, match="must be positive"):
        plan_route(DRONE, [Site(0, 1, 1, 0)])


def test_plan_file_has_what_qgroundcontrol_asks_for():
    route = plan_route(DRONE, sites(1, 5), iterations=200)
    plan = json.loads(json.dumps(mission(route, DRONE, (52.0, 13.0), 25.0)))
    assert (plan["fileType"], plan["version"], plan["mission"]["version"]) == ("Plan", 1, 2)
    items = plan["mission"]["items"]
    assert [i["command"] for i in items] == [22, *[19] * len(route.stops), 20]
    assert [i["doJumpId"] for i in items] == list(range(1, len(items) + 1))
    assert all(len(i["params"]) == 7 for i in items)
    stop, params = route.stops[0], items[1]["params"]
    assert params[0] == pytest.approx(stop.wanted_J / 0.8 / 10, abs=0.1)
    assert (params[4] - 52.0) * 111_320 == pytest.approx(stop.north_m, abs=1)
    assert (params[5] - 13.0) * 111_320 * np.cos(np.radians(52)) == pytest.approx(
        stop.east_m, abs=1
    )
    assert params[6] == 25.0


def test_hub_sends_what_the_route_promised_once(crowd):
    policy = make("uav-hub", hub=9, stops=[(0, 8.0)], beta=0.2)
    people = crowd([1.0, 2.0], beta=0.2)
    people.views[9] = type(people.views[0])(100.0)
    assert people.meet(policy, 0, 9) == Offer(9, 0, 10.0)
    assert people.views[0].energy_J == 9.0
    assert people.meet(policy, 9, 0) is None
    assert people.meet(policy, 0, 1) is None
