# SPDX-License-Identifier: MIT
"""`crowdcharge bench`: a virtual bench and its faults."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdcharge.cli import options
from crowdcharge.errors import BenchError, InputError

if TYPE_CHECKING:
    from crowdcharge.bench.hub.launch import Bench

_control = click.option(
    "--control", type=click.Path(path_type=Path), help="Control socket of the bench."
)


@click.group()
def bench() -> None:
    """A virtual bench: real firmware on real MicroPython VMs, physics and a radio."""


@bench.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option("--folder", type=click.Path(path_type=Path), help="Keep logs and flash here.")
@options.as_json
def up(config: Path | None, folder: Path | None, as_json: bool) -> None:
    """Start a bench (without CONFIG: the demo's four boards) and keep it until Ctrl-C."""
    asyncio.run(_up(config, folder, as_json))


@bench.command()
@_control
@options.as_json
def status(control: Path | None, as_json: bool) -> None:
    """Show the true state of the plant, independent of what the boards report."""
    found = _call(control, "status")
    click.echo(json.dumps(found) if as_json else _table(found))


@bench.command()
@click.argument("name", required=False)
@click.argument("board", required=False, type=int)
@click.argument("parameters", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--list", "list_them", is_flag=True, help="List all faults.")
@_control
def fault(
    name: str | None,
    board: int | None,
    parameters: tuple[str, ...],
    list_them: bool,
    control: Path | None,
) -> None:
    """Do the fault NAME to a BOARD; on=false undoes it."""
    if list_them:
        click.echo(_fault_list())
        return
    if name is None or board is None:
        raise InputError("bench fault needs a NAME and a BOARD; --list shows the names")
    given = dict(_key_value(text) for text in parameters)
    _call(control, "fault", name=name, board=board, parameters=given)


@bench.command()
@_control
def resume(control: Path | None) -> None:
    """Go back to the contact schedule after boards were moved by hand."""
    _call(control, "resume")


async def _up(config: Path | None, folder: Path | None, as_json: bool) -> None:
    from crowdcharge.bench.hub.launch import launch

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with launch(config, folder) as running:
        with _announced(running.control_path):
            click.echo(json.dumps(_ready(running)) if as_json else _ready_text(running))
            ended = asyncio.create_task(running.ended())
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
            gone = ended.done() and not stop.is_set()
            ended.cancel()
            stopped.cancel()
    if gone and running.returncode:
        raise BenchError("the bench has died")


def _ready(running: "Bench") -> dict[str, Any]:
    return {
        "control": str(running.control_path),
        "transports": running.transports,
        "vm": running.vm,
        "folder": str(running.folder),
        "boards": [
            {"id": board_id, "address": address, "serial": running.serial_ports[board_id]}
            for board_id, address in running.addresses.items()
        ],
    }


def _ready_text(running: "Bench") -> str:
    lines = [f"Bench is up: {len(running.addresses)} boards on {running.vm}."]
    lines += [f"  radio    {transport}" for transport in running.transports]
    lines += [f"  control  {running.control_path}", "  board  address            serial port"]
    for board_id, address in running.addresses.items():
        lines.append(f"  {board_id:<6} {address}  {running.serial_ports[board_id]}")
    lines.append("Ctrl-C ends it.")
    return "\n".join(lines)


def _table(found: dict[str, Any]) -> str:
    lines = [
        f"{found['time_s']:.1f} s, speed {found['speed']:g}",
        "board  state   SoC %  peer  sent J  received J  coil C  coils",
    ]
    for board in found["boards"]:
        state = "frozen" if board["frozen"] else "on" if board["running"] else "off"
        coils = " ".join(coil for coil in ("tx", "rx") if board[f"{coil}_on"]) or "-"
        lines.append(
            f"{board['id']:<6} {state:<7} {board['soc_pct']:5.1f}  {board['peer'] or '-':<4}  "
            f"{board['sent_J']:6.2f}  {board['received_J']:10.2f}  {board['coil_C']:6.1f}  {coils}"
        )
    return "\n".join(lines)


def _fault_list() -> str:
    from crowdcharge.bench.hub import faults

    lines = []
    for name, handler in sorted(faults.FAULTS.items()):
        defaults = faults.parameters(name).items()
        takes = [f"{key}={str(value).lower()}" for key, value in defaults]
        lines.append(" ".join((name, "BOARD", *takes)))
        lines.append(f"    {(handler.__doc__ or '').strip()}")
    return "\n".join(lines)


def _key_value(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"{text!r} is not KEY=VALUE")
    return key, value


# How a running bench is found


def _address_file() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "crowdcharge" / "bench"


@contextlib.contextmanager
def _announced(control: Path) -> Iterator[None]:
    file = _address_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{control}\n", encoding="utf-8")
    try:
        yield
    finally:
        if file.exists() and file.read_text(encoding="utf-8").strip() == str(control):
            file.unlink()


def _call(control: Path | None, method: str, **params: Any) -> Any:
    from crowdcharge.bench.hub.client import Control

    async def ask() -> Any:
        connection = await Control.connect(control or announced_control())
        try:
            return await connection.call(method, **params)
        finally:
            await connection.close()

    return asyncio.run(ask())


def announced_control() -> Path:
    try:
        return Path(_address_file().read_text(encoding="utf-8").strip())
    except OSError:
        raise BenchError("no bench is up: start one with crowdcharge bench up") from None
