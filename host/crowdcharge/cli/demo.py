# SPDX-License-Identifier: MIT
"""`crowdcharge demo`: the main job on a virtual bench, in under a minute."""

import asyncio
from pathlib import Path
from typing import Any

import click

from crowdcharge.cli import output
from crowdcharge.cli.live import LiveView
from crowdcharge.cli.options import policy_options
from crowdcharge.report.summary import closing_words


@click.command()
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
    boards: int,
    policy: str,
    options: dict[str, Any],
    speed: float | None,
    seed: int,
    port: str,
    out: Path,
    as_json: bool,
) -> None:
    """Let boards on a virtual bench balance their energy; one donor is cut off at 20 %."""
    from crowdcharge.bench.runs import demo as bench_demo

    chosen = bench_demo.Demo(boards, policy, speed, seed, port, options)
    view = LiveView(
        output.console(stderr=True), f"crowdcharge demo: {policy}, seed {seed}", as_json
    )
    with view.show():
        summary = asyncio.run(bench_demo.run(chosen, out, view.on_event))
    if as_json:
        output.document(summary, indent=2)
    else:
        click.echo(_closing(summary, out))


def _closing(summary: dict[str, Any], out: Path) -> str:
    return (
        f"{closing_words(summary)}\n"
        f"Open {out / 'report.html'}; check {out / 'ledger.sqlite'} with: "
        f"crowdcharge ledger verify {out / 'ledger.sqlite'}"
    )
