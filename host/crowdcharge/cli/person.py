# SPDX-License-Identifier: MIT
"""`crowdcharge person`: whose boards they are, and what is known of a person."""

from pathlib import Path

import click

from crowdcharge.cli import options, output
from crowdcharge.errors import InputError
from crowdcharge.ledger.place import Place

_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
_NAME = click.argument("name")


@click.group()
def person() -> None:
    """Keep names in FILE, apart from ledgers, which know boards by number only."""


@person.command()
@_FILE
@_NAME
@click.option("--boards", required=True, metavar="N,...", help="The numbers of its boards.")
def add(file: Path, name: str, boards: str) -> None:
    """Note that boards are NAME's."""
    from crowdcharge.ledger import people

    numbers = options.boards("--boards", boards)
    if not numbers:
        raise InputError("--boards must be numbers of boards, with commas")
    with people.changing(file) as table:
        table.add(name, numbers)
        held = table.of(name)
    output.say(f"{name} has boards {', '.join(map(str, held))}.")


@person.command()
@_FILE
@_NAME
def forget(file: Path, name: str) -> None:
    """Delete NAME from FILE. Ledgers stay as they are: they never had the name."""
    from crowdcharge.ledger import people

    if not file.exists():
        raise InputError(f"{file}: there is no such file")
    with people.changing(file) as table:
        boards = table.of(name)
        table.forget(name)
    output.say(f"Whose boards {', '.join(map(str, boards))} are, {file} says no more.")


@person.command()
@_FILE
@_NAME
@options.ledgers("Where to look; may be given several times.")
def export(file: Path, name: str, ledgers: tuple[Place, ...]) -> None:
    """Print all that FILE and the ledgers hold about NAME, as one JSON document."""
    from crowdcharge.ledger import people
    from crowdcharge.ledger.store import Store

    boards = people.load(file).of(name)
    found = {}
    for place in ledgers:
        with Store.read(place) as store:
            rows = people.about(store.rows(), boards)
            found[str(place)] = [
                {"seq": row.seq, "kind": row.kind, "body": row.fields()} for row in rows
            ]
    output.document({"name": name, "boards": boards, "ledgers": found}, indent=2)
