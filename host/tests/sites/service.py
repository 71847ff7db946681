# SPDX-License-Identifier: MIT
"""Services of several sites as processes, each with a virtual proxy as its radio."""

import asyncio
import signal
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from crowdcharge.boards import keys as key_file

from ..command import COMMAND

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
proxies = [{{ host = "{host}", port = {port} }}]
[transfer]
duration_max_s = 6.0
[contacts]
{contacts}
[serve]
start = "running"
[mqtt]
url = "{broker}"
discovery = ""
"""


@dataclass(frozen=True)
class Place:
    """The proxy that a site hears by, its database and broker, and what its file says of contacts.

    `enter`: what a command begins with to run on the site's host.
    """

    host: str
    port: int
    books: str
    broker: str
    contacts: str
    enter: tuple[str, ...] = ()


class SiteService:
    """`crowdcharge serve` of one site; `kill` is what a power cut does to its host."""

    def __init__(
        self, folder: Path, name: str, number: int, place: Place, keys: dict[int, bytes]
    ) -> None:
        self.name, self._folder, self._place = name, folder, place
        folder.mkdir()
        key_file.save(folder / "keys.toml", keys)
        text = _RUN.format(name=name, number=number, **asdict(place))
        (folder / "run.toml").write_text(text, encoding="utf-8")
        self.process: asyncio.subprocess.Process | None = None

    @property
    def ledger(self) -> Path:
        return self._folder / "out" / "ledger.sqlite"

    @property
    def said(self) -> str:
        log = self._folder / "said.log"
        return log.read_text(encoding="utf-8") if log.exists() else ""

    async def start(self) -> None:
        with (self._folder / "said.log").open("ab") as log:
            command = (*self._place.enter, *COMMAND, "serve", "run.toml", "--http-port", "0")
            self.process = await asyncio.create_subprocess_exec(
                *command, stdout=log, stderr=log, cwd=self._folder
            )

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
