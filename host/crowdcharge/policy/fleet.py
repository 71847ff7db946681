# SPDX-License-Identifier: MIT
"""PURE: several drones from one hub: sorties, the hub's energy, and who charges when.

A reconstruction of the use case in ITU-T's report on P2P crowd charging, clause 11.2, which has no
algorithm. Sorties are planned one after the other, each the best that `plan_route` finds for the
drone that is ready first; the hub charges one drone at a time and gives no more than it has. That
is greedy: it is not proven best, but each sortie keeps the drone's budget and the hub's energy.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from crowdcharge.errors import InputError
from crowdcharge.policy.uav_hub import Drone, Route, Site, plan_route

SITES_MAX, DRONES_MAX, SORTIES_MAX = 500, 50, 200


@dataclass(frozen=True, slots=True)
class DroneHub:
    """What the drones are charged from; they start full. `charge_W` goes into one at a time."""

    energy_J: float
    charge_W: float


@dataclass(frozen=True, slots=True)
class Sortie:
    """`charges_s` and `charged_s`: when the drone is on the hub before it starts."""

    drone: int
    charges_s: float
    charged_s: float
    starts_s: float
    lands_s: float
    route: Route


@dataclass(frozen=True, slots=True)
class FleetPlan:
    sorties: list[Sortie]
    unserved: list[Site]
    delivered_J: float
    hub_left_J: float

    @property
    def ends_s(self) -> float:
        return max((sortie.lands_s for sortie in self.sorties), default=0.0)


@dataclass(slots=True)
class _Ready:
    """A drone on the ground; `missing_J` is what the hub has to put back."""

    number: int
    landed_s: float = 0.0
    missing_J: float = 0.0


def plan_fleet(
    drones: Sequence[Drone],
    sites: Iterable[Site],
    hub: DroneHub,
    seed: int = 0,
    iterations: int = 300,
) -> FleetPlan:
    """Serve sites until none is left that a drone can reach, or the hub cannot refill a drone."""
    left = list(sites)
    _check(drones, left, hub)
    ready = [_Ready(number) for number in range(len(drones))]
    free_s, energy_J = 0.0, hub.energy_J
    sorties: list[Sortie] = []
    while left and ready and len(sorties) < SORTIES_MAX:
        now = min(ready, key=lambda each: (each.missing_J > 0, each.landed_s, each.number))
        put_J = min(now.missing_J, energy_J)
        drone = drones[now.number]
        budget_J = drone.budget_J - now.missing_J + put_J
        route = _route(drone, budget_J, left, seed + len(sorties), iterations)
        if not route.stops:
            ready.remove(now)
            continue
        charges_s = max(free_s, now.landed_s)
        charged_s = charges_s + put_J / hub.charge_W
        free_s = charged_s if put_J else free_s
        energy_J -= put_J
        starts_s = charged_s if put_J else now.landed_s
        lands_s = starts_s + duration_s(drone, route)
        sorties.append(Sortie(now.number, charges_s, charged_s, starts_s, lands_s, route))
        now.landed_s, now.missing_J = lands_s, now.missing_J - put_J + route.spent_J
        left = [site for site in left if site not in route.stops]
    delivered_J = sum(sortie.route.delivered_J for sortie in sorties)
    return FleetPlan(sorties, left, delivered_J, energy_J)


def duration_s(drone: Drone, route: Route) -> float:
    """Add up flying and serving, from the energies of which the route was made."""
    serving_s = sum(drone.service_s(stop) for stop in route.stops)
    serving_J = sum(drone.service_J(stop) for stop in route.stops)
    return serving_s + (route.spent_J - serving_J) / drone.cruise_W


def _route(
    drone: Drone, budget_J: float, sites: Sequence[Site], seed: int, iterations: int
) -> Route:
    if budget_J < 1:  # the solver counts in whole joules
        return Route([], 0.0, 0.0)
    return plan_route(replace(drone, budget_J=budget_J), sites, seed, iterations)


def _check(drones: Sequence[Drone], sites: Sequence[Site], hub: DroneHub) -> None:
    bounds = (("drones", drones, DRONES_MAX), ("sites", sites, SITES_MAX))
    for name, given, most in bounds:
        if not 1 <= len(given) <= most:
            raise InputError(f"{name}: 1 to {most} are needed, not {len(given)}")
    if not (hub.energy_J >= 0 and hub.charge_W > 0):
        raise InputError("hub: energy_J must be 0 or more, and charge_W above 0")
