# SPDX-License-Identifier: MIT
"""Crowds to learn in: `CoordinatorEnv` (gymnasium) and `BoardsEnv` (PettingZoo), extra `learn`.

Names load on use, so that episodes and rules work without the two packages.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crowdcharge.learning.boards import BoardsEnv
    from crowdcharge.learning.coordinator import CoordinatorEnv
    from crowdcharge.learning.episode import Episode

_HOMES = {"BoardsEnv": "boards", "CoordinatorEnv": "coordinator", "Episode": "episode"}

__all__ = ["BoardsEnv", "CoordinatorEnv", "Episode"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
