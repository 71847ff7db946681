# SPDX-License-Identifier: MIT
"""`crowdcharge compat`: who can charge whom, how, at what power, and why not."""

from dataclasses import asdict

import click

from crowdcharge.cli import options, output
from crowdcharge.errors import InputError


@click.command()
@click.argument("names", metavar="[DONOR RECEIVER]", nargs=-1)
@options.as_json
def compat(names: tuple[str, ...], as_json: bool) -> None:
    """Say whether a DONOR can charge a RECEIVER; without names, all pairs of profiles."""
    from crowdcharge import profiles
    from crowdcharge.profiles.profile import named

    if len(names) not in {0, 2}:
        raise InputError(f"give a donor and a receiver, or no names; not {len(names)} name(s)")
    if names:
        donor, receiver = (named(name) for name in names)
        pairs = [profiles.exchange(donor, receiver, profiles.known())]
    else:
        pairs = profiles.every_pair(profiles.known())
    if as_json:
        output.document([asdict(pair) for pair in pairs])
        return
    output.table(
        ("donor", "receiver", "possible", "power", "efficiency", "why"),
        (
            (
                pair.donor,
                pair.receiver,
                "yes" if pair.possible else "no",
                _shown(pair.power_mW, pair.possible, "mW"),
                _shown(pair.efficiency, pair.possible),
                pair.reason,
            )
            for pair in pairs
        ),
    )


def _shown(value: float | None, possible: bool, unit: str = "") -> str:
    if value is None:
        return "unknown" if possible else "-"
    return f"{value:g} {unit}".rstrip()
