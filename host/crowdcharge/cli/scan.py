# SPDX-License-Identifier: MIT
"""`crowdcharge scan`: list the boards in range."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from crowdcharge.cli import options, output
from crowdcharge.errors import InputError
from crowdcharge.escaping import plain

if TYPE_CHECKING:
    from crowdcharge.boards.fleet import BoardView
    from crowdcharge.radio.base import Advert, Radio

_OLD = "it speaks wire version 1: flash it again (crowdcharge flash)"
_OLD_MAX = 64  # adverts of others may look so
_ADDRESSES_MAX = 4096  # anyone can advertise under any number of addresses
_NAMES = ("board", "address", "RSSI", "charge", "state", "last end", "voltage", "current", "")


@click.command()
@click.option("--seconds", default=5.0, show_default=True, help="How long to listen.")
@click.option(
    "--transport",
    default="",
    envvar="CROWDCHARGE_TRANSPORT",
    help="A bench's radio instead of this computer's.",
)
@click.option("--adapter", default="", help="Bluetooth adapter (BlueZ), for example hci1.")
@click.option(
    "--record", type=click.Path(path_type=Path), help="Record the adverts to this new file."
)
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
    """List the boards that are heard, one line for each address."""
    from crowdcharge.radio import open_radio

    if not 0 < seconds <= 3600:
        raise InputError(f"--seconds must be above 0 and at most 3600, not {seconds:g}")
    radio = _replayed(replay) if replay else open_radio(transport, adapter)
    with _recording(record) as file:
        views, old = asyncio.run(_listen(radio, seconds, file))
    if as_json:
        maybe = [
            {"board_id": board_id, "address": address, "wire_version": 1}
            for address, board_id in old.items()
        ]
        boards = [_as_json(view) for view in views]
        output.document({"boards": boards, "maybe_old": maybe}, indent=2)
        return
    _show(views)
    for address, board_id in old.items():
        click.echo(f"{plain(address)}: if this is board {board_id}, {_OLD}")


def _replayed(path: Path) -> "Radio":
    from crowdcharge.clock import BoardClock
    from crowdcharge.radio.replay_radio import ReplayRadio, load

    return ReplayRadio(load(path), BoardClock())


@contextlib.contextmanager
def _recording(path: Path | None) -> Iterator[IO[str] | None]:
    """Yield the file to record to, line by line; one that is there is somebody's and stays."""
    if path is None:
        yield None
        return
    try:
        file = path.open("x", encoding="utf-8", buffering=1)
    except FileExistsError:
        raise InputError(f"{path} is there already: name a new file for the recording") from None
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    with file:
        yield file


async def _listen(
    radio: "Radio", seconds: float, file: IO[str] | None
) -> "tuple[list[BoardView], dict[str, int]]":
    """One view for each address and number, as two boards may have one number by mistake.

    Beside them is what may be boards of wire version 1: their numbers by address.
    """
    from crowdcharge.boards.fleet import Fleet
    from crowdcharge.boards.models import Beacon, Sighting
    from crowdcharge.radio.replay_radio import dump

    loop = asyncio.get_running_loop()
    fleets: dict[str, Fleet] = {}
    views: dict[tuple[int, str], BoardView] = {}
    old: dict[str, int] = {}
    start_s = loop.time()

    def heard(advert: "Advert") -> None:
        seen_s = loop.time() - start_s
        address = advert.address
        if file is not None:
            file.write(dump(seen_s, advert) + "\n")
        try:
            beacon = Beacon.unpack(advert.data)
        except ValueError:
            with contextlib.suppress(ValueError):
                if len(old) < _OLD_MAX:
                    old[address] = Beacon.unpack_1(advert.data).board_id
            return
        if address not in fleets and len(fleets) >= _ADDRESSES_MAX:
            return
        fleet = fleets.setdefault(address, Fleet())
        sighting = Sighting(beacon, address, advert.rssi_dBm, seen_s)
        views[beacon.board_id, address] = fleet.add(sighting)

    await radio.start_scan(heard)
    try:
        await asyncio.sleep(seconds)
    finally:
        await radio.close()
    return [views[key] for key in sorted(views)], old


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
    if not views:
        click.echo("No boards heard. Are they powered and in range?")
        return
    uses = Counter(view.board_id for view in views)
    output.table(_NAMES, (_row(_as_json(view), uses[view.board_id]) for view in views))


def _row(board: dict[str, Any], uses: int) -> tuple[str, ...]:
    remarks = [] if board["provisioned"] else ["not provisioned"]
    if uses > 1 and board["board_id"]:
        remarks.append(f"{uses} addresses have this number")
    return (
        str(board["board_id"]),
        board["address"],
        f"{board['rssi_dBm']} dBm",
        "unknown" if board["soc_pct"] is None else f"{board['soc_pct']} %",
        board["state"],
        board["ept"],
        f"{board['bus_mV'] / 1000:.2f} V",
        f"{board['current_mA']} mA",
        ", ".join(remarks),
    )
