# SPDX-License-Identifier: MIT
"""`crowdcharge selftest`: every sensor of a board."""

import json

import click

from crowdcharge.errors import WptError


@click.command()
@click.option("--port", required=True, help="The board's serial port.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def selftest(port: str, as_json: bool) -> None:
    """Both meters, gauge, thermistors, and no current where none may flow."""
    from crowdcharge.flash.serial_line import SerialLine

    with SerialLine(port) as line:
        version = line.hello()
        found = line.ask("selftest", timeout_s=5.0)
    if as_json:
        click.echo(json.dumps(version | found))
    else:
        click.echo(f"{version['board']}, firmware {version['firmware']} on {version['vm']}")
        click.echo("\n".join(f"  {name:<12} {value}" for name, value in found.items()))
    if found["result"] != "pass":
        raise WptError(f"{port}: the self-test failed; docs/howto/bring-up.md helps")
