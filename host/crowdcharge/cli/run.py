# SPDX-License-Identifier: MIT
"""`crowdcharge run`: the orchestrator on real or virtual boards."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from crowdcharge.cli.live import LiveView
    from crowdcharge.config import ContactsSection, RunConfig
    from crowdcharge.contacts import Contacts, Pair
    from crowdcharge.runner import Runner
    from crowdcharge.summary import Summary


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print summary.json and nothing else.")
def run(config: Path, as_json: bool) -> None:
    """Balance boards as CONFIG.toml says. Ctrl-C settles what runs and ends."""
    from rich.console import Console

    from crowdcharge.cli.live import LiveView
    from crowdcharge.config import load

    loaded = load(config)
    view = LiveView(Console(stderr=True), f"crowdcharge run: {loaded.run.policy}", as_json)
    with view.show():
        try:
            summary = asyncio.run(_run(loaded, view))
        except asyncio.CancelledError:  # the second Ctrl-C
            raise click.Abort from None
    click.echo(json.dumps(summary, indent=2) if as_json else _closing(summary, loaded.run.out))


async def _run(config: "RunConfig", view: "LiveView") -> "Summary":
    from crowdcharge.report import write_report
    from crowdcharge.runner import LEDGER, Runner

    async with _bench_contacts(config.contacts) as (contacts, vm):
        runner = Runner(config, view.on_event, contacts, vm)
        _end_on_signal(runner)
        summary = await runner.run()
    await asyncio.to_thread(write_report, runner.out / LEDGER, runner.out)
    return summary


def _end_on_signal(runner: "Runner") -> None:
    """The first signal ends in good order, the second at once; boards end by themselves."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def end() -> None:
        runner.stop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)


@asynccontextmanager
async def _bench_contacts(
    section: "ContactsSection",
) -> AsyncIterator[tuple["Contacts | None", str | None]]:
    """Asks a virtual bench who lies on whom; (None, None) without one."""
    if section.source != "bench":
        yield None, None
        return
    from crowdcharge.bench.client import Control
    from crowdcharge.cli.bench import announced_control
    from crowdcharge.contacts import Present

    control = await Control.connect(section.control or announced_control())

    async def present(_now_s: float) -> "Collection[Pair]":
        return [(a, b) for a, b in (await control.status())["contacts"]]

    try:
        yield Present(present, section.slot_s), (await control.status())["vm"]
    finally:
        await control.close()


def _closing(summary: "Summary", out: Path) -> str:
    efficiency = summary["efficiency"]
    return (
        f"{len(summary['transfers'])} transfers in this ledger"
        + (f", efficiency {efficiency:.1%}" if efficiency is not None else "")
        + f", imbalance {summary['imbalance_before']:.3f} -> {summary['imbalance_after']:.3f}, "
        f"{summary['floor_cutoffs']} cut off at the floor, {summary['refusals']} refused.\n"
        f"Open {out / 'report.html'}; check with: crowdcharge ledger verify {out}/ledger.sqlite"
    )
