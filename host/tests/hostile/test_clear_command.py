# SPDX-License-Identifier: MIT
"""`crowdcharge clear` and `selftest` as processes, against a board with the real firmware."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from crowdcharge.bench.config import BenchConfig, BoardConfig, ContactsConfig
from crowdcharge.bench.hub.launch import launch
from crowdcharge.bench.physics.plant import Placement
from crowdcharge.boards import keys as key_file

from ..command import COMMAND

pytestmark = [
    pytest.mark.bench,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="function"),
]

KEY = bytes([1]) * 32
# Power flows through a stuck switch only while a receiver takes it.
PAIR = BenchConfig(
    (BoardConfig(1, 60.0, key=KEY.hex()), BoardConfig(2, 30.0)),
    contacts=ContactsConfig(((Placement((1, 2)),),)),
)


async def crowdcharge(*arguments: object) -> tuple[int, str]:
    """Run the command line; return (exit code, stderr) and check that no traceback is shown."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *map(str, arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, error = await process.communicate()
    assert process.returncode is not None
    text = error.decode()
    assert "Traceback" not in text
    assert text.count("\n") == (process.returncode != 0)
    return process.returncode, text


def saved_keys(folder: Path) -> Path:
    path = folder / "keys.toml"
    key_file.save(path, {1: KEY})
    return path


async def until(act: Any, wanted: str) -> None:
    """Repeat a command until its message has `wanted`."""
    for _ in range(20):
        if wanted in (await act())[1]:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"never: {wanted}")


async def test_a_stuck_switch_is_named_and_cleared_in_its_declared_way_only(tmp_path):
    keys = saved_keys(tmp_path)
    async with launch(PAIR, tmp_path / "bench") as bench:
        port = ("--port", bench.serial_ports[1])
        radio = ("--id", 1, "--keys", keys, "--transport", bench.transports[0])
        fault = ("clear", "--fault", "STUCK_SWITCH")

        code, error = await crowdcharge(*fault, *port)
        assert (code, "does not stand" in error) == (2, True), error
        await bench.control.fault("stuck-switch", 1)
        await until(lambda: crowdcharge("selftest", *port), "STUCK_SWITCH")
        code, error = await crowdcharge(*fault, *radio)
        assert (code, "somebody at the board" in error) == (1, True), error
        code, error = await crowdcharge(*fault, *port)
        assert (code, "power still flows" in error) == (1, True), error
        code, error = await crowdcharge("clear", "--fault", "BOOT_LOOP", *port)
        assert (code, "standing: STUCK_SWITCH" in error) == (2, True), error

        await bench.control.fault("stuck-switch", 1, on=False)
        await asyncio.sleep(0.5)
        assert await crowdcharge(*fault, *port) == (0, "")
        assert await crowdcharge("selftest", *port) == (0, "")
        code, error = await crowdcharge(*fault, *radio)
        assert (code, "does not stand" in error) == (2, True), error


async def test_a_latch_is_cleared_by_radio_within_a_minute_of_a_press(tmp_path):
    keys = saved_keys(tmp_path)
    async with launch(PAIR, tmp_path / "bench") as bench:
        radio = ("--id", 1, "--keys", keys, "--transport", bench.transports[0])
        fault = ("clear", "--fault", "STUCK_SWITCH", *radio)
        await bench.control.fault("stuck-switch", 1)
        await until(lambda: crowdcharge(*fault), "somebody at the board")
        await bench.control.fault("stuck-switch", 1, on=False)
        await bench.control.fault("button", 1)
        await asyncio.sleep(1.0)
        await bench.control.fault("button", 1, down=False)
        await asyncio.sleep(0.5)
        assert await crowdcharge(*fault) == (0, "")
