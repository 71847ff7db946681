# SPDX-License-Identifier: MIT
"""Which virtual benches are up in this home, by name: each has a small file while it runs."""

import contextlib
import json
import os
import re
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crowdcharge.errors import BenchError, InputError


@dataclass(frozen=True, slots=True)
class Announced:
    """`control` is its socket; `transports` are its radios, as a run's file names them."""

    name: str
    control: Path
    transports: tuple[str, ...]


def folder() -> Path:
    """Return the user's cache folder, or a private one for a user without a home."""
    cache = os.environ.get("XDG_CACHE_HOME")
    if not cache:
        try:
            cache = str(Path.home() / ".cache")
        except RuntimeError:
            cache = str(Path(tempfile.gettempdir()) / f"crowdcharge-{os.getuid()}")
    return Path(cache) / "crowdcharge" / "benches"


def check_name(name: str) -> str:
    """Return the name if it can be one, and no bench that is up has it; else InputError."""
    if not re.fullmatch(r"[\w-]{1,64}", name):
        raise InputError(f"--name {name!r} must be letters, digits, _ and -")
    if any(bench.name == name for bench in found()):
        raise InputError(f"a bench {name} is up already: name this one with --name")
    return name


def free_name(wish: str) -> str:
    """Return the name that was wished for, or the next one with a number that no bench has."""
    wish = re.sub(r"[^\w-]", "-", wish)[:60] or "bench"
    taken = {bench.name for bench in found()}
    return next(
        name
        for name in (wish, *(f"{wish}-{number}" for number in range(2, 10_000)))
        if name not in taken
    )


@contextlib.contextmanager
def announced(bench: Announced) -> Iterator[bool]:
    """Keep the bench's file while the block runs; False if this home takes no files."""
    file = folder() / f"{bench.name}.json"
    record = {"control": str(bench.control), "transports": bench.transports}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(record), encoding="utf-8")
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        with contextlib.suppress(OSError):
            file.unlink()


def found() -> list[Announced]:
    """Return the benches that are up, by name; what a killed one has left is passed over."""
    try:
        files = sorted(folder().glob("*.json"))
    except OSError:
        return []
    benches = (_read(file) for file in files)
    return [bench for bench in benches if bench is not None and _answers(bench.control)]


def control_of(name: str = "", transport: str = "") -> Path:
    """Return the control socket of the bench of that name, of that radio, or of the only one.

    BenchError if there is none or a choice: a fault must never reach somebody else's bench.
    """
    up = found()
    if name:
        up = [bench for bench in up if bench.name == name]
    elif transport:
        up = [bench for bench in up if transport in bench.transports]
    if len(up) == 1:
        return up[0].control
    if up:
        names = ", ".join(bench.name for bench in up)
        raise BenchError(f"several benches are up ({names}): say which with --bench NAME")
    what = f"no bench {name} is up" if name else "no bench is up"
    if transport and not name:
        what = f"no bench with the radio {transport} is up in this home"
    raise BenchError(f"{what}: start one with crowdcharge bench up")


def _read(file: Path) -> Announced | None:
    try:
        record: Any = json.loads(file.read_text(encoding="utf-8"))
        return Announced(file.stem, Path(record["control"]), tuple(record["transports"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _answers(control: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(control))
        except OSError:
            return False
    return True
