# SPDX-License-Identifier: MIT
"""The command line: one file for each command, loaded when it is called, without logic."""

import contextlib
import importlib
import sys

import click

from crowdcharge import __version__
from crowdcharge.cli import failures, output
from crowdcharge.escaping import plain

# command -> (module:object, one line for --help)
COMMANDS = {
    "demo": ("demo:demo", "Boards on a virtual bench balance their energy; a donor is cut off."),
    "scan": ("scan:scan", "List the boards in range."),
    "checklist": ("checklist:checklist", "Ask every board by radio whether it is ready."),
    "run": ("run:run", "Balance boards as a configuration says."),
    "serve": ("serve:serve", "Balance boards with a page to see and steer it; show a past run."),
    "collect": ("collect:collect", "Fetch the receipts of boards that met without a host."),
    "ledger": ("ledger:ledger", "Show, export and verify a ledger."),
    "person": ("person:person", "Keep names apart from ledgers; export or delete them."),
    "passport": ("passport:passport", "Say how a board's battery is, from its ledger, signed."),
    "bench": ("bench:bench", "Start a virtual bench, look at it, and do faults to it."),
    "flash": ("flash:flash", "Put the firmware on a board."),
    "provision": ("provision:provision", "Give a board its id and a new key."),
    "crowd": ("crowd:crowd", "Make boards members of a crowd that needs no host."),
    "owner": ("owner:owner", "Say to whom a board gives, and how much."),
    "selftest": ("selftest:selftest", "Test every sensor of a board."),
    "clear": ("clear:clear", "Clear a fault that stands on a board."),
    "calibrate": ("calibrate:calibrate", "Correct a board's meters; measure a rig's loss."),
    "console": ("console:console", "Talk to a board's serial console."),
    "plan": ("plan:plan", "Plan who charges whom over known contacts (LAL, LAY)."),
    "simulate": ("simulate:simulate", "Simulate a crowd from a scenario file."),
    "dataset": ("dataset:dataset", "Write a data set of charging sessions, with the truth."),
    "reproduce": ("reproduce:reproduce", "Reproduce a published figure or table."),
    "skip": ("skip:skip", "Plan which cord sessions two users who meet can spare each other."),
    "route": ("route:route", "Plan sorties of drones that bring energy."),
    "forecast": ("forecast:forecast", "Forecast each user's demand by the hour of the day."),
    "lanes": ("lanes:lanes", "Choose where a few charging lanes serve those who move past best."),
    "compat": (
        "compat:compat",
        "Say who can charge whom, by the profiles of standards and phones.",
    ),
    "airfuel": ("airfuel:airfuel", "Read a board as a transmitter of AirFuel's profile does."),
    "trade": ("trade:trade", "Clear a market between peers and a lane."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module only when needed, so that --help is instant."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name][0].split(":")
        command = getattr(importlib.import_module(f"crowdcharge.cli.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="crowdcharge")
def crowdcharge() -> None:
    """Peer-to-peer reverse wireless charging between boards, real or virtual."""


def main() -> None:
    """Run the command line; an error that a user can cause is one line and an exit code."""
    output.prepare()
    code: object = 0
    try:
        code = crowdcharge(standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)  # noqa: T201
        code = failures.USAGE
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        code = failures.FAILED
    except (Exception, KeyboardInterrupt) as error:
        if sys.flags.dev_mode:
            raise
        text, code = failures.explain(error)
        with contextlib.suppress(OSError):
            print(f"crowdcharge: {plain(text)}", file=sys.stderr)  # noqa: T201
    output.abandon(sys.stdout)
    output.abandon(sys.stderr)
    sys.exit(code if isinstance(code, int) else 0)
