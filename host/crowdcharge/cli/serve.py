# SPDX-License-Identifier: MIT
"""`crowdcharge serve`: a run as a service with a page, or a past run again."""

import asyncio
import sys
import tempfile
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from crowdcharge import __version__
from crowdcharge.cli import failures, output
from crowdcharge.errors import InputError
from crowdcharge.ledger.place import Place, place_of

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Iterator

    from crowdcharge.orchestrator.config import RunConfig
    from crowdcharge.orchestrator.events import Emit
    from crowdcharge.orchestrator.orchestrator import Orchestrator
    from crowdcharge.service.engine import Engine

WINDOW = ("prometheus_client", "segno", "starlette", "uvicorn")  # what its process imports

http_port = click.option(
    "--http-port", type=click.IntRange(0, 65535), help="Port of the page; 0: any that is free."
)


@click.command()
@click.argument("file", metavar="RUN.toml", type=click.Path(path_type=Path), required=False)
@click.option(
    "--ledger", type=place_of, metavar="LEDGER", help="Show a past run again: its file, or a URL."
)
@http_port
@click.option("--host", help="Address to listen on.")
def serve(
    file: Path | None, ledger: Place | None, http_port: int | None, host: str | None
) -> None:
    """Balance boards as the file says, with a page to see and steer it. Ctrl-C ends in order.

    The first line on stdout is the page's address, once OUT/token is there. A service that starts
    waits until somebody resumes it, unless the file says `start = "running"`.
    """
    if (file is None) == (ledger is None):
        raise InputError("say what to serve: either RUN.toml, or --ledger FILE")
    chosen = {"http_port": http_port, "host": host}
    given = {name: value for name, value in chosen.items() if value is not None}
    if ledger is not None:
        with _file_of(ledger) as path:
            _replay(path, given)
    elif file is not None:
        _live(file, given)


def _live(file: Path, given: dict[str, Any]) -> None:
    from crowdcharge.cli.live import LiveView
    from crowdcharge.cli.run import ended
    from crowdcharge.orchestrator.config import load
    from crowdcharge.service.listener import listen

    config = load(file)
    failures.require(*WINDOW)
    config = replace(config, serve=replace(config.serve, **given))
    listener = listen(config.serve.host, config.serve.http_port)
    view = LiveView(output.console(stderr=True), f"crowdcharge serve: {config.run.policy}")
    with listener, view.show():
        ended(_serve(config, listener, view.on_event))


@asynccontextmanager
async def attended(
    engine: "Engine", listener: "socket.socket", orchestrator: "Orchestrator"
) -> "AsyncIterator[None]":
    """Show a run while the block runs it; its address is said once its tokens can be read."""
    async with engine.attending(orchestrator):
        _say_address(listener)
        yield


def _say_address(listener: "socket.socket") -> None:
    from crowdcharge.service.listener import url

    click.echo(url(listener))
    sys.stdout.flush()


async def _serve(config: "RunConfig", listener: "socket.socket", emit: "Emit") -> None:
    from crowdcharge.cli.event_log import both
    from crowdcharge.cli.run import bench_contacts, end_on_signal
    from crowdcharge.orchestrator.runner import Runner
    from crowdcharge.service.about import about_run
    from crowdcharge.service.engine import Engine

    engine = Engine(about_run(config, __version__), listener)
    async with bench_contacts(config) as (contacts, vm):
        runner = Runner(config, both(emit, engine.on_event), contacts, vm)
        end_on_signal(runner)
        await runner.run(partial(attended, engine, listener))
    await asyncio.to_thread(runner.folder.write_report)


@contextmanager
def _file_of(ledger: Place) -> "Iterator[Path]":
    """Yield a ledger's own file, or for a database a copy that is gone afterwards."""
    if isinstance(ledger, Path):
        yield ledger
        return
    from crowdcharge.ledger.store import Store

    name = quote(ledger.site or ledger.database, safe="")[:50]  # the page shows the folder's name
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as scratch:
        copy = Path(scratch, "ledger.sqlite")
        with Store.read(ledger) as store:
            store.back_up(copy)
        yield copy


def _replay(ledger: Path, given: dict[str, Any]) -> None:
    from crowdcharge.cli.run import on_end
    from crowdcharge.orchestrator.config import ServeSection
    from crowdcharge.service.listener import listen
    from crowdcharge.service.replay import Replay
    from crowdcharge.service.window.tokens import tokens_in

    serve = replace(ServeSection(), **given)

    async def play(listener: "socket.socket") -> None:
        task = asyncio.current_task()
        assert task is not None
        on_end(task.cancel)
        replay = Replay(ledger, serve, listener, __version__)
        _say_address(listener)
        with suppress(asyncio.CancelledError):
            await replay.run()

    if not ledger.is_file():
        raise InputError(f"no ledger at {ledger}")
    failures.require(*WINDOW)
    tokens_in(ledger.parent)
    with listen(serve.host, serve.http_port) as listener:
        asyncio.run(play(listener))
