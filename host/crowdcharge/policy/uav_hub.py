# SPDX-License-Identifier: MIT
"""PURE: a drone as a mobile energy hub, which devices to visit on one battery and in what order.

A reconstruction of the use case in ITU-T's report on P2P crowd charging, clause 11.2, in which
drones bring energy on demand to devices that run low. The report has no algorithm. Here the route
is an orienteering problem over energy: flying between two sites and serving one each cost the
drone energy, its battery is the budget, and the energy delivered is the prize.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import ceil, dist
from typing import Any

import numpy as np

from crowdcharge.errors import InputError
from crowdcharge.policy.loss_aware import check_beta
from crowdcharge.policy.rule import PairPolicy, Side, Tables, bounded_J


@dataclass(frozen=True, slots=True)
class Coupling:
    """What leaves and what arrives where the coils are `offset_m` out of line: as measured."""

    offset_m: float
    sent_W: float
    received_W: float


@dataclass(frozen=True, slots=True)
class Site:
    """A device on the ground, in metres from home; it counts only if all of it is delivered.

    `offset_m` is how far out of line with the device the drone has to hover.
    """

    agent: int
    east_m: float
    north_m: float
    wanted_J: float
    offset_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Drone:
    """A drone that may spend `budget_J` on flying, hovering and sending before it lands.

    `couplings`, sorted by offset, take the place of `link_W` and `beta`; between two of them both
    powers are linear. A site outside their range is refused.
    """

    budget_J: float
    speed_m_per_s: float = 10.0
    cruise_W: float = 180.0
    hover_W: float = 150.0
    link_W: float = 10.0
    beta: float = 0.2
    couplings: tuple[Coupling, ...] = ()

    def flight_J(self, distance_m: float) -> float:
        return self.cruise_W * distance_m / self.speed_m_per_s

    def powers_W(self, offset_m: float) -> tuple[float, float]:
        """Return what leaves and what arrives at this offset; InputError if unknown."""
        if not self.couplings:
            return self.link_W, self.link_W * (1 - self.beta)
        offsets_m = [each.offset_m for each in self.couplings]
        if not offsets_m[0] <= offset_m <= offsets_m[-1]:
            known = f"{offsets_m[0]:g} to {offsets_m[-1]:g} m"
            raise InputError(f"the couplings cover offsets of {known}, not {offset_m:g} m")
        sent_W = np.interp(offset_m, offsets_m, [each.sent_W for each in self.couplings])
        received_W = np.interp(offset_m, offsets_m, [each.received_W for each in self.couplings])
        return float(sent_W), float(received_W)

    def service_s(self, site: Site) -> float:
        return site.wanted_J / self.powers_W(site.offset_m)[1]

    def service_J(self, site: Site) -> float:
        """Return the energy to send so that all that is wanted arrives, and to hover as long."""
        return self.service_s(site) * (self.hover_W + self.powers_W(site.offset_m)[0])


@dataclass(frozen=True, slots=True)
class Route:
    stops: list[Site]
    delivered_J: float
    spent_J: float


def spent_J(drone: Drone, stops: Sequence[Site]) -> float:
    """Compute what a round trip through these stops in this order takes from the battery."""
    points = [(0.0, 0.0), *((stop.east_m, stop.north_m) for stop in stops), (0.0, 0.0)]
    flight = sum(drone.flight_J(dist(a, b)) for a, b in pairwise(points))
    return flight + sum(drone.service_J(stop) for stop in stops)


def plan_route(
    drone: Drone, sites: Sequence[Site], seed: int = 0, iterations: int = 1000
) -> Route:
    """Find a good (not proven best) route within the budget by PyVRP's iterated local search.

    Energies are rounded up to whole joules, so a route is never over the budget. The same seed
    gives the same route. Raises InputError for a budget or demand that is not positive.
    """
    if drone.budget_J <= 0 or any(site.wanted_J <= 0 for site in sites):
        raise InputError("the drone's budget and every demand must be positive")
    stops = [sites[k] for k in best_tour(drone, sites, seed, iterations)] if sites else []
    return Route(stops, sum(stop.wanted_J for stop in stops), spent_J(drone, stops))


def best_tour(drone: Drone, sites: Sequence[Site], seed: int, iterations: int) -> list[int]:
    """List the sites to visit by index; PyVRP's time is our energy, its shift our budget."""
    from pyvrp import Model, stop  # noqa: PLC0415 - belongs to an extra

    model, budget_J = Model(), int(drone.budget_J)
    points = [(0.0, 0.0), *((site.east_m, site.north_m) for site in sites)]
    places = [model.add_location(*point) for point in points]
    home = model.add_depot(places[0])
    # A joule delivered is worth more than any saving; of tours that deliver the same, the cheaper.
    model.add_vehicle_type(
        start_depot=home,
        end_depot=home,
        shift_duration=budget_J,
        unit_distance_cost=0,
        unit_duration_cost=1,
    )
    for place, site in zip(places[1:], sites, strict=True):
        prize = round(site.wanted_J) * (budget_J + 1)
        service_J = ceil(drone.service_J(site))
        model.add_client(place, service_duration=service_J, prize=prize, required=False)
    for (a, at_a), (b, at_b) in product(zip(places, points, strict=True), repeat=2):
        model.add_edge(a, b, 0, duration=ceil(drone.flight_J(dist(at_a, at_b))))
    best = model.solve(stop.MaxIterations(iterations), seed=seed, display=False).best
    if not best.is_feasible():
        return []
    return [visit.idx for route in best.routes() for visit in route if visit.is_client()]


def deliver(told: Any, _tables: Tables, _now_s: float, one: Side, other: Side) -> float:
    if not (one.keeps.is_hub or other.keeps.is_hub):
        return 0.0
    device = other if one.keeps.is_hub else one
    wanted_J = device.keeps.owed_J / (1 - told.beta)
    device.keeps.owed_J = 0.0
    return bounded_J(one, other, wanted_J if one.keeps.is_hub else -wanted_J)


class UavHub(PairPolicy):
    """The drone as a policy: at each stop it sends once what the route promised.

    `hub` is the drone's agent number, `stops` its route as (agent, wanted J). Other agents that it
    meets get nothing, and neither do meetings without it.
    """

    name = "uav-hub"
    says = "The hub gives each stop of its route, once, what the route promised."
    rule = staticmethod(deliver)

    def __init__(self, hub: int, stops: Iterable[Sequence[float]] = (), beta: float = 0.2) -> None:
        super().__init__()
        self.beta = check_beta(beta)
        self.keeps[hub].is_hub = 1
        for agent, wanted_J in stops:
            self.keeps[int(agent)].owed_J = wanted_J
