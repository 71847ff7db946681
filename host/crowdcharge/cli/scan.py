# SPDX-License-Identifier: MIT
"""`crowdcharge scan`: list the boards in range."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdcharge.cli import options, output
from crowdcharge.errors import InputError
from crowdcharge.escaping import plain
from crowdcharge.files import writing

if TYPE_CHECKING:
    from crowdcharge.boards.fleet import BoardView, Fleet
    from crowdcharge.boards.keys import Keys
    from crowdcharge.radio.base import Advert, Radio

_OLD = "it speaks wire version 1: flash it again (crowdcharge flash)"
_OTHERS_MAX = 64
_ADDRESSES_MAX = 4096  # anyone can advertise under any number of addresses
Ears = dict[str, int]  # radio -> dBm
_NAMES = ("board", "address", "RSSI", "charge", "state", "last end", "voltage", "current", "")


@click.command()
@click.argument("run", metavar="[RUN.toml]", required=False, type=click.Path(path_type=Path))
@options.seconds(5.0, "How long to listen.")
@options.radio
@click.option(
    "--keys",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A host's keys, to know hidden boards of these by their aliases.",
)
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
    keys: Path | None,
    record: Path | None,
    replay: Path | None,
    as_json: bool,
) -> None:
    """List the boards that are heard, one line for each address.

    With RUN.toml the radios of that file listen, and each line says who hears the board.
    """
    from crowdcharge.radio import open_radio

    if run is not None and (replay or adapter):
        raise InputError("RUN.toml names the radios: leave --adapter and --replay out")
    if run is not None:
        radio = _radios_of(run)
    else:
        radio = _replayed(replay) if replay else open_radio(transport, adapter)
    with _recording(record) as keep:
        heard = asyncio.run(_listen(radio, seconds, _keys(keys), keep))
    boards = [_as_json(view, heard.ears[view.address]) for view in heard.views]
    if as_json:
        maybe = [
            {"board_id": board_id, "address": address, "wire_version": 1}
            for address, board_id in heard.old.items()
        ]
        hidden = [{"address": each, "rssi_dBm": dBm} for each, dBm in heard.hidden.items()]
        output.document({"boards": boards, "hidden": hidden, "maybe_old": maybe}, indent=2)
        return
    _show(boards, with_radios=run is not None)
    for address, rssi_dBm in heard.hidden.items():
        output.say(f"{address}, {rssi_dBm} dBm: a hidden board whose key is not here")
    for address, board_id in heard.old.items():
        output.say(f"{address}: if this is board {board_id}, {_OLD}")


def _keys(path: Path | None) -> "Keys":
    from crowdcharge.boards import keys as key_file

    return key_file.load(path) if path else {}


def _radios_of(path: Path) -> "Radio":
    from crowdcharge.orchestrator.config import load
    from crowdcharge.radio import open_radios

    section = load(path).radio

    def tell(line: str) -> None:
        output.say(f"crowdcharge: {line}", err=True)

    return open_radios(section.local, section.proxies, section.slots, tell)


def _replayed(path: Path) -> "Radio":
    from crowdcharge.clock import BoardClock
    from crowdcharge.radio.replay_radio import ReplayRadio, load

    return ReplayRadio(load(path), BoardClock())


@contextlib.contextmanager
def _recording(path: Path | None) -> Iterator[Callable[[str], None]]:
    """Yield what keeps a line in a new file; one that is there is somebody's and stays."""
    if path is None:
        yield lambda _line: None
        return
    try:
        file = path.open("x", encoding="utf-8", buffering=1)
    except FileExistsError:
        raise InputError(f"{path} is there already: name a new file for the recording") from None
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None

    def keep(line: str) -> None:
        with writing(path):
            file.write(line)

    try:
        yield keep
    finally:
        with writing(path):
            file.close()


