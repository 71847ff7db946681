# SPDX-License-Identifier: MIT
"""Wait for what nobody tells."""

import asyncio
from collections.abc import Callable
from typing import Any


async def until(found: Callable[[], Any], what: str, timeout_s: float = 10.0) -> float:
    """Wait; returns the seconds that it took."""
    loop = asyncio.get_running_loop()
    start_s = loop.time()
    while not found():
        assert loop.time() - start_s < timeout_s, f"{what}: not within {timeout_s:g} s"
        await asyncio.sleep(0.01)
    return loop.time() - start_s
