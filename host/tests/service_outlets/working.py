# SPDX-License-Identifier: MIT
"""An outlet at work while a block runs."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any


@asynccontextmanager
async def working(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        await asyncio.sleep(0.05)  # it subscribes
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