class _ScanList:
    """One view for each address and number, as two boards may have one number by mistake.

    Beside them, by address: what may be boards of wire version 1, with their numbers; the strength
    of aliases of boards whose keys are not among `keys`; and who hears it, with the strength of
    the last advert there.
    """

    def __init__(self, keys: "Keys") -> None:
        from crowdcharge.boards.aliases import Aliases

        self._aliases = Aliases(keys)
        self._fleets: dict[str, Fleet] = {}
        self._views: dict[tuple[int, str], BoardView] = {}
        self.old: dict[str, int] = {}
        self.hidden: dict[str, int] = {}
        self.ears: dict[str, Ears] = {}

    @property
    def views(self) -> "list[BoardView]":
        return [self._views[key] for key in sorted(self._views)]

    def add(self, advert: "Advert", seen_s: float) -> None:
        from crowdcharge.boards.fleet import Fleet
        from crowdcharge.boards.models import Sighting

        address = advert.address
        try:
            beacon = self._aliases.beacon(advert.data)
        except ValueError:
            self._add_other(advert)
            return
        if address not in self._fleets and len(self._fleets) >= _ADDRESSES_MAX:
            return
        fleet = self._fleets.setdefault(address, Fleet())
        sighting = Sighting(beacon, address, advert.rssi_dBm, seen_s)
        self._views[beacon.board_id, address] = fleet.add(sighting)
        heard_by = self.ears.setdefault(address, {})
        if advert.radio:  # a recording does not say
            heard_by[advert.radio] = advert.rssi_dBm

    def _add_other(self, advert: "Advert") -> None:
        """Note what is no beacon that can be read; adverts of others may look so."""
        from crowdcharge.boards.models import Beacon
        from wptcore import alias

        if len(self.old) + len(self.hidden) >= _OTHERS_MAX:
            return
        if alias.is_alias(advert.data):
            self.hidden[advert.address] = advert.rssi_dBm
            return
        with contextlib.suppress(ValueError):
            self.old[advert.address] = Beacon.unpack_1(advert.data).board_id


async def _listen(
    radio: "Radio", seconds: float, keys: "Keys", keep: Callable[[str], None]
) -> _ScanList:
    from crowdcharge.radio.replay_radio import dump

    loop = asyncio.get_running_loop()
    heard = _ScanList(keys)
    start_s = loop.time()

    def on_advert(advert: "Advert") -> None:
        seen_s = loop.time() - start_s
        keep(dump(seen_s, advert) + "\n")
        heard.add(advert, seen_s)

    await radio.start_scan(on_advert)
    try:
        await asyncio.sleep(seconds)
    finally:
        await radio.close()
    return heard


def _as_json(view: "BoardView", ears: Ears) -> dict[str, Any]:
    """Return what is known; an alias tells the number alone, so the rest is null."""
    from crowdcharge.boards import codes
    from crowdcharge.boards.models import Beacon
    from wptcore import transfer

    beacon = view.newest
    hidden = beacon == Beacon.hidden(beacon.board_id)
    told = {
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
    }
    return {
        "board_id": beacon.board_id,
        "address": view.address,
        "hidden": hidden,
        "rssi_dBm": max(ears.values(), default=view.rssi_dBm),
        "radios": ears,
        **(dict.fromkeys(told) if hidden else told),
        "heard": view.heard,
        "interval_s": view.interval_s,
    }


def _state(state: int, names: tuple[str, ...]) -> str:
    return names[state] if state < len(names) else str(state)


def _show(boards: list[dict[str, Any]], with_radios: bool) -> None:
    if not boards:
        output.say("No boards heard. Are they powered and in range?")
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
    if board["hidden"]:
        remarks = ["hidden: it shows this host its number only"]
    else:
        remarks = [] if board["provisioned"] else ["not provisioned"]
    if uses > 1 and board["board_id"]:
        remarks.append(f"{uses} addresses have this number")
    head = (str(board["board_id"]), board["address"], f"{board['rssi_dBm']} dBm")
    if board["hidden"]:
        return (*head, *["-"] * 5, ", ".join(remarks))
    return (
        *head,
        "unknown" if board["soc_pct"] is None else f"{board['soc_pct']} %",
        board["state"],
        board["ept"],
        f"{board['bus_mV'] / 1000:.2f} V",
        f"{board['current_mA']} mA",
        ", ".join(remarks),
    )
