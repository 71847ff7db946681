# SPDX-License-Identifier: MIT
"""Put the firmware on a MicroPython board: changed files only, verified, with the coil off.

1. The console command `maintenance on` ends a transfer and reboots without the watchdog. A board
   whose firmware does not answer may have a watchdog that runs: it is marked and reset at once.
2. mpremote takes over. A mark in the file system keeps main.py from starting the firmware.
3. Changed files are copied, and the digests of all are compared.
4. Only then the mark is removed; the board reboots and must answer. After an interruption before
   this the board stays at its prompt, and flashing can simply be repeated.
"""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from crowdcharge.errors import CommandRefused, FlashError, InputError, NoAnswer
from crowdcharge.flash import mpremote, scripts
from crowdcharge.flash.serial_line import SerialLine
from crowdcharge.flash.tree import BoardKind, build, differing, stale

_OLDEST = (1, 21)  # the first MicroPython whose asyncio has that name
_SURVEYS = 3  # a busy computer may lose part of the longest answer that there is
_MPY_VERSION = 6  # of mpy-cross's files


@dataclass(frozen=True, slots=True)
class Flashed:
    """What was flashed, as paths on the board; `version` is its console's answer."""

    copied: tuple[str, ...]
    removed: tuple[str, ...]
    kept: int
    version: dict[str, str]
    maintenance: bool


def flash(
    kind: BoardKind,
    port: str,
    progress: Callable[[str], None] = lambda _: None,
    firmware: Path | None = None,
) -> Flashed:
    """Flash a board. InputError: it is of another kind; LineError, FlashError: try again."""
    with tempfile.TemporaryDirectory(prefix="crowdcharge-") as scratch:
        progress("compiling")
        files = build(kind, Path(scratch), firmware)
        progress("coil off, watchdog off")
        before = _quieten(kind, port)
        progress("comparing")
        found = _survey(port)
        _check(kind, port, found)
        if before is None:
            _hold(port)
        changed = differing(files, found["files"])
        unwanted = stale(files, found["files"])
        if changed or unwanted:
            _copy(port, files, changed, unwanted, Path(scratch) / "copied", progress)
        progress("starting")
        release = mpremote.script(scripts.RELEASE, board=kind.name)
        mpremote.run(port, ["resume"], release, ["reset"])
    stays = before is True
    version = _started(kind, port, stays)
    return Flashed(
        tuple(changed), tuple(unwanted), len(files) - len(changed), version, maintenance=stays
    )


def _quieten(kind: BoardKind, port: str) -> bool | None:
    """Put the board into maintenance; True if it was there before, None if nobody answers."""
    with SerialLine(port) as line, suppress(NoAnswer, CommandRefused):
        name = line.ask("version", timeout_s=1.0, tries=2).get("board")
        if name != kind.name:
            raise InputError(f"{port}: this board is a {name}, not a {kind.name}")
        return not line.maintain(True)
    return None


def _survey(port: str, *first: list[str]) -> dict[str, Any]:
    """Ask what the board is and has, again if part of the long answer was lost."""
    for _ in range(_SURVEYS):
        try:
            return dict(mpremote.run(port, *first, mpremote.script(scripts.SURVEY)))
        except mpremote.AnswerCutShort as error:
            cut = error
    raise cut


def _hold(port: str) -> None:
    """Reset the board to its prompt, where no watchdog of a failed start can end the copying."""
    mpremote.run(port, ["resume"], mpremote.script(scripts.HOLD), ["reset"])
    with SerialLine(port) as line:
        line.wait_for_prompt()


def _check(kind: BoardKind, port: str, found: dict[str, Any]) -> None:
    release = ".".join(str(number) for number in found["version"])
    if found["vm"] != kind.vm:
        raise InputError(f"{port}: {kind.name} needs {kind.vm}, but {found['vm']} runs there")
    if found["mpy"] != _MPY_VERSION or tuple(found["version"]) < _OLDEST:
        raise InputError(
            f"{port}: MicroPython {release} (.mpy version {found['mpy']}) cannot run our files:"
            f" install MicroPython {_OLDEST[0]}.{_OLDEST[1]} or newer on the board first"
        )
    if found["board"] not in {"", kind.name}:
        raise InputError(f"{port}: this board is a {found['board']}, not a {kind.name}")


def _copy(
    port: str,
    files: dict[str, Path],
    changed: list[str],
    unwanted: list[str],
    scratch: Path,
    progress: Callable[[str], None],
) -> None:
    parents = {str(parent) for name in files for parent in PurePosixPath(name).parents}
    folders = sorted(parents - {"."})
    mark = mpremote.script(scripts.MARK, stale=unwanted, folders=folders)
    commands = [["resume"], mark]
    for folder in sorted({str(PurePosixPath(name).parent) for name in changed}):
        sources = [
            str(_named(files[name], name, scratch))
            for name in changed
            if str(PurePosixPath(name).parent) == folder
        ]
        # A folder's name ends with a slash; the root is a colon alone.
        commands.append(["fs", "cp", *sources, ":" if folder == "." else f":{folder}/"])
    mpremote.run(port, *commands, on_line=_copying(progress))
    found = _survey(port, ["resume"])
    wrong = differing(files, found["files"])
    if wrong:
        raise FlashError(
            f"{port}: {', '.join(wrong[:3])} did not arrive whole: flash again (the board refuses"
            " to transmit until then); if it stays so, its flash is full or worn"
        )


def _named(source: Path, name: str, scratch: Path) -> Path:
    """Return a source with the target's file name, because mpremote names a copy after it."""
    if source.name == PurePosixPath(name).name:
        return source
    renamed = scratch / name
    renamed.parent.mkdir(parents=True, exist_ok=True)
    renamed.write_bytes(source.read_bytes())
    return renamed


def _copying(progress: Callable[[str], None]) -> Callable[[str], None]:
    def line(text: str) -> None:
        if text.startswith("cp "):
            progress(f"copying {PurePosixPath(text.split()[1]).name}")

    return line


def _started(kind: BoardKind, port: str, stays: bool) -> dict[str, str]:
    """Wait for the new firmware to answer, then let the board leave maintenance."""
    with SerialLine(port) as line:
        version = line.ask("version", tries=10)
        if version.get("board") != kind.name:
            raise FlashError(f"{port}: {version.get('board')} answers, not {kind.name}")
        if not stays:
            line.maintain(False)
    return version
