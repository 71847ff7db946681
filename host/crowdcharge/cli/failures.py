# SPDX-License-Identifier: MIT
"""What a user reads when a command fails: one line and an exit code, never a traceback."""

import re
import sys
import traceback
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from crowdcharge.errors import OF_THE_MACHINE, InputError, WptError

FAILED, USAGE, INTERRUPTED = 1, 2, 130


def explain(error: BaseException) -> tuple[str, int]:
    """Return the line and the exit code; for a fault of ours, say so and where it is."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    for kind, told in _TOLD.items():
        if isinstance(error, kind):
            return told(error)
    return _fault_of_ours(error)


def missing(error: ModuleNotFoundError) -> InputError:
    """Say what to install; a package that no extra of ours names is a fault of ours."""
    top = (error.name or "").split(".")[0]
    return InputError(
        f"this needs the package {top}: {sys.executable} -m pip install {_named(top)}"
    )


def require(*modules: str) -> None:
    """Raise InputError for a package that is not installed, before any work begins."""
    for name in modules:
        if find_spec(name) is None:
            raise missing(ModuleNotFoundError(name=name))


def _named(module: str) -> str:
    """Return the distribution of an optional module, with our bounds where they are known."""
    import importlib.metadata  # 3 MB of mail and archives, for the rarest of failures

    name = module.replace("_", "-")
    try:
        wanted = importlib.metadata.requires("crowdcharge") or []
    except importlib.metadata.PackageNotFoundError:
        return name
    for each in wanted:
        requirement = each.split(";")[0].strip()
        found = re.match(r"[\w.-]+", requirement)
        if found and found[0].lower().replace("_", "-") == name.lower():
            return f"'{requirement}'"
    return name


def _usage(error: click.ClickException) -> tuple[str, int]:
    return " ".join(error.format_message().split()), USAGE  # click puts choices on their own lines


def _of_the_system(error: OSError) -> tuple[str, int]:
    what = error.strerror or str(error) or type(error).__name__
    where = f"{error.filename}: " if error.filename not in {None, ""} else ""
    code = USAGE if where and error.errno not in OF_THE_MACHINE else FAILED
    return f"{where}{what}", code


def _of_a_module(error: ModuleNotFoundError) -> tuple[str, int]:
    if (error.name or "").split(".")[0] in {"crowdcharge", "wptcore"}:
        return _fault_of_ours(error)
    return str(missing(error)), USAGE


def _of_a_value(error: ValueError) -> tuple[str, int]:
    if "null byte" in str(error) or "null character" in str(error):
        return "a path must not contain the character NUL", USAGE
    return _fault_of_ours(error)


def _fault_of_ours(error: BaseException) -> tuple[str, int]:
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else "nowhere"
    text = f"a fault of this program: {type(error).__name__}: {error} ({where})"
    return f"{text}; please report it. With PYTHONDEVMODE=1 all of it is shown", FAILED


_TOLD: dict[type[BaseException], Callable[[Any], tuple[str, int]]] = {
    click.exceptions.Abort: lambda _error: ("interrupted", INTERRUPTED),
    KeyboardInterrupt: lambda _error: ("interrupted", INTERRUPTED),
    click.ClickException: _usage,
    WptError: lambda error: (str(error), error.exit_code),
    ModuleNotFoundError: _of_a_module,
    MemoryError: lambda _error: ("this machine has not enough memory for that", FAILED),
    RecursionError: lambda _error: ("the input is nested too deep", USAGE),
    OSError: _of_the_system,
    ValueError: _of_a_value,
}
