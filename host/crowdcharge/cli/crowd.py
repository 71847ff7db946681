# SPDX-License-Identifier: MIT
"""`crowdcharge crowd`: who may ask whom without a host."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from crowdcharge.cli import options, output
from crowdcharge.errors import InputError

if TYPE_CHECKING:
    from crowdcharge.boards.crowd_file import Crowd

_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
_AGREE_BY = (  # which options belong together
    {"other", "boards", "sheet"},
    {"other", "boards", "sheet", "quota_wh"},
    {"other", "quota_wh"},
    {"take"},
    {"end"},
)
_POLICIES = ("oblivious-share", "online-average", "small-transfer")


@click.group()
def crowd() -> None:
    """Boards that charge each other without a host, by keys in FILE (crowd.toml)."""


@crowd.command()
@_FILE
@click.option(
    "--policy",
    type=click.Choice(_POLICIES),
    default=_POLICIES[0],
    show_default=True,
    help="What a member gives to another.",
)
def create(file: Path, policy: str) -> None:
    """Make a crowd with a new key. FILE is its only copy: keep it as you keep keys."""
    from crowdcharge.boards import crowd_file

    made = crowd_file.create(file, policy)
    output.say(f"Crowd {made.id:08x} is in {file}; readable by you only.")


@crowd.command()
@_FILE
@options.port
def join(file: Path, port: str) -> None:
    """Make the board on PORT a member, or bring it up to date."""
    from crowdcharge.boards import crowd_file
    from crowdcharge.flash import joining
    from crowdcharge.flash.serial_line import SerialLine

    with SerialLine(port) as line, crowd_file.changing(file) as changed:
        board_id = joining.board_on(line)
        changed.add(board_id)
        joining.join(line, board_id, changed)
        changed.note_written(board_id)
        behind = [member for member in changed.members if changed.is_behind(member)]
    output.say(f"Board {board_id} is a member of crowd {changed.id:08x}.{_words(behind)}")


@crowd.command()
@_FILE
@click.option("--id", "board_id", required=True, type=options.BOARD)
@click.option("--port", default="", help="Its serial port, if you have it: it forgets its keys.")
def leave(file: Path, board_id: int, port: str) -> None:
    """Leave a board out, stolen or not: each other member trusts it until it has joined again."""
    from crowdcharge.boards import crowd_file
    from crowdcharge.flash import joining
    from crowdcharge.flash.serial_line import SerialLine

    with crowd_file.changing(file) as changed:
        changed.remove(board_id)
        if port:
            with SerialLine(port) as line:
                if joining.board_on(line) != board_id:
                    raise InputError(f"{port} is not board {board_id}")
                joining.leave(line)
        behind = [member for member in changed.members if changed.is_behind(member)]
    output.say(f"Board {board_id} is left out.{_words(behind)}")


@crowd.command()
@_FILE
@click.option("--with", "other", metavar="CROWD", help="Let this crowd's boards ask ours.")
@click.option(
    "--boards", metavar="N,...", help="Its boards; `crowd list` of its owner shows them."
)
@click.option(
    "--sheet",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where their keys go; give it to that owner as you would a key.",
)
@click.option(
    "--take",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Take a sheet: our boards may ask the crowd that made it.",
)
@click.option(
    "--quota-wh",
    type=options.WATT_HOURS,
    help="Each of our boards gives that crowd at most so much in a day; alone with --with: from "
    "now on.",
)
@click.option("--end", metavar="CROWD", help="End all that was agreed with this crowd.")
def agree(
    file: Path,
    other: str | None,
    boards: str | None,
    sheet: Path | None,
    take: Path | None,
    quota_wh: float | None,
    end: str | None,
) -> None:
    """Agree with another crowd, or end it; each direction is a sheet of keys of its own."""
    from crowdcharge.boards import agreement, crowd_file

    options_given = {
        name
        for name, value in click.get_current_context().params.items()
        if name != "file" and value is not None
    }
    if options_given not in _AGREE_BY:
        raise click.UsageError(
            "one of: --with CROWD --boards N,... --sheet FILE [--quota-wh X]; "
            "--with CROWD --quota-wh X; --take; --end"
        )
    quota_mJ = options.bound_mJ(quota_wh, "--quota-wh", "--end CROWD")
    with crowd_file.changing(file) as changed:
        if other is not None:
            said = _let_ask(changed, _crowd_number(other), boards, sheet, quota_mJ)
        elif take is not None:
            taken = agreement.read_sheet(take)
            changed.agreements.take(taken, changed.id, changed.members)
            said = f"Our boards may ask those of crowd {taken.giver:08x}."
        else:
            number = _crowd_number(str(end))
            changed.agreements.end(number)
            said = f"Nothing is agreed with crowd {number:08x} any more."
        behind = [member for member in changed.members if changed.is_behind(member)]
    output.say(f"{said}{_words(behind)}")


def _let_ask(
    crowd: "Crowd", other: int, boards: str | None, sheet: Path | None, quota_mJ: int
) -> str:
    """Write a sheet of keys for these boards of another crowd, if any are named."""
    from crowdcharge.files import write_whole

    said = f"Crowd {other:08x} may ask{_quota_words(quota_mJ)}"
    if boards is None or sheet is None:
        crowd.agreements.bound(other, quota_mJ)
        return f"{said}."
    if sheet.exists():
        raise InputError(f"{sheet} is there already")
    made = crowd.let_ask(other, [*options.boards("--boards", boards)])
    crowd.agreements.bound(other, quota_mJ)
    write_whole(sheet, made.document(), 0o600)
    return f"{said}; its keys are in {sheet}."


def _quota_words(quota_mJ: int) -> str:
    from crowdcharge.units import J_PER_Wh

    if not quota_mJ:
        return ""
    return f", each of our boards for at most {quota_mJ / J_PER_Wh / 1000:g} Wh a day"


@crowd.command("list")
@_FILE
@options.as_json
def list_(file: Path, as_json: bool) -> None:
    """Show the members, and which boards have to join again."""
    from crowdcharge.boards import crowd_file
    from crowdcharge.units import J_PER_Wh

    found = crowd_file.load(file)
    members = [{"board_id": each, "behind": found.is_behind(each)} for each in found.members]
    if as_json:
        document = {
            "crowd": f"{found.id:08x}",
            "policy": found.policy,
            "members": members,
            "may_ask": [f"{each:08x}" for each in found.agreements.may_ask],
            "quotas_Wh": {
                f"{each:08x}": quota_mJ / J_PER_Wh / 1000
                for each, quota_mJ in found.agreements.quotas_mJ.items()
            },
            "may_be_asked": [f"{each:08x}" for each in sorted(found.agreements.keys)],
        }
        output.document(document, indent=2)
        return
    output.say(f"crowd {found.id:08x}, {found.policy}")
    for member in members:
        state = "has to join again" if member["behind"] else "up to date"
        output.say(f"board {member['board_id']}: {state}")
    for other in found.agreements.may_ask:
        bound = _quota_words(found.agreements.quotas_mJ.get(other, 0))
        output.say(f"crowd {other:08x} may ask{bound}")
    for other in sorted(found.agreements.keys):
        output.say(f"crowd {other:08x} may be asked")


def _crowd_number(text: str) -> int:
    from crowdcharge.boards.agreement import crowd_number

    number = crowd_number(text)
    if number is None:
        raise InputError(f"{text!r} is no number of a crowd, as `crowd list` prints it")
    return number


def _words(behind: list[int]) -> str:
    if not behind:
        return ""
    boards = ", ".join(map(str, behind))
    return f" Run crowd join again for: {boards}; until then they do not know of the change."
