# SPDX-License-Identifier: MIT
"""`crowdcharge serve` on the virtual bench of docs/examples, as a process of its own."""

import asyncio
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from crowdcharge.bench.hub.launch import Bench, launch

from ..command import COMMAND

_PATIENT = """
[serve]
start = "running"

[transfer]
lease_ms = 5000 # one second of ours at this bench's speed
"""
EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


@dataclass(frozen=True, slots=True)
class Service:
    url: str
    ledger: Path
    bench: Bench

    async def text(self, path: str) -> str:
        return await asyncio.to_thread(_read, self.url.rstrip("/") + path)


@asynccontextmanager
async def serving(folder: Path, sections: str) -> AsyncIterator[Service]:
    """Serve at any port while the block runs; `sections` are more of the run's file."""
    examples = Path(shutil.copytree(EXAMPLES, folder / "examples"))
    async with launch(examples / "bench.toml") as bench:
        file = examples / "run.toml"
        _write(file, bench, sections)
        command = (*COMMAND, "serve", str(file), "--http-port", "0")
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, cwd=examples
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(60):
                url = (await process.stdout.readline()).decode().strip()
            assert url.startswith("http://")
            yield Service(url, examples / "out" / "ledger.sqlite", bench)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            await process.communicate()
    assert process.returncode == 0


def _write(file: Path, bench: Bench, sections: str) -> None:
    (file.parent / "keys.toml").chmod(0o600)
    text = file.read_text(encoding="utf-8")
    text = re.sub(r'transport = "[^"]*"', f'transport = "{bench.transport}"', text)
    text = text.replace("[contacts]", f'[contacts]\ncontrol = "{bench.control_path}"')
    text = text.replace("duration_s = 30.0", 'site = "lab"')
    file.write_text(f"{text}\n{_PATIENT}\n{sections}", encoding="utf-8")


def _read(url: str) -> str:
    with urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())
