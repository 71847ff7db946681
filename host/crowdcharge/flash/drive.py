# SPDX-License-Identifier: MIT
"""Put the firmware on a CircuitPython board by copying it to the board's USB drive."""

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from crowdcharge.errors import FlashError, InputError
from crowdcharge.flash.micropython import Flashed
from crowdcharge.flash.tree import BoardKind, build, differing, digest, stale

_BOOT_OUT = "boot_out.txt"  # written by CircuitPython at every start
_MARK = "maintenance"  # while it says "flash", code.py does not start the firmware
_VERSION = re.compile(r"CircuitPython (\d+)\.(\d+)")
_OLDEST = 9


def flash(
    kind: BoardKind,
    port: str,
    progress: Callable[[str], None] = lambda _: None,
    firmware: Path | None = None,
) -> Flashed:
    """Flashes a board; `port` is the drive's folder.

    InputError: it is not such a board; FlashError: flash it again.
    """
    drive = Path(port)
    release = _check(kind, drive)
    with tempfile.TemporaryDirectory(prefix="crowdcharge-") as scratch:
        files = build(kind, Path(scratch), firmware)
        changed, unwanted = _update(drive, files, progress)
    version = {"board": kind.name, "vm": f"circuitpython-{release}"}
    kept = len(files) - len(changed)
    return Flashed(tuple(changed), tuple(unwanted), kept, version, maintenance=False)


def _update(
    drive: Path, files: dict[str, Path], progress: Callable[[str], None]
) -> tuple[list[str], list[str]]:
    """Return the files that were copied, and those that were removed."""
    present = {
        path.relative_to(drive).as_posix(): digest(path)
        for path in drive.rglob("*")
        if path.is_file()
    }
    changed = differing(files, present)
    unwanted = stale(files, present)
    try:
        if changed or unwanted:
            _write(drive / _MARK, b"flash")
            for name in unwanted:
                (drive / name).unlink()
            for name in changed:
                progress(f"copying {name}")
                (drive / name).parent.mkdir(parents=True, exist_ok=True)
                _write(drive / name, files[name].read_bytes())
            _verify(drive, files)
            (drive / _MARK).unlink()
    except OSError as error:
        raise FlashError(
            f"{drive}: {error.strerror}: flash again; the board refuses to transmit until then"
        ) from None
    return changed, unwanted


def _check(kind: BoardKind, drive: Path) -> str:
    if kind.vm != "circuitpython":
        raise InputError(f"{drive} is a folder, but {kind.name} is flashed over its serial port")
    try:
        boot_out = (drive / _BOOT_OUT).read_text(encoding="utf-8", errors="replace")
    except OSError:
        raise InputError(f"{drive} is no CircuitPython drive (no boot_out.txt)") from None
    found = _VERSION.search(boot_out)
    if found is None or int(found[1]) < _OLDEST:
        raise InputError(f"{drive}: CircuitPython {_OLDEST} or newer is needed on the board")
    return f"{found[1]}.{found[2]}"


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _verify(drive: Path, files: dict[str, Path]) -> None:
    wrong = differing(files, {name: digest(drive / name) for name in files})
    if wrong:
        raise FlashError(f"{drive}: {', '.join(wrong[:3])} did not arrive whole: flash again")
