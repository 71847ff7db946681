# SPDX-License-Identifier: MIT
"""Run a bench in one process: air, plant, boards, control.

    python -m crowdcharge.bench.hub CONFIG

It prints one JSON line when everything runs, and ends on SIGTERM, SIGINT, `stop` on its control
socket or, with --until-eof, when its standard input closes. Every VM dies with it.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from crowdcharge.bench import config as bench_config
from crowdcharge.bench.config import BenchConfig
from crowdcharge.bench.hub.control import ControlServer
from crowdcharge.bench.hub.hub import Hub
from crowdcharge.errors import WptError


async def _until_eof(stopping: asyncio.Event) -> None:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while await reader.read(4096):
        pass
    stopping.set()


async def _serve(config: BenchConfig, folder: Path, until_eof: bool) -> None:
    hub = Hub(config, folder)
    control = ControlServer(hub, folder / "control.socket")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, hub.stopping.set)
    eof = asyncio.create_task(_until_eof(hub.stopping)) if until_eof else None
    await control.start()
    await hub.start()
    try:
        print(json.dumps(hub.ready()), flush=True)  # noqa: T201 - the ready line is the interface
        await hub.stopping.wait()
    finally:
        await control.stop()
        await hub.stop()
        if eof:
            eof.cancel()


def main() -> int:
    parser = argparse.ArgumentParser(prog="crowdcharge.bench.hub", description=__doc__)
    parser.add_argument("config", nargs="?", type=Path, help="default: the demo's bench")
    parser.add_argument("--folder", type=Path, help="keep sockets, logs and file systems here")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input closes")
    options = parser.parse_args()
    folder = (options.folder or Path(tempfile.mkdtemp(prefix="crowdcharge-bench-"))).resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        config = bench_config.load(options.config) if options.config else bench_config.default()
        asyncio.run(_serve(config, folder, options.until_eof))
    except WptError as error:
        print(f"crowdcharge: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    finally:
        if not options.folder:
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
