# SPDX-License-Identifier: MIT
"""`crowdcharge lanes`: where a few charging lanes serve best those who move past."""

from pathlib import Path

import click

from crowdcharge.cli import options, output
from crowdcharge.errors import InputError
from crowdcharge.files import read_text

MOVEMENT_MAX_bytes = 400_000_000
_POSITIVE = options.Number(0, 1e12, min_open=True)


@click.command()
@click.argument("path", metavar="MOVEMENT", type=click.Path(path_type=Path))
@click.option("--lanes", "count", default=3, show_default=True, type=click.IntRange(1, 1000),
              help="How many lanes there are at most.")  # fmt: skip
@click.option("--length", "side_m", default=100.0, show_default=True, type=_POSITIVE,
              help="Length of a lane in m; the ground is cut into squares of it.")  # fmt: skip
@click.option("--power", "power_W", default=20_000.0, show_default=True, type=_POSITIVE,
              help="What a lane gives to one node, in W.")  # fmt: skip
@click.option("--wanted", "wanted_J", default=3.6e6, show_default=True, type=_POSITIVE,
              help="What a node takes at most, in J.")  # fmt: skip
@options.as_json
def lanes(
    path: Path, count: int, side_m: float, power_W: float, wanted_J: float, as_json: bool
) -> None:
    """Choose the places of lanes for MOVEMENT, a movement file of the ONE simulator."""
    from crowdcharge.simulation.siting import site_lanes
    from crowdcharge.simulation.traces.movement import read_legs
    from crowdcharge.simulation.traces.rows import lines_of

    text = read_text(path, MOVEMENT_MAX_bytes)
    legs, names, _ = read_legs(lines_of(text), str(path))
    if not names:
        raise InputError(f"{path}: nobody moves")
    with output.console(stderr=True).status("siting"):
        made = site_lanes(legs, len(names), count, side_m, power_W, wanted_J)
    delivered_J = float(made.served_J.sum())
    document = {
        "lanes": made.lanes.tolist(),
        "served_J": dict(zip(names, made.served_J.tolist(), strict=True)),
        "delivered_J": delivered_J,
        "share_of_demand": delivered_J / (wanted_J * len(names)),
        "most_J": made.bound_J,
    }
    if as_json:
        output.document(document)
        return
    output.table(("x in m", "y in m"), ((f"{x:g}", f"{y:g}") for x, y in made.lanes), right=True)
    click.echo(
        f"{delivered_J:.6g} J delivered to {len(names)} nodes,"
        f" {100 * document['share_of_demand']:.1f} % of what they want;"
        f" at most {made.bound_J:.6g} J is possible with {count} lanes"
    )
