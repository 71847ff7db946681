# SPDX-License-Identifier: MIT
"""`crowdcharge passport`: a board's battery in figures, from a ledger, signed."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crowdcharge.cli import output
from crowdcharge.errors import InputError, LedgerError
from crowdcharge.ledger.place import Place, place_of

if TYPE_CHECKING:
    from crowdcharge.passport.history import History

_path = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("board", type=click.IntRange(min=1), required=False)
@click.option(
    "--ledger", metavar="LEDGER", type=place_of, help="The file or URL that it is made from."
)
@click.option("--keys", "keys_path", type=_path, help="The boards' keys: check receipts too.")
@click.option(
    "--format",
    "layout",
    type=click.Choice(["json-ld", "html", "json", "aas"]),
    default="json-ld",
    show_default=True,
)
@click.option("--out", type=_path, help="Write a file instead of stdout.")
@click.option(
    "--signer",
    "signer_path",
    type=_path,
    default=Path("passport-key.pem"),
    show_default=True,
    help="The key that signs, readable by you only; made if there is none.",
)
@click.option("--verify", "passport_path", type=_path, help="Check a passport in JSON instead.")
def passport(
    board: int | None,
    ledger: Place | None,
    keys_path: Path | None,
    layout: str,
    out: Path | None,
    signer_path: Path,
    passport_path: Path | None,
) -> None:
    """Say how the battery of a BOARD is, with uncertainty, from the rows of a ledger.

    Voluntary: it is no battery passport of any regulation.
    """
    if passport_path is not None:
        if board is not None or ledger is not None:
            raise InputError("--verify takes neither a board nor a ledger")
        _verify(passport_path)
        return
    if board is None or ledger is None:
        raise InputError("give a BOARD and --ledger FILE, or --verify FILE")
    from crowdcharge.files import write_whole

    text = _made(_history(board, ledger, keys_path), keys_path, layout, signer_path)
    if out is None:
        click.echo(text)
    else:
        write_whole(out, f"{text}\n".encode())
        output.say(f"{out} is the passport of board {board}, signed with {signer_path}")


def _history(board: int, ledger: Place, keys_path: Path | None) -> "History":
    """Read what the ledger says of a board; LedgerError if the ledger is wrong."""
    from crowdcharge.boards import keys as key_file
    from crowdcharge.ledger.store import Store
    from crowdcharge.ledger.verify import judge
    from crowdcharge.passport.history import history

    keys = key_file.load(keys_path) if keys_path else {}
    retired = key_file.load_retired(keys_path) if keys_path else {}
    if keys_path and board not in keys:
        raise InputError(f"{keys_path}: no key of board {board}")
    with Store.read(ledger) as store:
        rows = list(store.rows())
    verdict = judge(rows, keys, retired)
    if verdict.is_wrong:
        wrong = next(finding for finding in verdict.findings if finding.wrong)
        raise LedgerError(f"{ledger}: {wrong}; no passport is made of a ledger that is wrong")
    found = history(rows, board)
    if not found.knows_the_board:
        raise InputError(f"{ledger}: no row is about board {board}")
    return found


def _made(found: "History", keys_path: Path | None, layout: str, signer_path: Path) -> str:
    from crowdcharge.passport.document import document
    from crowdcharge.passport.page import page
    from crowdcharge.passport.shell import environment
    from crowdcharge.passport.signing import public_half, signed, signer

    key = signer(signer_path)
    made = document(found, keys_path is not None, linked=layout in {"json-ld", "html"})
    proved = signed(environment(made, public_half(key)) if layout == "aas" else made, key)
    return page(proved) if layout == "html" else json.dumps(proved, indent=2, sort_keys=True)


def _verify(path: Path) -> None:
    from crowdcharge.files import read_json_as
    from crowdcharge.passport.signing import public_key

    key = read_json_as(path, public_key)
    output.say(f"{path}: signed, and not altered since, by the holder of the key {key}")
