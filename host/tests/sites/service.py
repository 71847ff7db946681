# SPDX-License-Identifier: MIT
"""Services of several sites as processes, each with a virtual proxy as its radio."""

import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path

from crowdcharge.bench.hub.launch import Bench
from crowdcharge.boards import keys as key_file

_COMMAND = "from crowdcharge.cli import main; main()"
_RUN = """
[run]
policy = "oblivious-share"
keys = "keys.toml"
out = "out"
site = "{name}"
site_number = {number}
ledger = "{books}"
[radio]
adapters = []
proxies = [{{ host = "{host}", port = {port}, key = "{key}" }}]
speed = {speed}
[transfer]
duration_max_s = 6.0
[contacts]
source = "bench"
control = "{control}"
slot_s = 8.0
[serve]
start = "running"
[mqtt]
url = "mqtt://127.0.0.1:{mqtt_port}"
discovery = ""
"""


class SiteService:
    """`crowdcharge serve` of one site; `kill` is what a power cut does to its host."""

    def __init__(
        self,
        folder: Path,
        bench: Bench,
        number: int,
        keys: dict[int, bytes],
        books: str,
        mqtt: int,
    ) -> None:
        self.name, self.number = f"site-{number}", number
        self._folder = folder / self.name
        self._folder.mkdir()
        key_file.save(self._folder / "keys.toml", keys)
        proxy = bench.proxies[number - 1]
        text = _RUN.format(
            name=self.name, number=number, books=books, mqtt_port=mqtt, speed=bench.config.speed,
            host=proxy["host"], port=proxy["port"], key=proxy["key"], control=bench.control_path,
        )  # fmt: skip
        (self._folder / "run.toml").write_text(text, encoding="utf-8")
        self.process: asyncio.subprocess.Process | None = None

    @property
    def ledger(self) -> Path:
        return self._folder / "out" / "ledger.sqlite"

    @property
    def said(self) -> str:
        return (self._folder / "said.log").read_text(encoding="utf-8")

    async def start(self) -> None:
        with (self._folder / "said.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", _COMMAND, "serve", "run.toml", "--http-port", "0",
                stdout=log, stderr=log, cwd=self._folder,
            )  # fmt: skip

    async def kill(self) -> None:
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        self.process = None

    async def end(self) -> int:
        """End in good order; return the exit code."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        return await self.process.wait()
