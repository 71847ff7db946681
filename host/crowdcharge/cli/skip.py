# SPDX-License-Identifier: MIT
"""`crowdcharge skip`: which cord sessions two users who meet could have spared each other."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdcharge.cli import options, output
from crowdcharge.errors import InputError
from crowdcharge.files import naming, read_text

if TYPE_CHECKING:
    from crowdcharge.policy.charging_skip import Event, SkipPlan
    from crowdcharge.simulation.days import Days

DAYS_MAX_bytes = 10_000_000


@click.command()
@click.argument("path", metavar="DAYS.csv", type=click.Path(path_type=Path))
@click.option("--rate", default=0.5, show_default=True, type=options.Number(0, 100),
              help="Percent of a capacity that a meeting moves in a minute.")  # fmt: skip
@click.option(
    "--beta",
    default=0.2,
    show_default=True,
    type=options.Number(),
    help="Share that a transfer loses.",
)
@click.option("--least", default=10, show_default=True, type=click.IntRange(0, 100),
              help="Level in percent below which nobody may come.")  # fmt: skip
@click.option("--selfish", metavar="USER", help="Only this user skips; the other helps.")
@options.as_json
def skip(
    path: Path, rate: float, beta: float, least: int, selfish: str | None, as_json: bool
) -> None:
    """Plan which cord sessions the two users of DAYS.csv can spare each other.

    Its columns are time, event, user, before_pct, after_pct and minutes.
    """
    from crowdcharge.policy.charging_skip import charging_skip
    from crowdcharge.simulation.days import read_days

    days = read_days(read_text(path, DAYS_MAX_bytes), str(path), rate)
    if selfish is not None and selfish not in days.users:
        raise InputError(f"--selfish must be one of {', '.join(days.users)}, not {selfish!r}")
    only = None if selfish is None else days.users.index(selfish)
    with naming(path), output.console(stderr=True).status("planning"):
        plan = charging_skip(days.events, days.start, least, 100, beta, only)
    if plan is None:
        raise InputError(
            f"{path}: even with every session a level falls below {least} %; lower --least"
        )
    apart = [_without_power(event) for event in days.events]
    alone = charging_skip(apart, days.start, least, 100, beta, only)
    document = _document(days, plan, alone)
    if as_json:
        output.document(document)
    else:
        click.echo(_text(document))
        _table(document)


def _without_power(event: "Event") -> "Event":
    from crowdcharge.policy.charging_skip import PlannedMeeting

    return replace(event, most=0) if isinstance(event, PlannedMeeting) else event


def _document(days: "Days", plan: "SkipPlan", alone: "SkipPlan | None") -> dict[str, Any]:
    return {
        "users": list(days.users),
        "days": days.span_days,
        "sessions": [days.sessions(user) for user in (0, 1)],
        "skipped": list(plan.skips),
        "skipped_without_meetings": list(alone.skips) if alone else None,
        "choices": [
            {"line": line, "time_s": time_s, "user": user, "choice": _said(choice, days.users)}
            for line, time_s, user, choice in zip(
                days.lines, days.times_s, map(days.owner, days.events), plan.choices, strict=True
            )
        ],
    }


def _said(choice: str | int, users: tuple[str, str]) -> str:
    if isinstance(choice, str) or choice == 0:
        return str(choice) if choice else "nothing"
    giver, taker = users if choice > 0 else users[::-1]
    return f"{giver} gives {taker} {abs(choice)} %"


def _text(document: dict[str, Any]) -> str:
    counts = zip(document["users"], document["skipped"], document["sessions"], strict=True)
    said = ", ".join(f"{user} skips {skipped} of {all_}" for user, skipped, all_ in counts)
    alone = document["skipped_without_meetings"]
    apart = (
        "all sessions would be too few"
        if alone is None
        else f"they could skip {alone[0]} and {alone[1]}"
    )
    return f"{said} cord sessions in {document['days']:.1f} days; without meetings {apart}"


def _table(document: dict[str, Any]) -> None:
    output.table(("line", "what"), ((each["line"], _shown(each)) for each in document["choices"]))


def _shown(choice: dict[str, Any]) -> str:
    user, what = choice["user"], choice["choice"]
    return str(what) if user is None else f"{user} {what}s the cord session"
