# SPDX-License-Identifier: MIT
"""`crowdcharge forecast`: how much each user will need by the hour, and how well that did."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdcharge.cli import options, output
from crowdcharge.files import read_text

if TYPE_CHECKING:
    from crowdcharge.simulation.forecast import Forecast

USE_MAX_bytes = 100_000_000


@click.command()
@click.argument("path", metavar="USE.csv", type=click.Path(path_type=Path))
@options.as_json
def forecast(path: Path, as_json: bool) -> None:
    """Forecast each user's demand from USE.csv (columns time, user, used_J).

    A user's 24 means are what the policy expected-share takes as use_W.
    """
    from crowdcharge.simulation.forecast import forecast as forecast_of
    from crowdcharge.simulation.forecast import read_use

    users = read_use(read_text(path, USE_MAX_bytes), str(path))
    documents = {user: _document(forecast_of(use)) for user, use in users.items()}
    if as_json:
        output.document(documents)
        return
    output.table(
        ("user", "hours", "mean W", "busiest hour", "error by hour", "error by day before"),
        (_row(user, document) for user, document in documents.items()),
    )


def _document(made: "Forecast") -> dict[str, Any]:
    errors = made.errors_W
    better = None if errors is None else min(errors, key=errors.__getitem__)
    return {
        "mean_W": made.mean_W.tolist(),
        "hours": made.hours,
        "errors_W": errors,
        "better": better,
    }


def _row(user: str, document: dict[str, Any]) -> list[str]:
    known = [(power_W, hour) for hour, power_W in enumerate(document["mean_W"]) if power_W >= 0]
    errors = document["errors_W"] or {}
    texts = [f"{errors[key]:.3g} W" if errors else "-" for key in ("hour_of_day", "persistence")]
    if not known:
        return [user, "0", "-", "-", *texts]
    mean_W = sum(power_W for power_W, _ in known) / len(known)
    return [user, str(document["hours"]), f"{mean_W:.3g}", f"{max(known)[1]}", *texts]
