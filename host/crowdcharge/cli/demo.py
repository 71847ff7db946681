# SPDX-License-Identifier: MIT
"""`crowdcharge demo`: the main job on a virtual bench, in under a minute."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import click

from crowdcharge.cli import output
from crowdcharge.cli.live import LiveView
from crowdcharge.cli.options import policy_options
from crowdcharge.errors import InputError
from crowdcharge.report.summary import unsettled_words


@click.command()
@click.option("--hostless", is_flag=True, help="No orchestrator: four boards agree by themselves.")
@click.option("--boards", default=4, show_default=True, help="How many boards.")
@click.option("--policy", default="online-average", show_default=True, help="The crowd protocol.")
@policy_options
@click.option("--speed", type=float, help="Board time per real time, at most 10 (4 boards: 5).")
@click.option("--seed", default=1, show_default=True, help="Seed of everything random.")
@click.option(
    "--port",
    default="micropython",
    show_default=True,
    help="Firmware: micropython, circuitpython or mixed.",
)
@click.option("--out", default="out", show_default=True, type=Path, help="Folder for the results.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json and nothing else.")
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
) -> None:
    """Boards on a virtual bench balance their energy; one donor is cut off at 20 %."""
    from crowdcharge.bench.runs import demo as bench_demo
    from crowdcharge.bench.runs import hostless as bench_hostless
    from crowdcharge.boards.crowd import POLICY

    if hostless:
        _refuse_with_hostless(boards, port, options)
        policy = POLICY if _is_default("policy") else policy
        work = partial(bench_hostless.run, bench_hostless.Hostless(policy, speed or 4.0, seed))
    else:
        chosen = bench_demo.Demo(boards, policy, speed, seed, port, options)
        work = partial(bench_demo.run, chosen)
    view = LiveView(
        output.console(stderr=True), f"crowdcharge demo: {policy}, seed {seed}", as_json
    )
    with view.show():
        summary = asyncio.run(work(out, view.on_event))
    if as_json:
        output.document(summary, indent=2)
    else:
        click.echo(_closing(summary, out))


def _is_default(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.DEFAULT


def _refuse_with_hostless(boards: int, port: str, options: dict[str, Any]) -> None:
    if boards != 4 or port != "micropython" or options:
        raise InputError("--hostless has four MicroPython boards and no policy options")


def _closing(summary: dict[str, Any], out: Path) -> str:
    efficiency = summary["efficiency"]
    return (
        f"{len(summary['transfers'])} transfers"
        + (f", efficiency {efficiency:.1%}" if efficiency is not None else "")
        + f"{unsettled_words(summary)}, "
        f"imbalance {summary['imbalance_before']:.3f} -> {summary['imbalance_after']:.3f}, "
        f"{summary['floor_cutoffs']} cut off at the floor, {summary['refusals']} refused.\n"
        f"Open {out / 'report.html'}; check {out / 'ledger.sqlite'} with: "
        f"crowdcharge ledger verify {out / 'ledger.sqlite'}"
    )
