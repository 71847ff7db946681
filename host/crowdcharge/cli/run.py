# SPDX-License-Identifier: MIT
"""`crowdcharge run`: the orchestrator on real or virtual boards."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from crowdcharge.cli import output
from crowdcharge.files import read_text
from crowdcharge.toml_table import Table

if TYPE_CHECKING:
    from crowdcharge.bench.hub.client import Control
    from crowdcharge.orchestrator.config import RunConfig
    from crowdcharge.orchestrator.contacts import Contacts, Pair
    from crowdcharge.orchestrator.events import Emit
    from crowdcharge.report.summary import Summary


Result = TypeVar("Result")


class Stoppable(Protocol):
    def stop(self) -> None: ...


# the work, the policy's name, the folder for the results, and what --check does
Job = tuple[Callable[["Emit"], Coroutine[Any, Any, "Summary"]], str, Path, Callable[[], list[str]]]


@click.command()
@click.argument("file", metavar="FILE.toml", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the results.")
@click.option("--check", "only_check", is_flag=True, help="Judge FILE and everything it names.")
@click.option("-v", "--verbose", is_flag=True, help="A line for every event.")
@click.option(
    "--log-file", type=click.Path(path_type=Path), help="Append every event as a JSON line."
)
@click.option("--json", "as_json", is_flag=True, help="Print summary.json and nothing else.")
def run(
    file: Path,
    out: Path | None,
    only_check: bool,
    verbose: bool,
    log_file: Path | None,
    as_json: bool,
) -> None:
    """Balance boards as the file says. Ctrl-C settles running transfers and ends.

    The file of a run finds its boards over the radio. A scenario, the file that `simulate` takes,
    gets the boards of a virtual bench, and the report lays simulated and metered side by side.
    """
    from crowdcharge.cli.event_log import EventLog, both
    from crowdcharge.cli.live import LiveView

    text = read_text(file)
    prepare = _scenario if _is_scenario(text, str(file)) else _configured
    work, policy, out, check = prepare(file, text, out)
    if only_check:
        _checked(file, check(), as_json)
        return
    view = LiveView(output.console(stderr=True), f"crowdcharge run: {policy}", as_json, verbose)
    emit: Emit = view.on_event
    if log_file is not None:
        emit = both(emit, EventLog(log_file, view.say).on_event)
    with view.show():
        summary = ended(work(emit))
    if as_json:
        output.document(summary, indent=2)
    else:
        click.echo(_closing(summary, out))


def _checked(file: Path, found: list[str], as_json: bool) -> None:
    if as_json:
        output.document({"file": str(file), "in_order": True, "found": found})
    else:
        output.say(f"{file}: in order", *found)


def _is_scenario(text: str, name: str) -> bool:
    """Tell a scenario, with a crowd and no [run]; the reader of runs judges what is neither."""
    top = Table.parse(text, name)
    return "run" not in top and ("boards" in top or "crowd" in top)


def _configured(path: Path, text: str, out: Path | None) -> Job:
    from crowdcharge.cli.check import check
    from crowdcharge.orchestrator.config import parse

    config = parse(text, path)
    if out is not None:
        config = replace(config, run=replace(config.run, out=out))
    return partial(_run, config), config.run.policy, config.run.out, partial(check, config)


def _scenario(path: Path, text: str, out: Path | None) -> Job:
    from crowdcharge.bench.runs.scenario_run import ScenarioRun
    from crowdcharge.simulation.scenario import parse

    scenario, folder = parse(text, str(path)), out or Path("out")

    async def work(emit: "Emit") -> "Summary":
        runner = ScenarioRun(scenario, path.parent, folder, emit)
        end_on_signal(runner)
        return await runner.run()

    def check() -> list[str]:
        ScenarioRun(scenario, path.parent, folder, lambda _event: None)
        return [f"scenario  {scenario.name}", f"policy    {scenario.policy}"]

    return work, scenario.policy, folder, check


async def _run(config: "RunConfig", emit: "Emit") -> "Summary":
    from crowdcharge.orchestrator.runner import Runner

    async with bench_contacts(config) as (contacts, vm):
        runner = Runner(config, emit, contacts, vm)
        end_on_signal(runner)
        summary = await runner.run()
    await asyncio.to_thread(runner.folder.write_report)
    return summary


def ended(work: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end; click.Abort at the second signal of `end_on_signal`."""
    try:
        return asyncio.run(work)
    except asyncio.CancelledError:
        raise click.Abort from None


def end_on_signal(runner: "Stoppable") -> None:
    """End in good order at the first signal, at once at the second; boards end by themselves."""
    task = asyncio.current_task()
    assert task is not None

    def end() -> None:
        runner.stop()
        on_end(task.cancel)

    on_end(end)


def on_end(work: Callable[[], object]) -> None:
    """Do this when somebody asks for the end: by Ctrl-C, by kill, or with his terminal."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup leaves it
        numbers.append(signal.SIGHUP)
    for number in numbers:
        asyncio.get_running_loop().add_signal_handler(number, work)


@asynccontextmanager
async def bench_contacts(
    config: "RunConfig",
) -> AsyncIterator[tuple["Contacts | None", str | None]]:
    """Yield the contacts that a virtual bench sees, and its VM; (None, None) without a bench."""
    section = config.contacts
    if section.source != "bench":
        yield None, None
        return
    from crowdcharge.orchestrator.contacts import Present

    async with bench_control(config) as control:

        async def present(_now_s: float) -> "Collection[Pair]":
            return [(a, b) for a, b in (await control.status())["contacts"]]

        yield Present(present, section.slot_s), (await control.status())["vm"]


@asynccontextmanager
async def bench_control(config: "RunConfig") -> AsyncIterator["Control"]:
    """Yield the control socket that a file names, else that of the bench with its radio."""
    from crowdcharge.bench.hub.client import Control
    from crowdcharge.cli.benches import control_of

    transport = config.radio.transport
    control = await Control.connect(config.contacts.control or control_of(transport=transport))
    try:
        yield control
    finally:
        await control.close()


def _closing(summary: "Summary", out: Path) -> str:
    from crowdcharge.report.summary import closing_words

    return (
        f"{closing_words(summary, ' in this ledger')}\n"
        f"Open {out / 'report.html'}; check with: crowdcharge ledger verify {out}/ledger.sqlite"
    )
