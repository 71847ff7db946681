# SPDX-License-Identifier: MIT
"""Whatever tells others of the crowd, started as the run's file says, and ended with the window.

None of them can end another, or the window. What the file does not name is not even imported.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from crowdcharge.orchestrator.outlets import MqttSection
from crowdcharge.service.window.hub import WindowHub
from crowdcharge.service.window.outlet import Condition

Work = Coroutine[Any, Any, None]


@asynccontextmanager
async def outlets(hub: WindowHub) -> AsyncIterator[None]:
    """Keep all of them at work while the block runs."""
    tasks = [
        asyncio.create_task(_kept(name, start, hub, hub.config[name]))
        for name, start in _STARTS.items()
        if hub.config.get(name)
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _kept(
    name: str, start: Callable[[WindowHub, dict[str, Any]], Work], hub: WindowHub, values: Any
) -> None:
    """Say in one line why an outlet ended, if it ever does."""
    try:
        await start(hub, values)
    except ModuleNotFoundError as error:
        package = f"'crowdcharge[{name}]'"
        Condition(name).wrong(f"needs the package {error.name}: pip install {package}")
    except Exception as error:  # noqa: BLE001 - whatever it is, the window goes on
        Condition(name).wrong(f"ended by a fault of this program: {error!r}")


async def _mqtt(hub: WindowHub, values: dict[str, Any]) -> None:
    section = MqttSection(**values)
    if section.url:
        from crowdcharge.service.window.mqtt import Mqtt  # noqa: PLC0415

        await Mqtt(hub, section).run()


_STARTS: dict[str, Callable[[WindowHub, dict[str, Any]], Work]] = {"mqtt": _mqtt}
