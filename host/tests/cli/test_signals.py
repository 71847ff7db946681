# SPDX-License-Identifier: MIT
"""The first signal ends a run in order, the second one at once and in one word."""

import asyncio
import os
import signal

import click
import pytest

from crowdcharge.cli.run import end_on_signal, ended


class Slow:
    """A run that ends only some while after it was told to."""

    def __init__(self) -> None:
        self.stops = 0

    def stop(self) -> None:
        self.stops += 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_at_once(number: int) -> None:
    slow = Slow()

    async def work() -> None:
        end_on_signal(slow)
        for _ in range(2):
            os.kill(os.getpid(), number)
            await asyncio.sleep(0.05)
        await asyncio.sleep(60)

    with pytest.raises(click.Abort):
        ended(work())
    assert slow.stops == 1
