# SPDX-License-Identifier: MIT
"""The compiler of this package's kernels."""

from pathlib import Path

from crowdcharge.planner.jit import Compiler

compiler = Compiler(
    __package__, "simulator, once: about a minute", Path(__file__).parent
)
jit = compiler.jit
