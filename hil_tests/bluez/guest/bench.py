# SPDX-License-Identifier: MIT
"""The virtual bench of the other tests, with its radio as the kernel's own adapter.

Its hub and boards run outside of the emulated machine (see `hil_tests.bluez.guest.hub`).
Where a test names `bench.transport`, it is empty here: the product takes the platform's Bluetooth.
"""

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

from hil_tests.bluez.guest import bluez

from crowdcharge.bench.config import BenchConfig
from crowdcharge.bench.hub.launch import Bench, launch

HUB = "hil_tests.bluez.guest.hub"


@contextlib.asynccontextmanager
async def launch_plugged(
    config: BenchConfig | Path | None = None, folder: Path | None = None
) -> AsyncIterator[Bench]:
    async with launch(config, folder, HUB) as bench, bluez.adapter(bench.transport):
        yield dataclasses.replace(bench, transports=("",))
