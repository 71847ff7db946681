# SPDX-License-Identifier: MIT
"""The compiler behind the compiled kernels: numba, with what it compiled kept on disk.

numba's cache notices a change in a function's own file only, not in the files that it calls.
So the cache has a folder for each state of the sources.
"""

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import event

Function = TypeVar("Function", bound=Callable[..., object])


class Compiler(event.Listener):
    """Compiles the functions of one package at their first call, and announces a long wait once.

    The word goes to stderr unless the program set up its logging. `others` are folders from which
    it compiles too. `options` are numba's.
    """

    def __init__(
        self, package: str, what: str, folder: Path, *others: Path, **options: Any
    ) -> None:
        files = (file for each in (folder, *others) for file in sorted(each.glob("*.py")))
        sources = b"".join(file.read_bytes() for file in files)
        self.cache = folder / "__pycache__" / hashlib.sha256(sources).hexdigest()[:12]
        self._package, self._what, self._options = package, what, options
        self.said = False
        # There is no such event for what is in the cache.
        cast("Any", event).register("numba:compile", self)

    def on_start(self, event: Any) -> None:
        if not self.said and event.data["dispatcher"].py_func.__module__.startswith(self._package):
            self.said = True
            logging.getLogger(self._package).warning("compiling the %s", self._what)

    def on_end(self, event: Any) -> None:
        pass

    def jit(self, function: Function) -> Function:
        """Compile at the first call, and keep the result on disk."""
        return self._compiled(function, inline="never")

    def inlined(self, function: Function) -> Function:
        """Compile as `jit` does, but paste the code into its callers, for inner loops."""
        return self._compiled(function, inline="always")

    def part(self, function: Function) -> Function:
        """Compile a function that was made at run time, as a part of those that call it."""
        compiled: Any = numba.njit(nogil=True, **self._options)(function)
        return cast("Function", compiled)

    def _compiled(self, function: Function, **options: Any) -> Function:
        config: Any = numba.config
        before, config.CACHE_DIR = config.CACHE_DIR, str(self.cache)
        try:
            compiled: Any = numba.njit(cache=True, nogil=True, **self._options, **options)(
                function
            )
        finally:
            config.CACHE_DIR = before
        return cast("Function", compiled)


compiler = Compiler(__package__, "planner, once: about half a minute", Path(__file__).parent)
jit, inlined = compiler.jit, compiler.inlined
