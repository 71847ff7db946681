# SPDX-License-Identifier: MIT
"""The compiler of this package's kernels.

They make no arrays, only work on those that they are given. So nothing counts references to them,
which otherwise takes most of the time, because every function takes the whole city.
"""

from pathlib import Path

from crowdcharge.planner.jit import Compiler

compiler = Compiler(
    __package__,
    "simulator, once: about a minute",
    Path(__file__).parent,
    error_model="numpy",
    _nrt=False,
)
jit = compiler.jit
