# SPDX-License-Identifier: MIT
"""`crowdcharge route`: which drone brings energy where, and when it charges at the hub."""

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from crowdcharge.cli import options, output
from crowdcharge.files import folder_for, naming, read_text
from crowdcharge.toml_table import Table

if TYPE_CHECKING:
    from crowdcharge.policy.fleet import DroneHub, FleetPlan
    from crowdcharge.policy.uav_hub import Coupling, Drone, Site

_LENGTH_MAX_m = 100_000.0


class FleetFile(NamedTuple):
    """What FLEET.toml says; `home` is read where missions are written."""

    drones: list["Drone"]
    sites: list["Site"]
    hub: "DroneHub"
    home: Table


@click.command()
@click.argument("path", metavar="FLEET.toml", type=click.Path(path_type=Path))
@click.option("--missions", type=click.Path(path_type=Path), metavar="DIR",
              help="Write a plan for QGroundControl for each sortie.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**32 - 1))
@options.as_json
def route(path: Path, missions: Path | None, seed: int, as_json: bool) -> None:
    """Plan sorties for the drones, sites and hub of FLEET.toml."""
    from crowdcharge.policy.fleet import plan_fleet

    fleet = read(path)
    doing = f"planning for {len(fleet.sites)} sites"
    with naming(path), output.console(stderr=True).status(doing):
        plan = plan_fleet(fleet.drones, fleet.sites, fleet.hub, seed)
    if missions is not None:
        _write_missions(plan, fleet.drones, fleet.home, missions)
    document = _document(plan)
    if as_json:
        output.document(document)
        return
    output.table(
        ("drone", "starts", "lands", "sites", "delivered"),
        (
            (
                each["drone"],
                f"{each['starts_s']:.0f} s",
                f"{each['lands_s']:.0f} s",
                ", ".join(str(site) for site in each["sites"]),
                f"{each['delivered_J']:.0f} J",
            )
            for each in document["sorties"]
        ),
    )
    click.echo(
        f"{document['delivered_J']:.0f} J delivered, {len(document['unserved'])} sites unserved, "
        f"{document['hub_left_J']:.0f} J left at the hub"
    )


def read(path: Path) -> FleetFile:
    top = Table.parse(read_text(path), str(path))
    top.only({"home", "hub", "drones", "sites", "couplings"})
    couplings = _couplings(top)
    return FleetFile(_drones(top, couplings), _sites(top, couplings), _hub(top), top.table("home"))


def _couplings(top: Table) -> tuple["Coupling", ...]:
    from crowdcharge.policy.uav_hub import Coupling

    made: list[Coupling] = []
    for table in top.tables("couplings"):
        table.only({each.name for each in fields(Coupling)})
        offset_m = table.number("offset_m", None, 0, _LENGTH_MAX_m)
        sent_W = table.number("sent_W", None, 1e-6, 1e9)
        if made and offset_m <= made[-1].offset_m:
            raise table.fail("offset_m", "must rise from one coupling to the next")
        made.append(Coupling(offset_m, sent_W, table.number("received_W", None, 1e-6, sent_W)))
    return tuple(made)


def _drones(top: Table, couplings: tuple["Coupling", ...]) -> list["Drone"]:
    from crowdcharge.policy.uav_hub import Drone

    made = []
    for table in top.tables("drones"):
        table.only({each.name for each in fields(Drone)} - {"couplings"})
        for key in {"link_W", "beta"} & table.values().keys() if couplings else ():
            raise table.fail(key, "is said by [[couplings]]")
        positive = {key: table.number(key, least=1e-6, most=1e12) for key in table.values()}
        if positive.get("beta", 0.0) >= 1:
            raise table.fail("beta", "must be below 1")
        if "budget_J" not in positive:
            raise table.fail("budget_J", "is missing")
        made.append(Drone(**positive, couplings=couplings))
    return made


def _sites(top: Table, couplings: tuple["Coupling", ...]) -> list["Site"]:
    from crowdcharge.policy.uav_hub import Site

    made: list[Site] = []
    for table in top.tables("sites"):
        table.only({each.name for each in fields(Site)})
        site = Site(
            table.integer("agent", None, 0, 65_534),
            table.number("east_m", None, -_LENGTH_MAX_m, _LENGTH_MAX_m),
            table.number("north_m", None, -_LENGTH_MAX_m, _LENGTH_MAX_m),
            table.number("wanted_J", None, 1e-3, 1e9),
            table.number("offset_m", 0.0, 0, _LENGTH_MAX_m),
        )
        if site.offset_m and not couplings:
            raise table.fail("offset_m", "needs [[couplings]]: what arrives at which offset")
        if couplings and not couplings[0].offset_m <= site.offset_m <= couplings[-1].offset_m:
            raise table.fail("offset_m", "is outside what [[couplings]] cover")
        if any(site.agent == other.agent for other in made):
            raise table.fail("agent", f"site {site.agent} is there twice")
        made.append(site)
    return made


def _hub(top: Table) -> "DroneHub":
    from crowdcharge.policy.fleet import DroneHub

    table = top.table("hub")
    table.only({"energy_J", "charge_W"})
    return DroneHub(
        table.number("energy_J", 0.0, 0, 1e15), table.number("charge_W", 100.0, 1e-6, 1e9)
    )


def _write_missions(plan: "FleetPlan", drones: list["Drone"], home: Table, folder: Path) -> None:
    from crowdcharge.files.marker import result
    from crowdcharge.policy.mission import mission

    place = (home.number("latitude", None, -89, 89), home.number("longitude", None, -180, 180))
    altitude_m = home.number("altitude_m", 20.0, 1, 500)
    folder_for(folder, "--missions")
    for number, sortie in enumerate(plan.sorties, 1):
        made = mission(sortie.route, drones[sortie.drone], place, altitude_m)
        name = f"sortie-{number:03d}-drone-{sortie.drone + 1}.plan"
        with result(folder / name) as beside:
            beside.write_text(json.dumps(made, indent=1), encoding="utf-8")


def _document(plan: "FleetPlan") -> dict[str, Any]:
    return {
        "sorties": [
            {
                "drone": sortie.drone + 1,
                "charges_s": sortie.charges_s,
                "charged_s": sortie.charged_s,
                "starts_s": sortie.starts_s,
                "lands_s": sortie.lands_s,
                "sites": [stop.agent for stop in sortie.route.stops],
                "delivered_J": sortie.route.delivered_J,
                "spent_J": sortie.route.spent_J,
            }
            for sortie in plan.sorties
        ],
        "unserved": [site.agent for site in plan.unserved],
        "delivered_J": plan.delivered_J,
        "hub_left_J": plan.hub_left_J,
        "ends_s": plan.ends_s,
    }
