# SPDX-License-Identifier: MIT
"""Runs a job with one board by radio: its key, the radio that the options name, its end."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from crowdcharge.errors import InputError

if TYPE_CHECKING:
    from crowdcharge.radio.base import Radio

T = TypeVar("T")
Job = Callable[["Radio", int, bytes], Awaitable[None]]


def by_radio(job: Job, board_id: int, path: Path, transport: str, adapter: str) -> None:
    """Call `job(radio, board_id, key)`; InputError if the keys file at `path` lacks the board."""
    from crowdcharge.boards import keys as key_file

    keys = key_file.load(path)
    if board_id not in keys:
        raise InputError(f"{path}: no key of board {board_id}")
    with_radio(lambda radio: job(radio, board_id, keys[board_id]), transport, adapter)


def with_radio(job: Callable[["Radio"], Awaitable[T]], transport: str, adapter: str) -> T:
    """Open the radio that the options name, and return what `job` returns."""
    return asyncio.run(_with_radio(job, transport, adapter))


async def _with_radio(job: Callable[["Radio"], Awaitable[T]], transport: str, adapter: str) -> T:
    from crowdcharge.radio import open_radio

    radio = open_radio(transport, adapter)
    try:
        return await job(radio)
    finally:
        await radio.close()
