# SPDX-License-Identifier: MIT
"""`crowdcharge scan`: list the boards in range."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdcharge.cli import options

if TYPE_CHECKING:
    from crowdcharge.boards.fleet import BoardView
    from crowdcharge.radio.base import Advert, Radio

_OLD = "it speaks wire version 1: flash it again (crowdcharge flash)"
_OLD_MAX = 64  # adverts of others may look so


@click.command()
@click.option("--seconds", default=5.0, show_default=True, help="How long to listen.")
@click.option(
    "--transport",
    default="",
    envvar="CROWDCHARGE_TRANSPORT",
    help="A bench's radio instead of this computer's.",
)
@click.option("--adapter", default="", help="Bluetooth adapter (BlueZ), for example hci1.")
@click.option("--record", type=click.Path(path_type=Path), help="Record the adverts to this file.")
@click.option("--replay", type=click.Path(path_type=Path), help="Replay such a recording instead.")
@options.as_json
def scan(
    seconds: float,
    transport: str,
    adapter: str,
    record: Path | None,
    replay: Path | None,
    as_json: bool,
) -> None:
    """List the boards that are heard."""
    from crowdcharge.errors import InputError
    from crowdcharge.radio import open_radio

    if not 0 < seconds <= 3600:
        raise InputError(f"--seconds must be above 0 and at most 3600, not {seconds:g}")
    radio = _replayed(replay) if replay else open_radio(transport, adapter)
    views, old = asyncio.run(_listen(radio, seconds, record))
    if as_json:
        boards = [_as_json(view) for view in views]
        maybe = [
            {"board_id": board_id, "address": address, "wire_version": 1}
            for address, board_id in old.items()
        ]
        click.echo(json.dumps({"boards": boards, "maybe_old": maybe}, indent=2))
        return
    _show(views)
    for address, board_id in old.items():
        click.echo(f"{address}: if this is board {board_id}, {_OLD}")


def _replayed(path: Path) -> "Radio":
    from crowdcharge.clock import BoardClock
    from crowdcharge.radio.replay_radio import ReplayRadio, load

    return ReplayRadio(load(path), BoardClock())


async def _listen(
    radio: "Radio", seconds: float, record: Path | None
) -> "tuple[list[BoardView], dict[str, int]]":
    """The boards, and what may be boards of wire version 1: their numbers by address."""
    from crowdcharge.boards.fleet import Fleet
    from crowdcharge.boards.models import Beacon, Sighting
    from crowdcharge.radio.replay_radio import dump

    loop, fleet, lines = asyncio.get_running_loop(), Fleet(), []
    old: dict[str, int] = {}
    start_s = loop.time()

    def heard(advert: "Advert") -> None:
        seen_s = loop.time() - start_s
        lines.append(dump(seen_s, advert))
        try:
            beacon = Beacon.unpack(advert.data)
        except ValueError:
            with suppress(ValueError):
                if len(old) < _OLD_MAX:
                    old[advert.address] = Beacon.unpack_1(advert.data).board_id
            return
        fleet.add(Sighting(beacon, advert.address, advert.rssi_dBm, seen_s))

    await radio.start_scan(heard)
    try:
        await asyncio.sleep(seconds)
    finally:
        await radio.close()
    if record is not None:
        _write(record, lines)
    return fleet.views(), old


def _write(path: Path, lines: list[str]) -> None:
    from crowdcharge.errors import InputError

    try:
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def _as_json(view: "BoardView") -> dict[str, Any]:
    from crowdcharge.boards import codes
    from wptcore import transfer

    beacon = view.newest
    return {
        "board_id": beacon.board_id,
        "address": view.address,
        "rssi_dBm": view.rssi_dBm,
        "soc_pct": beacon.soc_pct,
        "bus_mV": beacon.bus_mV,
        "current_mA": beacon.current_mA,
        "temperature_C": beacon.temperature_C,
        "state": _state(beacon.state, transfer.STATE_NAMES),
        "ept": codes.name(beacon.ept),
        "problem": beacon.problem,
        "provisioned": beacon.provisioned,
        "epoch": beacon.epoch,
        "sent_mJ": beacon.sent_mJ,
        "received_mJ": beacon.received_mJ,
        "heard": view.heard,
        "interval_s": view.interval_s,
    }


def _state(state: int, names: tuple[str, ...]) -> str:
    return names[state] if state < len(names) else str(state)


def _show(views: "list[BoardView]") -> None:
    from rich.console import Console
    from rich.table import Table

    if not views:
        click.echo("No boards heard. Are they powered and in range?")
        return
    table = Table(box=None)
    names = ("board", "address", "RSSI", "charge", "state", "last end", "voltage", "current", "")
    for name in names:
        table.add_column(name, no_wrap=True)
    for view in views:
        board = _as_json(view)
        table.add_row(
            str(board["board_id"]),
            board["address"],
            f"{board['rssi_dBm']} dBm",
            "unknown" if board["soc_pct"] is None else f"{board['soc_pct']} %",
            board["state"],
            board["ept"],
            f"{board['bus_mV'] / 1000:.2f} V",
            f"{board['current_mA']} mA",
            "" if board["provisioned"] else "not provisioned",
        )
    Console().print(table)
