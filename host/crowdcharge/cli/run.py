# SPDX-License-Identifier: MIT
"""`crowdcharge run`: the orchestrator on real or virtual boards."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdcharge.errors import InputError
from crowdcharge.toml_table import Table, read_text

if TYPE_CHECKING:
    from crowdcharge.bench.hub.client import Control
    from crowdcharge.bench.runs.scenario_run import ScenarioRun
    from crowdcharge.cli.live import LiveView
    from crowdcharge.orchestrator.config import ContactsSection, RunConfig
    from crowdcharge.orchestrator.contacts import Contacts, Pair
    from crowdcharge.orchestrator.runner import Runner
    from crowdcharge.report.summary import Summary

Job = tuple[Callable[["LiveView"], Coroutine[Any, Any, "Summary"]], str, Path]


@click.command()
@click.argument("file", metavar="FILE.toml", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the results.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json and nothing else.")
def run(file: Path, out: Path | None, as_json: bool) -> None:
    """Balance boards as the file says. Ctrl-C settles running transfers and ends.

    The file of a run finds its boards over the radio. A scenario, the file that `simulate` takes,
    gets the boards of a virtual bench, and the report lays simulated and metered side by side.
    """
    from rich.console import Console

    from crowdcharge.cli.live import LiveView

    text = read_text(file)
    prepare = _scenario if _is_scenario(text, str(file)) else _configured
    work, policy, out = prepare(file, text, out)
    view = LiveView(Console(stderr=True), f"crowdcharge run: {policy}", as_json)
    with view.show():
        try:
            summary = asyncio.run(work(view))
        except asyncio.CancelledError:  # the second Ctrl-C
            raise click.Abort from None
    click.echo(json.dumps(summary, indent=2) if as_json else _closing(summary, out))


def _is_scenario(text: str, name: str) -> bool:
    """A crowd and no [run]; the reader of runs finds fault with a file that is neither."""
    top = Table.parse(text, name)
    return "run" not in top and ("boards" in top or "crowd" in top)


def _configured(path: Path, text: str, out: Path | None) -> Job:
    from crowdcharge.orchestrator.config import parse

    config = parse(text, path)
    if out is not None:
        config = replace(config, run=replace(config.run, out=out))
    return partial(_run, config), config.run.policy, config.run.out


def _scenario(path: Path, text: str, out: Path | None) -> Job:
    try:
        from crowdcharge.bench.runs.scenario_run import ScenarioRun
        from crowdcharge.simulation.scenario import parse
    except ModuleNotFoundError as error:
        hint = "pip install 'crowdcharge[bench,crowd]'"
        raise InputError(f"this needs the package {error.name}: {hint}") from None

    scenario, folder = parse(text, str(path)), out or Path("out")

    async def work(view: "LiveView") -> "Summary":
        runner = ScenarioRun(scenario, path.parent, folder, view.on_event)
        _end_on_signal(runner)
        return await runner.run()

    return work, scenario.policy, folder


async def _run(config: "RunConfig", view: "LiveView") -> "Summary":
    from crowdcharge.orchestrator.runner import Runner

    async with _bench_contacts(config.contacts) as (contacts, vm):
        runner = Runner(config, view.on_event, contacts, vm)
        _end_on_signal(runner)
        summary = await runner.run()
    await asyncio.to_thread(runner.folder.write_report)
    return summary


def _end_on_signal(runner: "Runner | ScenarioRun") -> None:
    """End in good order at the first signal, at once at the second; boards end by themselves."""
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
    """Contacts as a virtual bench sees them, and its VM's name; (None, None) without a bench."""
    if section.source != "bench":
        yield None, None
        return
    from crowdcharge.orchestrator.contacts import Present

    async with bench_control(section) as control:

        async def present(_now_s: float) -> "Collection[Pair]":
            return [(a, b) for a, b in (await control.status())["contacts"]]

        yield Present(present, section.slot_s), (await control.status())["vm"]


@asynccontextmanager
async def bench_control(section: "ContactsSection") -> AsyncIterator["Control"]:
    """The control socket of the bench that a configuration names, or of the latest one."""
    from crowdcharge.bench.hub.client import Control
    from crowdcharge.cli.bench import announced_control

    control = await Control.connect(section.control or announced_control())
    try:
        yield control
    finally:
        await control.close()


def _closing(summary: "Summary", out: Path) -> str:
    from crowdcharge.report.summary import unsettled_words

    efficiency = summary["efficiency"]
    return (
        f"{len(summary['transfers'])} transfers in this ledger"
        + (f", efficiency {efficiency:.1%}" if efficiency is not None else "")
        + f"{unsettled_words(summary)}, "
        f"imbalance {summary['imbalance_before']:.3f} -> {summary['imbalance_after']:.3f}, "
        f"{summary['floor_cutoffs']} cut off at the floor, {summary['refusals']} refused.\n"
        f"Open {out / 'report.html'}; check with: crowdcharge ledger verify {out}/ledger.sqlite"
    )
