# SPDX-License-Identifier: MIT
"""`crowdcharge ledger`: show, export and verify what boards have metered."""

import csv
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crowdcharge.cli import options, output
from crowdcharge.errors import InputError
from crowdcharge.escaping import csv_cell, plain
from crowdcharge.files import write_whole
from crowdcharge.ledger.place import Place, place_of

if TYPE_CHECKING:
    from crowdcharge.ledger.rows import Row
    from crowdcharge.ledger.store import Store

_place = click.argument("place", metavar="LEDGER", type=place_of)


@click.group()
def ledger() -> None:
    """Verify, show and export the append-only ledger of a run.

    LEDGER is a file, or a database: postgresql://USER@HOST/DATABASE?site=SITE
    """


@ledger.command()
@_place
@click.option("--json", "as_json", is_flag=True, help="Print summary.json.")
def show(place: Place, as_json: bool) -> None:
    """Show transfers and balances."""
    from crowdcharge.report.summary import summarise

    with _opened(place) as store:
        summary = summarise(store.load())
    if as_json:
        output.document(summary, indent=2)
    else:
        _show(summary)


@ledger.command()
@_place
@click.option("--format", "layout", type=click.Choice(["csv", "json", "parquet"]), default="csv")
@click.option("--out", type=click.Path(path_type=Path), help="A file in place of stdout.")
def export(place: Place, layout: str, out: Path | None) -> None:
    """Write every row: entries as CSV, all kinds as JSON, or one long table as Parquet."""
    if out is not None and isinstance(place, Path) and _is_same(place, out):
        raise InputError(f"--out {out} is the ledger itself")
    if layout == "parquet":
        _write_parquet(place, out)
        return
    with _opened(place) as store:
        rows = list(store.rows())
    text = _csv(rows) if layout == "csv" else output.text_of(_document(rows), indent=1) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        write_whole(out, text.encode("utf-8", "backslashreplace"))


@ledger.command()
@_place
@click.option("--keys", "keys_path", type=click.Path(path_type=Path), help="Check signatures too.")
@click.option(
    "--spool",
    type=click.Path(path_type=Path),
    help="The file of a run that writes to this database: say what waits in it.",
)
def verify(place: Place, keys_path: Path | None, spool: Path | None) -> None:
    """Check the chain, settlements, odometers, and with --keys every signature."""
    from crowdcharge.boards import keys as key_file
    from crowdcharge.errors import LedgerError
    from crowdcharge.ledger.verify import judge

    keys = key_file.load(keys_path) if keys_path else {}
    retired = key_file.load_retired(keys_path) if keys_path else {}
    with _opened(place) as store:
        verdict = judge(store.rows(), keys, retired)
        damage = store.damage()
        waits = store.waits_in(spool) if spool else 0
    for finding in verdict.findings:
        text = f"{place}: {'' if finding.wrong else 'note: '}{finding}"
        output.say(text, err=finding.wrong)
    if verdict.is_wrong:
        sys.exit(1)
    if damage:
        raise LedgerError(f"{place}: {damage}")
    if verdict.unsigned:
        output.say(f"{place}: note: {verdict.unsigned_words()}")
    if waits:
        output.say(f"{place}: note: {waits} rows wait in {spool}")
    output.say(f"{place}: {verdict}")


@ledger.command()
@_place
@options.as_json
def balance(place: Place, as_json: bool) -> None:
    """Show what each board has earned and owes in its crowd, and what it may take now."""
    from crowdcharge.ledger.reward import Standing

    with _opened(place) as store:
        earned = store.load().credits
    reward, standings = earned.reward, list(earned.standings())
    if as_json:
        balances = [asdict(each) for each in standings]
        output.document({"reward": reward and asdict(reward), "balances": balances}, indent=2)
        return
    if reward is None:
        raise InputError(f"{place}: no crowd of this ledger has a rule for rewards")
    title = f"Crowd {reward.crowd}: rule {reward.rule}, allowance {reward.allowance_mJ} mJ"
    names = [each.name for each in fields(Standing)]
    cells = (("-" if each is None else each for each in astuple(row)) for row in standings)
    output.table(names, cells, title, right=True)


