# SPDX-License-Identifier: MIT
"""`crowdcharge plan`: who charges whom over known contacts."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdcharge.cli import options, output
from crowdcharge.errors import InputError
from crowdcharge.files import naming, read_json_as
from crowdcharge.files.whole import write_whole

if TYPE_CHECKING:
    from crowdcharge import planner


@click.command()
@click.argument("path", metavar="PROBLEM.json|SCENARIO.toml", type=click.Path(path_type=Path))
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
@click.option("--to", metavar="FILE", type=click.Path(path_type=Path),
              help="Write the problem to this .json or scenario .toml; no plan.")  # fmt: skip
@click.option("--worth", is_flag=True, help="What it saves that boards give to several at once.")
@options.as_json
def plan(
    path: Path,
    method: str,
    max_doublings: int,
    to: Path | None,
    worth: bool,
    as_json: bool,
    **reading: Any,
) -> None:
    """Plan transfers for a problem: levels, contacts of one cycle, bounds, losses.

    A scenario is one if it has boards and a cycle of contacts.
    """
    from crowdcharge import planner

    problem = _problem(path, max_doublings)
    if to is not None:
        _write(problem, to)
        return
    if worth:
        if planner.PaperReading(**reading) != planner.PaperReading():
            raise InputError("--worth knows no other reading of the paper than the default")
        found = planner.worth(problem, method, max_doublings)
        output.document(asdict(found)) if as_json else click.echo(_worth_text(found))
        return
    solve = getattr(planner, method)
    with naming(path), output.console(stderr=True).status("planning"):  # shown on a terminal only
        made = solve(problem, max_doublings, planner.PaperReading(**reading))
    if as_json:
        output.document(made.to_json())
    else:
        click.echo(_text(made))
    if method == "lal" and problem.contact_beta.any():
        click.echo("note: lal plans without losses; beta was not used", err=True)


def _problem(path: Path, max_doublings: int) -> "planner.Problem":
    from crowdcharge import planner

    def checked(problem: planner.Problem) -> planner.Problem:
        problem.check_horizon(max_doublings)
        return problem

    if path.suffix != ".toml":
        return read_json_as(path, lambda document: checked(planner.Problem.from_json(document)))
    from crowdcharge.simulation import problem_file, study

    scenario = study.load(path)
    return checked(problem_file.problem_of(scenario, study.link_of(scenario, path.parent)))


def _write(problem: "planner.Problem", to: Path) -> None:
    from crowdcharge.simulation.problem_file import scenario_text

    if to.suffix not in {".json", ".toml"}:
        raise InputError(f"--to {to}: its name must end in .json or .toml")
    text = scenario_text(problem) if to.suffix == ".toml" else output.text_of(problem.to_json())
    write_whole(to, (text.rstrip("\n") + "\n").encode())
    output.say(f"wrote {to}: {problem.n} agents, {len(problem.contacts)} contacts a cycle")


def _worth_text(found: "planner.Worth") -> str:
    what = "time" if found.method == "lal" else "loss"
    groups, pairs = (
        "no plan" if each is None else f"{each:.6g}" for each in (found.groups, found.pairs)
    )
    least = "" if found.exact or found.pairs is None else "at least "
    return f"{what} with groups {groups}, one partner a slot {least}{pairs}"


def _text(made: "planner.Plan") -> str:
    if not made.ok:
        return f"unreachable: {made.reason}"
    lines = [f"time {made.time}, loss {made.loss:.6g}, last transfer in slot {made.last_transfer}"]
    lines += [f"{'slot':>8} {'from':>6} {'to':>6} {'sent':>12}"]
    lines += [f"{t:>8} {i:>6} {j:>6} {sent:>12.6g}" for t, i, j, sent in made.transfers]
    lines += ["final " + " ".join(f"{level:.6g}" for level in made.final)]
    return "\n".join(lines)
