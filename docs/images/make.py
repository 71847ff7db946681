# SPDX-License-Identifier: MIT
"""Draws the README's pictures anew: `python docs/images/make.py` runs a demo and records it."""

import asyncio
import io
import shutil
import tempfile
from pathlib import Path

from rich.console import Console

from crowdcharge.bench.demo import Demo, run
from crowdcharge.cli.live import LiveView

HERE = Path(__file__).parent


def main() -> None:
    console = Console(record=True, width=110, force_terminal=True, file=io.StringIO())
    view = LiveView(console, "crowdcharge demo: online-average, seed 1")
    with tempfile.TemporaryDirectory() as folder:
        with view.show():
            asyncio.run(run(Demo(), Path(folder), view.on_event))
        for name in ("soc.png", "flow.png"):
            shutil.copy(Path(folder) / name, HERE / name)
    picture = Console(record=True, width=110, file=io.StringIO())
    picture.print(view.draw())
    picture.save_svg(str(HERE / "demo.svg"), title="crowdcharge demo")


if __name__ == "__main__":
    main()