@ledger.command()
@_place
@click.argument("copy", type=click.Path(path_type=Path))
def backup(place: Place, copy: Path) -> None:
    """Copy a ledger whole into a new file, also while a run writes to it."""
    with _opened(place) as store:
        store.back_up(copy)
    output.say(f"{copy} is a copy of {place}")


@ledger.command()
@click.argument("url", metavar="URL", type=place_of)
@click.option("--role", required=True, help="The database's role that a service signs in with.")
def create(url: Place, role: str) -> None:
    """Make a database take ledgers, as its owner, and let a role add rows and read.

    Nobody may change a row or take one away. Repeat it for more roles.
    """
    from crowdcharge.ledger.place import BooksUrl
    from crowdcharge.ledger.postgres_rows import create as create_in

    if not isinstance(url, BooksUrl):
        raise InputError("only a database is made ready; a ledger's file is made by its first run")
    create_in(url, role)
    output.say(f"{url}: {role} may add rows to ledgers and read them")


@ledger.command()
@_place
@click.argument("target", metavar="TARGET", type=place_of)
def copy(place: Place, target: Place) -> None:
    """Write the rows of LEDGER that TARGET lacks, row by row; repeat it to catch up.

    TARGET may be empty, or hold the beginning of the same chain.
    """
    from crowdcharge.ledger.store import Store

    if isinstance(place, Path) and isinstance(target, Path) and _is_same(place, target):
        raise InputError(f"{target} is the ledger itself")
    with _opened(place) as source, Store.create(target) as store:
        count = store.catch_up(source)
    output.say(f"{target}: rows written: {count}")


@contextmanager
def _opened(place: Place) -> Iterator["Store"]:
    from crowdcharge.ledger.store import Store

    with Store.read(place) as store:
        yield store


def _is_same(path: Path, other: Path) -> bool:
    return path.exists() and other.exists() and path.samefile(other)


def _write_parquet(place: Place, out: Path | None) -> None:
    from crowdcharge.files.arrow import write_parquet
    from crowdcharge.ledger.facts import COLUMNS, facts

    if out is None:
        raise InputError("a Parquet file is no text for a terminal: give --out FILE")
    with _opened(place) as store:
        write_parquet(out, COLUMNS, facts(store.rows()))


def _csv(rows: list["Row"]) -> str:
    """One line for each entry, for a spreadsheet to add up."""
    from crowdcharge.ledger.kinds import Entry

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("seq", *(field.name for field in fields(Entry))))
    for row in rows:
        if row.kind == "entry":
            writer.writerow((row.seq, *map(csv_cell, astuple(row.content()))))
    return out.getvalue()


def _document(rows: list["Row"]) -> dict[str, object]:
    return {
        "rows": [
            {"seq": row.seq, "kind": row.kind, "body": row.fields(), "hash": row.hash}
            for row in rows
        ]
    }


def _show(summary: dict[str, object]) -> None:
    from crowdcharge.report.summary import unsettled_words

    console = output.console()

    def show(title: str, records: object) -> None:
        assert isinstance(records, list)
        names = list(records[0]) if records else []
        rows = (("-" if each is None else each for each in record.values()) for record in records)
        output.table(names, rows, title, right=True)

    show("Transfers", summary["transfers"])
    show("Boards", summary["boards"])
    for market in summary["markets"]:  # type: ignore[attr-defined]  # JSON
        found = market["void"] or f"{market['price_per_Wh']:.6g} credits/Wh, lane {market['lane']}"
        show(f"Market {market['market_id']}: {found}", market["bargains"])
        accounts = (f"{board} {amount:+.6f}" for board, amount in market["accounts"].items())
        console.print(plain(f"accounts in credits, by board: {', '.join(accounts)}"))
    console.print(
        f"sent {summary['sent_mJ']} mJ = received {summary['received_mJ']} mJ"
        f" + loss {summary['loss_mJ']} mJ{unsettled_words(summary)}"
    )
