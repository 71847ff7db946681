# SPDX-License-Identifier: MIT
"""The compiler behind the planners' kernels: numba, with what it compiled kept on disk."""

from collections.abc import Callable
from typing import TypeVar, cast

from crowdcharge.errors import WptError

try:
    import numba
except ImportError as error:
    raise WptError(
        "the planners need numba: install crowdcharge with the extra 'crowd' "
        "(pip install 'crowdcharge[crowd]')"
    ) from error

Function = TypeVar("Function", bound=Callable[..., object])


def jit(function: Function) -> Function:
    """Compile at the first call, once for ever (the code is cached beside the source)."""
    return cast("Function", numba.njit(cache=True, nogil=True)(function))
