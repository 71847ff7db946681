# SPDX-License-Identifier: MIT
"""Runs a job with one board by radio: its key, the radio that the options name, and their end."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from crowdcharge.errors import InputError

if TYPE_CHECKING:
    from crowdcharge.radio.base import Radio

Job = Callable[["Radio", int, bytes], Awaitable[None]]


def by_radio(job: Job, board_id: int, path: Path, transport: str, adapter: str) -> None:
    """Call `job(radio, board_id, key)`; InputError if the keys file at `path` lacks the board."""
    asyncio.run(_by_radio(job, board_id, path, transport, adapter))


async def _by_radio(job: Job, board_id: int, path: Path, transport: str, adapter: str) -> None:
    from crowdcharge.boards import keys as key_file
    from crowdcharge.radio import open_radio

    keys = key_file.load(path)
    if board_id not in keys:
        raise InputError(f"{path}: no key of board {board_id}")
    radio = open_radio(transport, adapter)
    try:
        await job(radio, board_id, keys[board_id])
    finally:
        await radio.close()
