# SPDX-License-Identifier: MIT
"""`crowdcharge selftest`: test every sensor of a board."""

import click

from crowdcharge.cli import options, output
from crowdcharge.errors import WptError


@click.command()
@options.port
@options.as_json
def selftest(port: str, as_json: bool) -> None:
    """Test meters, gauge and thermistors, and that no current flows while all is off."""
    from crowdcharge.flash.serial_line import SerialLine

    with SerialLine(port) as line:
        version = line.hello()
        found = line.ask("selftest", timeout_s=5.0)
    if as_json:
        output.document(version | found)
    else:
        output.say(f"{version['board']}, firmware {version['firmware']} on {version['vm']}")
        output.say(*(f"  {name:<12} {value}" for name, value in found.items()))
    if found["result"] != "pass":
        if found.get("faults", "none") != "none":
            raise WptError(
                f"{port}: {found['faults'].replace(',', ', ')} stands;"
                " docs/howto/a-fault-stands.md says what to do"
            )
        raise WptError(f"{port}: the self-test failed; docs/howto/bring-up.md helps")
