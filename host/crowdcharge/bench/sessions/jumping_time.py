# SPDX-License-Identifier: MIT
"""An event loop whose time jumps to its next timer, and the boards' clock in it."""

import asyncio
import selectors
from typing import Any


class JumpingLoop(asyncio.SelectorEventLoop):
    """Nothing is waited for: time jumps to the next timer."""

    def __init__(self) -> None:
        super().__init__(_JumpingSelector(self))
        self.now_s = 1000.0

    def time(self) -> float:
        return self.now_s


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everything waits for nothing")
        self._loop.now_s += max(timeout, 0.0)
        return super().select(0)


class LoopClock:
    """The boards' clock in the world: that of the loop."""

    def __init__(self) -> None:
        self._start_s = asyncio.get_running_loop().time()

    def now_s(self) -> float:
        return asyncio.get_running_loop().time() - self._start_s

    async def sleep(self, duration_s: float) -> None:
        await asyncio.sleep(max(duration_s, 0.0))

    def timeout(self, duration_s: float) -> asyncio.Timeout:
        return asyncio.timeout(duration_s)
