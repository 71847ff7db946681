# SPDX-License-Identifier: MIT
"""Draws the README's pictures anew: `python docs/images/make.py` runs a demo and records it."""

import asyncio
import io
import shutil
import tempfile
from pathlib import Path

from rich.console import Console

from crowdcharge.bench.runs.demo import Demo, run
from crowdcharge.cli.live import LiveView
from crowdcharge.orchestrator.events import Event, Refused

HERE = Path(__file__).parent
_EVENTS_AFTER = 14


def main() -> None:
    """Draw the terminal as it stands some events after the low donor has refused."""
    console = Console(width=100, force_terminal=True, file=io.StringIO())
    picture = Console(record=True, width=100, file=io.StringIO())
    view = LiveView(console, "crowdcharge demo: online-average, seed 1")
    seen: list[Event] = []

    def on_event(event: Event) -> None:
        view.on_event(event)
        seen.append(event)
        refused = [index for index, past in enumerate(seen) if isinstance(past, Refused)]
        if refused and len(seen) == refused[0] + _EVENTS_AFTER:
            picture.print(view.draw())

    with tempfile.TemporaryDirectory() as folder:
        with view.show():
            asyncio.run(run(Demo(), Path(folder), on_event))
        for name in ("soc.png", "flow.png"):
            shutil.copy(Path(folder) / name, HERE / name)
    picture.save_svg(str(HERE / "demo.svg"), title="crowdcharge demo")


if __name__ == "__main__":
    main()
