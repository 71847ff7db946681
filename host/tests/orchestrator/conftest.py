# SPDX-License-Identifier: MIT
"""Fixtures for the orchestrator's world without hardware (world.py)."""

import tempfile
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from .world import World, run_world


@pytest.fixture
def make_world() -> Iterator[Callable[..., World]]:
    """In memory where there is such a place: the disk is not under test, and fsync is slow."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        count = 0

        def make(socs_pct: dict[int, float], **options: Any) -> World:
            nonlocal count
            count += 1
            place = Path(folder) / str(count)
            place.mkdir()
            return World(place, socs_pct, **options)

        yield make


@pytest.fixture
def run() -> Callable[[World, Coroutine[Any, Any, None]], None]:
    return run_world
