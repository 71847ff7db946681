# SPDX-License-Identifier: MIT
"""`crowdcharge plan`: who charges whom over known contacts."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from crowdcharge.cli import options
from crowdcharge.errors import InputError
from crowdcharge.text_files import read_text

if TYPE_CHECKING:
    from crowdcharge import planner

PROBLEM_MAX_bytes = 50_000_000


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

    document = parsed(read_text(path, PROBLEM_MAX_bytes), str(path))
    try:
        problem = planner.Problem.from_json(document)
        problem.check_horizon(max_doublings)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    solve = getattr(planner, method)
    with Console(stderr=True).status("planning"):  # shown on a terminal only
        made = solve(problem, max_doublings, planner.PaperReading(**reading))
    click.echo(json.dumps(made.to_json(), allow_nan=False) if as_json else _text(made))
    if method == "lal" and problem.contact_beta.any():
        click.echo("note: lal plans without losses; beta was not used", err=True)


def parsed(text: str, name: str) -> Any:
    """Parse one JSON document; InputError in one line for what is none, or says a key twice."""

    def only_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(pairs)
        if len(document) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise InputError(f"{name}: the key {twice!r} is given twice")
        return document

    try:
        return json.loads(text, object_pairs_hook=only_once)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}: {error.msg} at column {error.colno}"
        raise InputError(f"{name}, {where}; this is not JSON") from None
    except ValueError:  # Python's own limit, see sys.set_int_max_str_digits
        digits = re.search(r"[0-9]{4000,}", text)
        line = text.count("\n", 0, digits.start() if digits else 0) + 1
        raise InputError(f"{name}, line {line}: a number has too many digits") from None
    except RecursionError:
        raise InputError(f"{name}: is nested too deep") from None


def _text(made: "planner.Plan") -> str:
    if not made.ok:
        return f"unreachable: {made.reason}"
    lines = [f"time {made.time}, loss {made.loss:.6g}, last transfer in slot {made.last_transfer}"]
    lines += [f"{'slot':>8} {'from':>6} {'to':>6} {'sent':>12}"]
    lines += [f"{t:>8} {i:>6} {j:>6} {sent:>12.6g}" for t, i, j, sent in made.transfers]
    lines += ["final " + " ".join(f"{level:.6g}" for level in made.final)]
    return "\n".join(lines)
