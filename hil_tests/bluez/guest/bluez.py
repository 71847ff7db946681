# SPDX-License-Identifier: MIT
"""The guest's Bluetooth, handled from outside the product: plug, power, restart, inspect."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator

from crowdcharge.bench.radio.vhci import bridge

POWERED_WITHIN_s = 120.0


async def said(*command: str) -> str:
    """Run a command and return its output, whatever its exit code."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return output.decode(errors="replace")


async def set_power(state: str) -> None:
    """Switches the adapter; repeats it while bluetoothd still reads its features."""
    end = time.monotonic() + POWERED_WITHIN_s
    while "succeeded" not in (answer := await said("bluetoothctl", "power", state)):
        assert time.monotonic() < end, f"the adapter does not power {state}: {answer}"
        await asyncio.sleep(0.5)


async def restart() -> None:
    """Restarts bluetoothd as an operator or an upgrade does; the adapter stays plugged in."""
    assert not await said("systemctl", "restart", "bluetooth")


@contextlib.asynccontextmanager
async def adapter(radio_transport: str) -> AsyncIterator[None]:
    """Plug the bench's radio into this kernel, powered on, and pull it out at the end."""
    dongle = asyncio.create_task(bridge(radio_transport))
    try:
        await set_power("on")
        yield
        assert not dongle.done(), "the bridge to the kernel ended by itself"
    finally:
        dongle.cancel()
        await asyncio.gather(dongle, return_exceptions=True)


async def product(*arguments: str) -> str:
    """Run a `crowdcharge` command, which must succeed, and return its stdout."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from crowdcharge.cli import main; main()",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()
