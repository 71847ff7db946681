# SPDX-License-Identifier: MIT
"""`crowdcharge collect`: receipts of boards that met without a host."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crowdcharge.cli import options, output
from crowdcharge.errors import InputError
from crowdcharge.ledger.place import Place, place_of

if TYPE_CHECKING:
    from crowdcharge.ledger.store import Store
    from crowdcharge.orchestrator.collecting import Collected


@click.command()
@click.argument("ledger", metavar="LEDGER", type=place_of)
@options.keys
@options.seconds(10.0, "How long to listen at most.")
@options.radio
@options.as_json
def collect(
    ledger: Place, keys: Path, seconds: float, transport: str, adapter: str, as_json: bool
) -> None:
    """Fetch the receipts of all boards in range, check them, and book them in LEDGER.

    LEDGER is a file, made if it is not there, or the URL of a database. Boards may forget what is
    collected.
    """
    from crowdcharge.boards import keys as key_file
    from crowdcharge.ledger.kinds import Run
    from crowdcharge.ledger.store import Store

    known = key_file.load(keys)
    with Store.create(ledger) as store:
        store.append([Run("collect", None, None)])
        found = asyncio.run(_collect(store, known, seconds, transport, adapter))
        _tell(found, store, as_json)
    if not found.boards:
        raise InputError("no board was collected from: none was heard whose key is known")


async def _collect(
    store: "Store", keys: dict[int, bytes], seconds: float, transport: str, adapter: str
) -> "Collected":
    from crowdcharge.clock import BoardClock
    from crowdcharge.orchestrator.collecting import collect as collect_from
    from crowdcharge.radio import open_radio

    radio = open_radio(transport, adapter)
    try:
        return await collect_from(radio, store, keys, BoardClock(), lambda _event: None, seconds)
    finally:
        await radio.close()


def _tell(found: "Collected", store: "Store", as_json: bool) -> None:
    states = [transfer.state for transfer in store.book.transfers.values()]
    counts = {state: states.count(state) for state in sorted(set(states))}
    if as_json:
        output.document(
            {
                "boards": found.boards,
                "failed": found.failed,
                "claimed": found.claimed,
                "transfers": counts,
            },
            indent=2,
        )
        return
    for board_id, why in found.failed.items():
        click.echo(f"board {board_id}: {why}", err=True)
    shown = ", ".join(f"{count} {state}" for state, count in counts.items()) or "none"
    if found.claimed:
        boards = ", ".join(map(str, found.claimed))
        output.say(f"Only claimed, for want of a key: what boards {boards} say.")
    output.say(f"Collected from {len(found.boards)} boards; transfers in the ledger: {shown}.")
