# SPDX-License-Identifier: MIT
"""`crowdcharge run --check`: all of a run that can be judged without a radio or a write."""

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from crowdcharge.clock import today
from crowdcharge.errors import InputError, LedgerAway

if TYPE_CHECKING:
    from crowdcharge.ledger.kinds import SiteRow
    from crowdcharge.ledger.place import BooksUrl
    from crowdcharge.orchestrator.config import RunConfig


def check(config: "RunConfig") -> list[str]:
    """Return what was found in order, a line each; InputError for the first thing that is not."""
    from crowdcharge import policy as policies
    from crowdcharge.boards import keys as key_file
    from crowdcharge.flash import expiry

    run, contacts = config.run, config.contacts
    keys = key_file.load(run.keys)
    policies.make(run.policy, **run.policy_options)
    _writable(run.out)
    met = {board for slot in contacts.slots for pair in slot for board in pair}
    if strangers := sorted(met - keys.keys()):
        numbers = ", ".join(map(str, strangers))
        raise InputError(f"contacts.slots: the keys file {run.keys} has no key for {numbers}")
    ledger = run.out / "ledger.sqlite"
    found = [
        f"policy    {run.policy}",
        f"keys      {run.keys}: {len(keys)} boards",
        f"contacts  {contacts.source}" + (f", {len(contacts.slots)} slots" if met else ""),
        f"radio     {', '.join(config.radio.names)}",
        f"age       {expiry.check(run.out, keys, config.transfer.power_max_mW, today())}",
        f"ledger    {ledger}, " + ("continued" if ledger.exists() else "a new one"),
    ]
    if not run.ledger:
        return found
    return [*found, f"database  {_reached(run.ledger, ledger, run.numbered_site)}"]


def _reached(books: "BooksUrl", spool: Path, site: "SiteRow | None") -> str:
    """Ask the database as a run would, and leave it to one that writes now."""
    from crowdcharge.ledger import kinds
    from crowdcharge.ledger.keeping import lacks
    from crowdcharge.ledger.neighbours import Neighbours
    from crowdcharge.ledger.postgres_rows import PostgresRows
    from crowdcharge.ledger.sqlite_rows import SqliteRows
    from crowdcharge.orchestrator.run_folder import require_site

    try:
        with closing(PostgresRows.to_write(books)) as database:
            if site:
                Neighbours(site).compare(database)
            for row in database.told_between(books.site, 0, database.length(), "site"):
                if isinstance(known := row.content(), kinds.SiteRow):
                    require_site(books, known, site)
            if not spool.exists():
                return f"{books}, {database.length()} rows"
            with closing(SqliteRows.read(spool)) as kept:
                waiting = lacks(database, kept)
                return f"{books}, {database.length()} rows; in the file alone: {waiting}"
    except LedgerAway:
        if not spool.exists():
            raise  # a run would not begin either
        return f"{books} does not answer; rows would wait in the file"


def _writable(folder: Path) -> None:
    """Ask for the nearest folder that exists: the others are made by the run."""
    nearest = folder
    while not os.path.lexists(nearest) and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        raise InputError(f"cannot write into {folder}: {nearest} is not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"cannot write into {folder}: no permission to write into {nearest}")
