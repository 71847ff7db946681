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
Ears = dict[str, int]  # radio -> dBm
_NAMES = ("board", "address", "RSSI", "charge", "state", "last end", "voltage", "current", "")


@click.command()
@click.argument("run", metavar="[RUN.toml]", required=False, type=click.Path(path_type=Path))
@click.option("--seconds", default=5.0, show_default=True, help="How long to listen.")
@options.radio
@click.option(
    "--record", type=click.Path(path_type=Path), help="Record the adverts to this new file."
)
@click.option("--replay", type=click.Path(path_type=Path), help="Replay such a recording instead.")
@options.as_json
def scan(
    run: Path | None,
    seconds: float,
    transport: str,
    adapter: str,
    record: Path | None,
    replay: Path | None,
    as_json: bool,
) -> None:
    """List the boards that are heard, one line for each address.

    With RUN.toml the radios of that file listen, and each line says who hears the board.
    """
    from crowdcharge.radio import open_radio

    if not 0 < seconds <= 3600:
        raise InputError(f"--seconds must be above 0 and at most 3600, not {seconds:g}")
    if run is not None and (replay or adapter):
        raise InputError("RUN.toml names the radios: leave --adapter and --replay out")
    if run is not None:
        radio = _radios_of(run)
    else:
        radio = _replayed(replay) if replay else open_radio(transport, adapter)
    with _recording(record) as file:
        views, old, ears = asyncio.run(_listen(radio, seconds, file))
    boards = [_as_json(view, ears[view.address]) for view in views]
    if as_json:
        maybe = [
            {"board_id": board_id, "address": address, "wire_version": 1}
            for address, board_id in old.items()
        ]
        output.document({"boards": boards, "maybe_old": maybe}, indent=2)
        return
    _show(boards, with_radios=run is not None)
    for address, board_id in old.items():
        click.echo(f"{plain(address)}: if this is board {board_id}, {_OLD}")


def _radios_of(path: Path) -> "Radio":
    from crowdcharge.orchestrator.config import load
    from crowdcharge.radio import open_radios

    section = load(path).radio

    def tell(line: str) -> None:
        click.echo(f"crowdcharge: {plain(line)}", err=True)

    return open_radios(section.local, section.proxies, section.slots, tell)


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
) -> "tuple[list[BoardView], dict[str, int], dict[str, Ears]]":
    """One view for each address and number, as two boards may have one number by mistake.

    Beside them is what may be boards of wire version 1: their numbers by address; and who has
    heard each address, with the strength of its last advert there.
    """
    from crowdcharge.boards.fleet import Fleet
    from crowdcharge.boards.models import Beacon, Sighting
    from crowdcharge.radio.replay_radio import dump

    loop = asyncio.get_running_loop()
    fleets: dict[str, Fleet] = {}
    views: dict[tuple[int, str], BoardView] = {}
    old: dict[str, int] = {}
    ears: dict[str, Ears] = {}
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
        heard_by = ears.setdefault(address, {})
        if advert.radio:  # a recording does not say
            heard_by[advert.radio] = advert.rssi_dBm

    await radio.start_scan(heard)
    try:
        await asyncio.sleep(seconds)
    finally:
        await radio.close()
    return [views[key] for key in sorted(views)], old, ears


def _as_json(view: "BoardView", ears: Ears) -> dict[str, Any]:
    from crowdcharge.boards import codes
    from wptcore import transfer

    beacon = view.newest
    return {
        "board_id": beacon.board_id,
        "address": view.address,
        "rssi_dBm": max(ears.values(), default=view.rssi_dBm),
        "radios": ears,
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


def _show(boards: list[dict[str, Any]], with_radios: bool) -> None:
    if not boards:
        click.echo("No boards heard. Are they powered and in range?")
        return
    uses = Counter(board["board_id"] for board in boards)
    rows = [_row(board, uses[board["board_id"]]) for board in boards]
    if with_radios:
        heard = [_heard_by(board["radios"]) for board in boards]
        rows = [(*row[:-1], by, row[-1]) for row, by in zip(rows, heard, strict=True)]
    output.table((*_NAMES[:-1], "heard by", "") if with_radios else _NAMES, rows)


def _heard_by(ears: Ears) -> str:
    """Return who hears a board, loudest first."""
    loudest_first = sorted(ears.items(), key=lambda ear: -ear[1])
    return ", ".join(f"{plain(radio)} {rssi_dBm} dBm" for radio, rssi_dBm in loudest_first)


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
