# SPDX-License-Identifier: MIT
"""`crowdcharge demo`: the main job on a virtual bench, in under a minute."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdcharge import __version__
from crowdcharge.cli import failures, output
from crowdcharge.cli.live import LiveView
from crowdcharge.cli.options import SEED, Number, policy_options
from crowdcharge.cli.run import end_on_signal, ended
from crowdcharge.cli.serve import WINDOW, attended, http_port
from crowdcharge.errors import InputError
from crowdcharge.report.summary import closing_words

if TYPE_CHECKING:
    from crowdcharge.bench.runs.demo import Demo
    from crowdcharge.bench.runs.hostless import Hostless
    from crowdcharge.orchestrator.orchestrator import Orchestrator


@click.command()
@click.option("--hostless", is_flag=True, help="No orchestrator: four boards agree by themselves.")
@click.option("--boards", default=4, show_default=True, help="How many boards.")
@click.option("--policy", default="online-average", show_default=True, help="The crowd protocol.")
@policy_options
@click.option("--speed", type=Number(), help="Board time per real time, at most 10 (4 boards: 5).")
@click.option("--seed", default=1, show_default=True, type=SEED, help="Seed of everything random.")
@click.option(
    "--port",
    default="micropython",
    show_default=True,
    help="Firmware: micropython, circuitpython or mixed.",
)
@click.option("--out", default="out", show_default=True, type=Path, help="Folder for the results.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json and nothing else.")
@click.option("--serve", "served", is_flag=True, help="With a page, again and again until Ctrl-C.")
@http_port
def demo(
    hostless: bool,
    boards: int,
    policy: str,
    options: dict[str, Any],
    speed: float | None,
    seed: int,
    port: str,
    out: Path,
    as_json: bool,
    served: bool,
    http_port: int | None,
) -> None:
    """Let boards on a virtual bench balance their energy; one donor is cut off at 20 %."""
    from crowdcharge.bench.runs.demo import Demo
    from crowdcharge.bench.runs.hostless import Hostless
    from crowdcharge.boards.crowd import POLICY

    if http_port is not None and not served:
        raise InputError("--http-port is for --serve")
    chosen: Demo | Hostless
    if hostless:
        _refuse_with_hostless(boards, options, served)
        policy = POLICY if _is_default("policy") else policy
        chosen = Hostless(policy, speed, seed, port)
    else:
        chosen = Demo(boards, policy, speed, seed, port, options)
    view = LiveView(
        output.console(stderr=True), f"crowdcharge demo: {policy}, seed {seed}", as_json
    )
    with view.show():
        if isinstance(chosen, Hostless):
            work = _hostless(chosen, out, view)
        elif served:
            work = _served(chosen, out, http_port, view)
        else:
            work = _once(chosen, out, view)
        summary = ended(work)
    if as_json:
        output.document(summary, indent=2)
    else:
        click.echo(_closing(summary, out))


async def _hostless(chosen: "Hostless", out: Path, view: LiveView) -> dict[str, Any]:
    from crowdcharge.bench.runs.hostless import run

    return await run(chosen, out, view.on_event)


async def _once(chosen: "Demo", out: Path, view: LiveView) -> dict[str, Any]:
    from crowdcharge.bench.runs.demo import run

    return await run(chosen, out, view.on_event)


async def _served(
    chosen: "Demo", out: Path, http_port: int | None, view: LiveView
) -> dict[str, Any]:
    """Go on until Ctrl-C, with a page beside it."""
    from crowdcharge.bench.runs.demo import run
    from crowdcharge.cli.event_log import both
    from crowdcharge.orchestrator.config import ServeSection
    from crowdcharge.service.about import about_demo
    from crowdcharge.service.engine import Engine
    from crowdcharge.service.listener import listen

    section = ServeSection(start="running")
    failures.require(*WINDOW)
    serve = section if http_port is None else replace(section, http_port=http_port)
    with listen(serve.host, serve.http_port) as listener:
        engine = Engine(about_demo(chosen.shown(), out, serve, __version__), listener)

        @asynccontextmanager
        async def attending(orchestrator: "Orchestrator") -> AsyncIterator[None]:
            end_on_signal(orchestrator)
            async with attended(engine, listener, orchestrator):
                yield

        return await run(chosen, out, both(view.on_event, engine.on_event), attending, True)


def _is_default(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.DEFAULT


def _refuse_with_hostless(boards: int, options: dict[str, Any], served: bool) -> None:
    if boards != 4 or options or served:
        raise InputError("--hostless has four boards, no policy options and no page")


def _closing(summary: dict[str, Any], out: Path) -> str:
    return (
        f"{closing_words(summary)}\n"
        f"Open {out / 'report.html'}; check {out / 'ledger.sqlite'} with: "
        f"crowdcharge ledger verify {out / 'ledger.sqlite'} --keys {out / 'keys.toml'}"
    )
