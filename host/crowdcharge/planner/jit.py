# SPDX-License-Identifier: MIT
"""The compiler behind the planners' kernels: numba, with what it compiled kept on disk.

numba's cache notices a change in a function's own file only, not in the files that it calls.
So the cache has a folder for each state of this package's sources.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from crowdcharge.errors import WptError

try:
    import numba
except ImportError as error:
    raise WptError(
        "the planners need numba: install crowdcharge with the extra 'crowd' "
        "(pip install 'crowdcharge[crowd]')"
    ) from error

Function = TypeVar("Function", bound=Callable[..., object])

_HERE = Path(__file__).parent
_SOURCES = b"".join(source.read_bytes() for source in sorted(_HERE.glob("*.py")))
_CACHE = _HERE / "__pycache__" / hashlib.sha256(_SOURCES).hexdigest()[:12]


def jit(function: Function) -> Function:
    """Compile at the first call, once for ever."""
    return _compiled(function, inline="never")


def inlined(function: Function) -> Function:
    """As `jit`, pasted into its callers: for the smallest steps of inner loops."""
    return _compiled(function, inline="always")


def _compiled(function: Function, **options: Any) -> Function:
    config: Any = numba.config
    before, config.CACHE_DIR = config.CACHE_DIR, str(_CACHE)
    try:
        compiled: Any = numba.njit(cache=True, nogil=True, **options)(function)
    finally:
        config.CACHE_DIR = before
    return cast("Function", compiled)


def is_compiled() -> bool:
    """Whether these sources have been compiled here before; the first call takes long if not."""
    return _CACHE.exists()
