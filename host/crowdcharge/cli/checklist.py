# SPDX-License-Identifier: MIT
"""`crowdcharge checklist`: is every board ready, before anybody starts a session?"""

import asyncio
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crowdcharge.cli import options, output
from crowdcharge.errors import InputError, ProtocolError, RadioError

if TYPE_CHECKING:
    from crowdcharge.boards.fleet import Fleet
    from crowdcharge.boards.link import BoardLink
    from crowdcharge.boards.pool import Pool
    from crowdcharge.orchestrator.config import RunConfig
    from crowdcharge.radio.base import Advert

_FREE_MIN_bytes = 100_000_000  # a week of samples
_HEADS = ("board", "RSSI", "charge", "allowed W", "not ready because")


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a board said by radio, authenticated; empty `faults` and `reasons`: it is ready."""

    board_id: int
    rssi_dBm: int | None = None
    soc_pct: float | None = None
    power_allowed_mW: int | None = None
    faults: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@click.command()
@click.argument("file", metavar="RUN.toml", type=click.Path(path_type=Path))
@options.seconds(5.0, "How long to listen first.")
@options.as_json
def checklist(file: Path, seconds: float, as_json: bool) -> None:
    """Ask every board of RUN.toml by radio whether it is ready. No coil is switched on.

    Exit code 1 if a board is not ready.
    """
    from crowdcharge.cli.check import check
    from crowdcharge.orchestrator.config import load

    config = load(file)
    found = [*check(config), _disk(config.run.out)]
    boards = asyncio.run(_ask_all(config, seconds))
    if as_json:
        output.document(
            {"file": str(file), "found": found, "boards": [asdict(board) for board in boards]}
        )
    else:
        output.say(f"{file}: in order", *found, "")
        output.table(_HEADS, map(_row, boards))
    if any(board.reasons for board in boards):
        sys.exit(1)


def _disk(folder: Path) -> str:
    nearest = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    free_bytes = shutil.disk_usage(nearest).free
    if free_bytes < _FREE_MIN_bytes:
        raise InputError(f"{nearest}: {free_bytes / 1e6:.0f} MB are free, too few for a session")
    return f"disk      {free_bytes / 1e9:.1f} GB are free"


async def _ask_all(config: "RunConfig", seconds: float) -> list[Readiness]:
    from crowdcharge.boards import keys as key_file
    from crowdcharge.boards.aliases import Aliases
    from crowdcharge.boards.fleet import Fleet
    from crowdcharge.boards.models import Sighting
    from crowdcharge.boards.pool import Pool
    from crowdcharge.clock import BoardClock
    from crowdcharge.radio import open_radios
    from crowdcharge.radio.base import tell_nobody

    keys, loop = key_file.load(config.run.keys), asyncio.get_running_loop()
    section = config.radio
    radio = open_radios(section.local, section.proxies, section.slots, tell_nobody)
    fleet, aliases = Fleet(keys), Aliases(keys)
    pool = Pool(radio, fleet, keys, BoardClock(config.radio.speed), config.radio.slots)

    def heard(advert: "Advert") -> None:
        try:
            beacon = aliases.beacon(advert.data)
        except ValueError:
            return
        fleet.add(Sighting(beacon, advert.address, advert.rssi_dBm, loop.time()))

    await radio.start_scan(heard)
    try:
        await asyncio.sleep(seconds)
        return [await _ask(pool, fleet, board_id) for board_id in sorted(keys)]
    finally:
        await pool.close()
        await radio.close()


async def _ask(pool: "Pool", fleet: "Fleet", board_id: int) -> Readiness:
    view = fleet.view(board_id)
    rssi_dBm = view.rssi_dBm if view else None
    try:
        return await _told(await pool.get(board_id), rssi_dBm)
    except (RadioError, ProtocolError) as error:
        return Readiness(board_id, rssi_dBm, reasons=(str(error),))


async def _told(link: "BoardLink", rssi_dBm: int | None) -> Readiness:
    from crowdcharge.boards import codes
    from crowdcharge.boards.constants import BoardState

    ack, standing = await link.ask(), await link.faults()
    faults = tuple(codes.name(code) for code in sorted(standing))
    serious = [code for code in sorted(standing) if codes.is_problem(code)]
    reasons = [f"{codes.name(code)}: {codes.text(code)}" for code in serious]
    if ack.state != BoardState.IDLE:
        reasons.append(f"it is in {BoardState(ack.state).name}, not IDLE")
    if ack.soc_permille is None:
        reasons.append("its charge is not known yet")
    soc_pct = None if ack.soc_permille is None else ack.soc_permille / 10
    power_mW = link.limits.power_allowed_mW
    return Readiness(link.board_id, rssi_dBm, soc_pct, power_mW, faults, tuple(reasons))


def _row(board: Readiness) -> tuple[object, ...]:
    return (
        board.board_id,
        "-" if board.rssi_dBm is None else f"{board.rssi_dBm} dBm",
        "-" if board.soc_pct is None else f"{board.soc_pct:.1f} %",
        "-" if board.power_allowed_mW is None else f"{board.power_allowed_mW / 1000:g}",
        "; ".join(board.reasons) or "ready",
    )
