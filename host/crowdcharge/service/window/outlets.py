# SPDX-License-Identifier: MIT
"""Whatever tells others of the crowd, started as the run's file says, and ended with the window.

None of them can end another, or the window. What the file does not name is not even imported.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from crowdcharge.errors import WptError
from crowdcharge.orchestrator.outlets import MqttSection, NotifySection, TracesSection
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
    except WptError as error:
        Condition(name).wrong(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the window goes on
        Condition(name).wrong(f"ended by a fault of this program: {error!r}")


async def _mqtt(hub: WindowHub, values: dict[str, Any]) -> None:
    section = MqttSection(**values)
    if section.url:
        from crowdcharge.service.window.mqtt import Mqtt  # noqa: PLC0415

        await Mqtt(hub, section).run()


async def _notify(hub: WindowHub, values: dict[str, Any]) -> None:
    if addresses := NotifySection(**values).addresses():
        from crowdcharge.service.window.notify import Notifier  # noqa: PLC0415

        await Notifier(hub, addresses).run()


async def _traces(hub: WindowHub, values: dict[str, Any]) -> None:
    section = TracesSection(**values)
    if section.endpoint:
        from crowdcharge.service.window.traces import Traces  # noqa: PLC0415

        await Traces(hub, section.endpoint).run()


_STARTS = {"mqtt": _mqtt, "notify": _notify, "traces": _traces}
