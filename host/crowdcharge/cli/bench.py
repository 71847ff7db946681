# SPDX-License-Identifier: MIT
"""`crowdcharge bench`: a virtual bench and its faults."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdcharge.cli import benches, options, output
from crowdcharge.errors import BenchError, InputError

if TYPE_CHECKING:
    from crowdcharge.bench.hub.launch import Bench

_name = click.option(
    "--bench", "bench_name", default="", help="Name of the bench, if several are up."
)
_control = click.option(
    "--control", type=click.Path(path_type=Path), help="Control socket of the bench."
)


@click.group()
def bench() -> None:
    """Start, watch and disturb a virtual bench: real firmware on real MicroPython VMs."""


@bench.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option("--folder", type=click.Path(path_type=Path), help="Keep logs and flash here.")
@click.option("--name", default="", help="Name for the bench; without: that of the file.")
@options.as_json
def up(config: Path | None, folder: Path | None, name: str, as_json: bool) -> None:
    """Start a bench (without CONFIG: the demo's four boards) and keep it until Ctrl-C."""
    name = (
        benches.check_name(name) if name else benches.free_name(config.stem if config else "demo")
    )
    asyncio.run(_up(config, folder, name, as_json))


@bench.command()
@_name
@_control
@options.as_json
def status(bench_name: str, control: Path | None, as_json: bool) -> None:
    """Show the true state of the plant, independent of what the boards report."""
    found = _call(bench_name, control, "status")
    if as_json:
        output.document(found)
    else:
        click.echo(_table(found))


@bench.command()
@click.argument("name", required=False)
@click.argument("board", required=False, type=int)
@click.argument("parameters", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--list", "list_them", is_flag=True, help="List all faults.")
@_name
@_control
def fault(
    name: str | None,
    board: int | None,
    parameters: tuple[str, ...],
    list_them: bool,
    bench_name: str,
    control: Path | None,
) -> None:
    """Do the fault NAME to a BOARD, or to the proxy of that number; on=false undoes it."""
    if list_them:
        click.echo(_fault_list())
        return
    if name is None or board is None:
        raise InputError("bench fault needs a NAME and a BOARD; --list shows the names")
    given = dict(_key_value(text) for text in parameters)
    _call(bench_name, control, "fault", name=name, board=board, parameters=given)


@bench.command()
@_name
@_control
def resume(bench_name: str, control: Path | None) -> None:
    """Go back to the contact schedule after boards were moved by hand."""
    _call(bench_name, control, "resume")


async def _up(config: Path | None, folder: Path | None, name: str, as_json: bool) -> None:
    from crowdcharge.bench.hub.launch import launch
    from crowdcharge.cli.run import on_end

    stop = asyncio.Event()
    on_end(stop.set)
    async with launch(config, folder) as running:
        await running.heard()
        bench = benches.Announced(name, running.control_path, running.transports)
        with benches.announced(bench) as is_found:
            if not is_found:
                click.echo("note: no cache folder here; use --control to reach it", err=True)
            if as_json:
                output.document({"name": name, **_ready(running)})
            else:
                click.echo(_ready_text(name, running))
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
        "proxies": running.proxies,
        "boards": [
            {"id": board_id, "address": address, "serial": running.serial_ports[board_id]}
            for board_id, address in running.addresses.items()
        ],
    }


def _ready_text(name: str, running: "Bench") -> str:
    lines = [f"Bench {name} is up: {len(running.addresses)} boards on {running.vm}."]
    lines += [f"  radio    {transport}" for transport in running.transports]
    lines += [
        f"  proxy    {each['host']}:{each['port']}  {each['name']}" for each in running.proxies
    ]
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
    for name, handler in sorted(faults.every().items()):
        defaults = faults.parameters(name).items()
        takes = [f"{key}={str(value).lower()}" for key, value in defaults]
        whom = "BOARD" if name in faults.FAULTS else "PROXY"
        lines.append(" ".join((name, whom, *takes)))
        lines.append(f"    {(handler.__doc__ or '').strip()}")
    return "\n".join(lines)


def _key_value(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"{text!r} is not KEY=VALUE")
    return key, value


def _call(name: str, control: Path | None, method: str, /, **params: Any) -> Any:
    from crowdcharge.bench.hub.client import Control

    async def ask() -> Any:
        connection = await Control.connect(control or benches.control_of(name))
        try:
            return await connection.call(method, **params)
        finally:
            await connection.close()

    return asyncio.run(ask())
