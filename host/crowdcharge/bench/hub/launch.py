# SPDX-License-Identifier: MIT
"""Start a hub process and wait until it is ready: `async with launch(config) as bench`."""

import asyncio
import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crowdcharge.bench import config as bench_config
from crowdcharge.bench.board import micropython
from crowdcharge.bench.config import BenchConfig
from crowdcharge.bench.hub.client import Control
from crowdcharge.errors import BenchError, InputError
from crowdcharge.files import real_path
from crowdcharge.radio import open_radio
from crowdcharge.radio.base import Advert

_START_s = 180.0  # a bound, not a wait: emulated machines are slow
_STOP_s = 10.0
_HEARD_s = 60.0
_SOCKET_PATH_MAX = 107  # bytes, of a Unix socket on Linux
_SOCKET_LONGEST = "board-65535/radio.socket"


@dataclass(frozen=True, slots=True)
class Bench:
    """A running bench. `transport` is what bumble and `bleak_backend.backends` take."""

    transports: tuple[str, ...]
    proxies: tuple[dict[str, Any], ...]  # name, host, port, key and address of each
    control: Control
    control_path: Path
    serial_ports: dict[int, str]
    addresses: dict[int, str]
    hci_ports: dict[int, str]
    console_logs: dict[int, Path]
    folder: Path
    vm: str
    process: asyncio.subprocess.Process
    config: BenchConfig

    @property
    def transport(self) -> str:
        return self.transports[0]

    @property
    def returncode(self) -> int | None:
        return self.process.returncode

    async def heard(self) -> None:
        """Wait until every board advertises; BenchError says which does not, and its last words.

        Firmware of somebody else's need not advertise as ours does.
        """
        if self.config.firmware:
            return
        silent = set(self.addresses.values())
        all_heard = asyncio.Event()

        def on_advert(advert: Advert) -> None:
            silent.discard(advert.address)
            if not silent:
                all_heard.set()

        radio = open_radio(self.transport)
        try:
            await radio.start_scan(on_advert)
            async with asyncio.timeout(_HEARD_s):
                await all_heard.wait()
        except TimeoutError:
            mute = [board for board, address in self.addresses.items() if address in silent]
            said = "; ".join(f"board {board}: {self._last_words(board)}" for board in mute)
            raise BenchError(
                f"the bench is not up, as a board does not advertise: {said}"
            ) from None
        finally:
            await radio.close()

    def _last_words(self, board_id: int) -> str:
        log = self.console_logs[board_id]
        try:
            lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            lines = []
        said = [line.strip() for line in lines if line.strip()]
        return said[-1] if said else "it says nothing"

    async def ended(self) -> None:
        """Wait until the hub has ended, for whatever reason."""
        await self.process.wait()


@contextlib.asynccontextmanager
async def launch(
    config: BenchConfig | Path | None = None,
    folder: Path | None = None,
    hub_module: str = "crowdcharge.bench.hub",
) -> AsyncIterator[Bench]:
    """Start a hub that ends with the block, or with this process; `folder` keeps its logs.

    `hub_module` is run as the hub; another module can be a proxy of a hub elsewhere.

    Errors that the user can correct (`InputError`, no VM) are raised before a process starts.
    """
    micropython.binary()
    scratch = tempfile.TemporaryDirectory(prefix="crowdcharge-", ignore_cleanup_errors=True)
    with scratch as name:
        path = Path(name) / "bench.toml"
        if not isinstance(config, BenchConfig):
            config = bench_config.load(config) if config else bench_config.default()
        path.write_text(bench_config.dump(config), encoding="utf-8")
        hub = await _spawn(hub_module, path, _usable(folder or Path(name) / "hub"))
        try:
            ready = await _ready(hub)
            control = await Control.connect(ready["control"])
            try:
                yield _bench(ready, control, hub, config)
            finally:
                await control.close()
        finally:
            await _end(hub)


def _usable(folder: Path) -> Path:
    """Return the folder as the boards' processes find it, which run in folders of their own."""
    folder = real_path(folder)
    longest = len(str(folder / _SOCKET_LONGEST).encode(errors="surrogateescape"))
    if longest > _SOCKET_PATH_MAX:
        most = _SOCKET_PATH_MAX - len(_SOCKET_LONGEST) - 1
        raise InputError(f"{folder} is too long a path for sockets: at most {most} bytes")
    return folder


async def _spawn(module: str, path: Path, folder: Path) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", module, "--until-eof", str(path)]
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *command,
        *("--folder", str(folder)),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        limit=1 << 24,
        process_group=0,  # Ctrl-C is for us: a host that ends in order still needs its boards
    )


async def _ready(hub: asyncio.subprocess.Process) -> dict[str, Any]:
    assert hub.stdout
    assert hub.stderr
    try:
        async with asyncio.timeout(_START_s):
            line = await hub.stdout.readline()
    except TimeoutError:
        raise BenchError(f"the bench did not start within {_START_s:g} s") from None
    if line:
        ready: dict[str, Any] = json.loads(line)
        return ready
    said = (await hub.stderr.read()).decode(errors="replace").strip()
    code = await hub.wait()
    text = (said.splitlines() or ["the bench ended while it started"])[-1]
    text = text.removeprefix("crowdcharge: ")
    raise InputError(text) if code == InputError.exit_code else BenchError(text)


def _bench(
    ready: dict[str, Any],
    control: Control,
    process: asyncio.subprocess.Process,
    config: BenchConfig,
) -> Bench:
    boards = ready["boards"]
    return Bench(
        transports=tuple(ready["transports"]),
        proxies=tuple(ready.get("proxies", ())),
        control=control,
        control_path=Path(ready["control"]),
        serial_ports={board["id"]: board["serial"] for board in boards},
        addresses={board["id"]: board["address"] for board in boards},
        hci_ports={board["id"]: board["hci"] for board in boards if board["hci"]},
        console_logs={board["id"]: Path(board["console_log"]) for board in boards},
        folder=Path(ready["folder"]),
        vm=ready["vm"],
        process=process,
        config=config,
    )


async def _end(hub: asyncio.subprocess.Process) -> None:
    if hub.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            hub.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOP_s):
            await hub.communicate()
    except TimeoutError:
        hub.kill()
        await hub.wait()
