# SPDX-License-Identifier: MIT
"""`crowdcharge plan`: who charges whom over known contacts."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdcharge.cli import options, output
from crowdcharge.files import read_json_as

if TYPE_CHECKING:
    from crowdcharge import planner


@click.command()
@click.argument("path", metavar="PROBLEM.json", type=click.Path(path_type=Path))
@click.option("--method", type=click.Choice(["lal", "lay"]), default="lay", show_default=True,
              help="lal: shortest time, no losses; lay: least loss.")  # fmt: skip
@click.option("--max-doublings", type=click.IntRange(0, 10), default=3, show_default=True,
              help="Horizons C, 2C, ... up to this many doublings of the cycle.")  # fmt: skip
@click.option("--e-min-growth", type=click.Choice(["fixed", "doubled", "proportional"]),
              default="fixed", show_default=True, help="How e_min grows.")  # fmt: skip
@click.option("--bounds-from", type=click.Choice(["start", "first_contact"]), default="start",
              show_default=True, help="Time from which the bounds hold.")  # fmt: skip
@click.option("--burning", type=click.Choice(["accepted", "refused"]), default="accepted",
              show_default=True, help="Allow plans that move energy only to lose it.")  # fmt: skip
@options.as_json
def plan(path: Path, method: str, max_doublings: int, as_json: bool, **reading: Any) -> None:
    """Plan transfers for PROBLEM.json (levels, contacts of one cycle, bounds, losses)."""
    from crowdcharge import planner

    def parsed(document: Any) -> planner.Problem:
        problem = planner.Problem.from_json(document)
        problem.check_horizon(max_doublings)
        return problem

    problem = read_json_as(path, parsed)
    solve = getattr(planner, method)
    with output.console(stderr=True).status("planning"):  # shown on a terminal only
        made = solve(problem, max_doublings, planner.PaperReading(**reading))
    if as_json:
        output.document(made.to_json())
    else:
        click.echo(_text(made))
    if method == "lal" and problem.contact_beta.any():
        click.echo("note: lal plans without losses; beta was not used", err=True)


def _text(made: "planner.Plan") -> str:
    if not made.ok:
        return f"unreachable: {made.reason}"
    lines = [f"time {made.time}, loss {made.loss:.6g}, last transfer in slot {made.last_transfer}"]
    lines += [f"{'slot':>8} {'from':>6} {'to':>6} {'sent':>12}"]
    lines += [f"{t:>8} {i:>6} {j:>6} {sent:>12.6g}" for t, i, j, sent in made.transfers]
    lines += ["final " + " ".join(f"{level:.6g}" for level in made.final)]
    return "\n".join(lines)
