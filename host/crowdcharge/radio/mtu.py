# SPDX-License-Identifier: MIT
"""An MTU that comes late: BlueZ and old proxies tell of a connection before its MTU is agreed."""

import asyncio
from collections.abc import Callable

from wptcore import wire

MTU_WAIT_s = 2.0


async def settled_mtu(mtu: Callable[[], int], is_lost: Callable[[], bool]) -> None:
    """Wait until the MTU is what our frames need, for at most MTU_WAIT_s: some never agree."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + MTU_WAIT_s
    while mtu() < wire.MTU_MIN and not is_lost() and loop.time() < until_s:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
