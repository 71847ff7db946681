# SPDX-License-Identifier: MIT
"""The compiler of this package's kernels.

They make no arrays, only work on those that they are given. So nothing counts references to them,
which otherwise takes most of the time, because every function takes the whole city.
"""

from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

from crowdcharge import policy
from crowdcharge.planner.jit import Compiler

compiler = Compiler(
    __package__,
    "simulator, once: about a minute",
    Path(__file__).parent,
    Path(policy.__file__).parent,
    error_model="numpy",
    _nrt=False,
)
jit = compiler.jit


@cache
def jit_plain(function: FunctionType) -> Any:
    """Compile a function of `crowdcharge.policy` as it stands, and those there that it calls."""
    called = {
        name: jit_plain(found)
        for name in function.__code__.co_names
        if isinstance(found := function.__globals__.get(name), FunctionType)
        and found.__module__.startswith(policy.__name__)
    }
    there = {**function.__globals__, **called}
    return jit(FunctionType(function.__code__, there, function.__name__))


def switch(functions: list[Any]) -> Any:
    """Make a function that calls one of them by its number; all take and return alike."""
    return _from(0, functions)


def _from(first: int, functions: list[Any]) -> Any:
    function = functions[first]
    if first == len(functions) - 1:
        return compiler.part(lambda _number, *given: function(*given))
    others = _from(first + 1, functions)

    def chosen(number: Any, *given: Any) -> Any:
        if number == first:
            return function(*given)
        return others(number, *given)

    return compiler.part(chosen)
