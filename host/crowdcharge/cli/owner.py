# SPDX-License-Identifier: MIT
"""`crowdcharge owner`: what the owner of a board lets it do."""

import sys
from functools import partial
from pathlib import Path

import click

from crowdcharge.cli import options, output
from crowdcharge.cli.one_board import by_radio, with_radio
from crowdcharge.errors import InputError

_WHOM = ("host", "crowd", "agreed", "strangers")
_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.group()
def owner() -> None:
    """Say what a board may do for others."""


@owner.command()
@options.port
@click.option(
    "--gives-to",
    required=True,
    help="Of host, crowd, agreed, strangers, with commas; or nobody.",
)
@click.option("--day-wh", type=options.WATT_HOURS, help="At most so much in a day.")
def consent(port: str, gives_to: str, day_wh: float | None) -> None:
    """Say to whom the board on PORT gives, and how much in a day (24 h of its running)."""
    from crowdcharge.boards import mandates
    from crowdcharge.flash import joining
    from crowdcharge.flash.serial_line import SerialLine

    mandates.whom(gives_to, _WHOM)
    day_mJ = options.bound_mJ(day_wh)
    with SerialLine(port) as line:
        board_id = joining.board_on(line)
        joining.consent(line, gives_to, day_mJ)
    bound = f", at most {day_wh:g} Wh in a day" if day_mJ else ""
    output.say(f"Board {board_id} gives to {gives_to}{bound}.")


@owner.command()
@click.option("--id", "board_id", required=True, type=options.BOARD, help="The board.")
@options.keys
@click.option("--release", is_flag=True, help="Allow them again.")
@options.radio
def hold(board_id: int, keys: Path, release: bool, transport: str, adapter: str) -> None:
    """End and forbid a board's transfers with other boards, by radio; outlasts reboots."""
    from crowdcharge.flash import joining

    by_radio(partial(joining.hold, held=not release), board_id, keys, transport, adapter)
    state = "may meet other boards again" if release else "is on hold for other boards"
    output.say(f"Board {board_id} {state}.")


@owner.command()
@_FILE
def create(file: Path) -> None:
    """Make an owner's key in FILE. It is the only copy; no host needs it."""
    from crowdcharge.boards import mandates

    mandates.create(file)
    output.say(f"An owner's key is in {file}; readable by you only.")


@owner.command()
@_FILE
@options.port
def adopt(file: Path, port: str) -> None:
    """Let the board on PORT obey what the owner with FILE signs, and void all before."""
    from crowdcharge.boards import mandates
    from crowdcharge.flash import bringing, joining
    from crowdcharge.flash.serial_line import SerialLine

    key = mandates.load(file)
    with SerialLine(port) as line:
        board_id = joining.board_on(line)
        bringing.adopt(line, mandates.board_key(key, board_id))
    output.say(f"Board {board_id} obeys what {file} signs.")


@owner.command()
@_FILE
@click.argument("page", metavar="URL")
@click.option("--id", "board_id", type=options.BOARD, help="The board, so that nobody types it.")
def qr(file: Path, page: str, board_id: int | None) -> None:
    """Show a code by which a phone opens URL, a service's /owner, with the key in FILE.

    The code is as secret as the key: whoever takes a picture of it has it.
    """
    from urllib.parse import urlsplit

    import segno

    from crowdcharge.boards import mandates

    place = urlsplit(page)
    if place.scheme != "https" or not place.netloc or place.fragment:
        raise InputError(f"URL must be like https://HOST/owner, not {page!r}: no phone signs else")
    board = f"&board={board_id}" if board_id else ""
    link = f"{page}#owner={mandates.load(file).hex()}{board}"
    segno.make(link, micro=False).terminal(sys.stdout, compact=True)


