# SPDX-License-Identifier: MIT
"""The compiler behind the planners' kernels: numba, with what it compiled kept on disk.

numba's cache notices a change in a function's own file only, not in the files that it calls.
So the cache has a folder for each state of this package's sources.
"""

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import event

Function = TypeVar("Function", bound=Callable[..., object])

_HERE = Path(__file__).parent
_SOURCES = b"".join(source.read_bytes() for source in sorted(_HERE.glob("*.py")))
_CACHE = _HERE / "__pycache__" / hashlib.sha256(_SOURCES).hexdigest()[:12]


class _Announcer(event.Listener):
    """Warns once that a long wait begins, on stderr unless the program set up its logging."""

    said = False

    def on_start(self, event: Any) -> None:
        if not self.said and event.data["dispatcher"].py_func.__module__.startswith(__package__):
            self.said = True
            logging.getLogger(__package__).warning(
                "compiling the planner, once: about half a minute"
            )

    def on_end(self, event: Any) -> None:
        pass


announcer = _Announcer()
events: Any = event  # numba has no types
events.register("numba:compile", announcer)  # there is no such event for what is in the cache


def jit(function: Function) -> Function:
    """Compile at the first call, and keep the result on disk."""
    return _compiled(function, inline="never")


def inlined(function: Function) -> Function:
    """Compile as `jit` does, but paste the code into its callers, for steps of inner loops."""
    return _compiled(function, inline="always")


def _compiled(function: Function, **options: Any) -> Function:
    config: Any = numba.config
    before, config.CACHE_DIR = config.CACHE_DIR, str(_CACHE)
    try:
        compiled: Any = numba.njit(cache=True, nogil=True, **options)(function)
    finally:
        config.CACHE_DIR = before
    return cast("Function", compiled)