@owner.command()
@_FILE
@click.option("--id", "board_id", required=True, type=options.BOARD, help="The board.")
@click.option(
    "--gives-to",
    default="host",
    show_default=True,
    help="Of host, crowd, agreed, friends, strangers, with commas; or nobody.",
)
@click.option("--friends", default="", metavar="N,...", help="Members of the crowd, by number.")
@click.option("--day-wh", type=options.WATT_HOURS, help="Gives at most so much in a day.")
@click.option("--floor-pct", type=click.IntRange(20, 90), help="Gives only above this charge.")
@click.option("--hours", metavar="FROM-TO", help="Gives at these hours only: 22:00-06:00.")
@click.option("--ask", is_flag=True, help="Gives only after a press of its button.")
@click.option("--hide", is_flag=True, help="Its adverts tell strangers nothing.")
@click.option("--wants-pct", type=click.IntRange(0, 100), default=100, show_default=True)
@click.option("--wants-wh", type=options.WATT_HOURS, help="Wants at most so much.")
@click.option("--wants-for-h", type=options.Number(0.02, 1000.0), help="For so many hours.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
def sign(
    file: Path,
    board_id: int,
    gives_to: str,
    friends: str,
    day_wh: float | None,
    floor_pct: int | None,
    hours: str | None,
    ask: bool,
    hide: bool,
    wants_pct: int,
    wants_wh: float | None,
    wants_for_h: float | None,
    out: Path,
) -> None:
    """Sign with the key in FILE what a board gives and wants; `owner bring` takes it there.

    It replaces the mandate before it whole. Hours and ends count from when it arrives.
    """
    from crowdcharge.boards import mandates
    from crowdcharge.clock import minute_of_day, unix_s
    from crowdcharge.files import write_whole
    from wptcore.mandate import ASK_FIRST, HIDDEN

    mask, named = mandates.whom(gives_to), options.boards("--friends", friends)
    if bool(mask & mandates.WHOM["friends"]) != bool(named):
        raise InputError("--friends and --gives-to friends belong together")
    from_min, to_min = mandates.hours(hours) if hours else (0, 0)
    made = mandates.MandateTerms(
        board_id,
        unix_s(),
        mask,
        options.bound_mJ(day_wh),
        floor_pct or 0,
        ASK_FIRST * ask | HIDDEN * hide,
        minute_of_day(),
        from_min,
        to_min,
        options.bound_mJ(wants_wh, "--wants-wh", "--wants-pct 0"),
        wants_pct * 10,
        round((wants_for_h or 0) * 60),
        named,
    )
    write_whole(out, f"{made.signed(mandates.load(file)).hex()}\n".encode())
    output.say(f"{out} holds a mandate for board {board_id}; anybody may bring it.")


@owner.command()
@click.argument("mandate", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--port", default="", help="By cable, in place of the radio.")
@click.option(
    "--owner",
    "owner_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The owner's key, to check that the board itself says so.",
)
@click.option(
    "--keys",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A host's keys, to find a board that is hidden.",
)
@options.radio
def bring(
    mandate: Path,
    port: str,
    owner_file: Path | None,
    keys: Path | None,
    transport: str,
    adapter: str,
) -> None:
    """Bring what an owner has signed to its board; nobody needs a key for that."""
    from crowdcharge.boards import keys as key_file
    from crowdcharge.boards import mandates
    from crowdcharge.flash import bringing
    from crowdcharge.flash.serial_line import SerialLine
    from wptcore.mandate import board_of

    signed = mandates.read(mandate)
    key = mandates.load(owner_file) if owner_file else b""
    if port:
        with SerialLine(port) as line:
            proof = bringing.by_cable(line, signed)
    else:
        known = key_file.load(keys) if keys else {}
        proof = with_radio(
            lambda radio: bringing.by_radio(radio, signed, known), transport, adapter
        )
    if not key:
        output.say(
            f"Something that says it is board {board_of(signed)} took it; proof {proof.hex()}"
        )
    elif mandates.proves(key, signed, proof):
        output.say(f"Board {board_of(signed)} obeys it.")
    else:
        raise InputError(f"board {board_of(signed)} did not prove that it took the mandate")
